"""STL-10: few labelled pictures, 96 by 96 pixels, and many without labels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._pillow import image_module
from ._files import FileDataset, Root, Source, contents_of, lines_of
from .utils import verify_str_arg
from .vision import Transform


class STL10(FileDataset):
    """Pictures and labels in ``root/stl10_binary/*.bin``; ``data`` is an array of bytes (number, 3, 96, 96).

    ``split`` is ``"train"``, ``"test"``, ``"unlabeled"`` (targets are -1) or ``"train+unlabeled"``; ``folds``, from 0 to 9,
    chooses a thousand of those to train with.
    """

    base_folder = "stl10_binary"
    url = "http://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz"
    filename = "stl10_binary.tar.gz"
    tgz_md5 = "91f7769df0f17e558f3565bffb0c7dfb"
    class_names_file = "class_names.txt"
    folds_list_file = "fold_indices.txt"
    train_list = [
        ["train_X.bin", "918c2871b30a85fa023e0c44e0bee87f"],
        ["train_y.bin", "5a34089d4802c674881badbb80307741"],
        ["unlabeled_X.bin", "5242ba1fed5e4be9e1e742405eb56ca4"],
    ]
    test_list = [
        ["test_X.bin", "7f263ba9f9e0b06b93213547f721ac82"],
        ["test_y.bin", "36f9794fa4beb8a2c72628de14fa638e"],
    ]
    splits = ("train", "train+unlabeled", "unlabeled", "test")
    _sources = (Source(url, tgz_md5),)
    _shown = "Split: {split}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        folds: int | None = None,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        self.split = verify_str_arg(split, "split", self.splits)
        self.folds = self._verify_folds(folds)
        super().__init__(root, transform, target_transform, download)

    def _verify_folds(self, folds: int | None) -> int | None:
        if folds is not None and not isinstance(folds, int):
            raise ValueError(f"Expected type None or int for argument folds, but got type {type(folds)}.")
        if folds is not None and not 0 <= folds < 10:
            raise ValueError(f"Value for argument folds should be in the range [0, 10), but got {folds}.")
        return folds

    def _path(self, name: str) -> Path:
        return self._directory / self.base_folder / name

    def _used(self) -> list[list[str]]:
        """The files that are read, with their MD5."""
        if self.split == "test":
            return self.test_list
        first = 0 if self.split.startswith("train") else 2
        return self.train_list[first : 3 if "unlabeled" in self.split else 2]

    def _required(self) -> Iterable[Path]:
        folds = [] if self.folds is None else [self.folds_list_file]
        return [self._path(name) for name in [*(name for name, _ in self._used()), *folds]]

    def _digests(self) -> Mapping[Path, str]:
        return {self._path(name): md5 for name, md5 in self._used()}

    def _read(self) -> None:
        pictures, labels = [], []
        for name, _ in self._used():
            path = self._path(name)
            with contents_of(path):
                numbers = np.fromfile(path, np.uint8)
                if name.endswith("_y.bin"):
                    labels.append(numbers - 1)
                else:  # columns of each plane, one after the other
                    pictures.append(numbers.reshape(-1, 3, 96, 96).swapaxes(2, 3))
        if labels and len(labels[0]) != len(pictures[0]):
            raise RuntimeError(f"{self._path('')} holds {len(pictures[0])} pictures, but {len(labels[0])} labels")
        if self.folds is not None and self.split.startswith("train"):
            path = self._path(self.folds_list_file)
            with contents_of(path):
                chosen = np.array(lines_of(path)[self.folds].split(), np.int64)
                pictures[0], labels[0] = pictures[0][chosen], labels[0][chosen]
        if "unlabeled" in self.split:
            labels.append(np.full(len(pictures[-1]), -1))
        self.data: Any = np.concatenate(pictures)
        self.labels: Any = np.concatenate(labels)
        if os.path.isfile(names := self._path(self.class_names_file)):
            self.classes = lines_of(names)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = image_module().fromarray(np.ascontiguousarray(self.data[index].transpose(1, 2, 0)))
        return self._transformed(picture, int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)
