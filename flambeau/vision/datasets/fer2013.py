"""FER 2013: grey faces, 48 by 48 pixels, with one of seven expressions."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import flambeau

from .._pillow import image_module
from ._files import FileDataset, Root, contents_of
from .utils import verify_str_arg
from .vision import Transform

#: Forms in which the data set goes around, in the order in which they are looked for: the file's name and MD5.
_WHOLE = [
    ("fer2013.csv", "f8428a1edbd21e88f42c73edd2a14f95"),
    ("icml_face_data.csv", "b114b9e04e6949e5fe8b6a98b3892b1d"),
]
_PARTS = {
    "train": ("train.csv", "3f0dfb3d3fd99c811a1299cb947e3131"),
    "test": ("test.csv", "b02c2298636a634e8c2faabbf3ea9a23"),
}


class FER2013(FileDataset):
    """Faces in ``root/fer2013``: one of ``fer2013.csv``, ``icml_face_data.csv``, or ``train.csv`` and ``test.csv``.

    A target is a number from 0 to 6 (angry, disgusted, afraid, happy, sad, surprised, none of these), or None in ``test.csv``.
    """

    _page = (
        "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge, which wants "
        "a registration"
    )
    _shown = "split={_split}"

    def __init__(
        self, root: Root, split: str = "train", transform: Transform = None, target_transform: Transform = None
    ) -> None:
        self._split = verify_str_arg(split, "split", ("train", "test"))
        super().__init__(root, transform, target_transform)

    def _file(self) -> tuple[Path, str]:
        folder = self._directory / "fer2013"
        there = [(name, md5) for name, md5 in _WHOLE if (folder / name).exists()]
        name, md5 = there[0] if there else _PARTS[self._split]
        return folder / name, md5

    def _required(self) -> Iterable[Path]:
        return [self._file()[0]]

    def _digests(self) -> Mapping[Path, str]:
        return dict([self._file()])

    def _read(self) -> None:
        path, _ = self._file()
        usages = ("Training",) if self._split == "train" else ("PublicTest", "PrivateTest")
        self._samples = []
        with contents_of(path), open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file, skipinitialspace=True):
                if "Usage" in row and row["Usage"] not in usages:
                    continue
                label = int(row["emotion"]) if "emotion" in row else None
                pixels = np.array(row["pixels"].split(), np.uint8).reshape(48, 48)
                self._samples.append((flambeau.from_numpy(pixels), label))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        pixels, label = self._samples[index]
        return self._transformed(image_module().fromarray(pixels.numpy()), label)

    def __len__(self) -> int:
        return len(self._samples)
