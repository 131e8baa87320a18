"""Semantic Boundaries: outlines of the things in pictures of PASCAL VOC."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .._pillow import image_module, read_picture
from ._files import FileDataset, Root, Source, contents_of, lines_of, load_mat
from .utils import verify_str_arg
from .vision import Transform

_BENCHMARK = Source(
    "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
    "82b4d87ceb2ed10f6038a1cba92111cb",
)
_REST = Source(
    "https://www.cs.cornell.edu/~bharathh/train_noval.txt", "79bff800c5f0b1ec6b21080a3c066722", archive=False
)


class SBDataset(FileDataset):
    """Pictures ``root/img/*.jpg`` that ``root/IMAGE_SET.txt`` names; targets are in ``root/cls/*.mat``, read by SciPy.

    A target is an array (20, height, width) of outlines of each class (``mode="boundaries"``), or a picture of classes
    (``"segmentation"``). ``image_set`` is ``"train"``, ``"val"``, or ``"train_noval"`` (without what VOC validates with).
    """

    url, md5, filename = _BENCHMARK.url, _BENCHMARK.md5, "benchmark.tgz"
    voc_train_url, voc_split_md5, voc_split_filename = _REST.url, _REST.md5, "train_noval.txt"
    num_classes = 20
    _missing = FileNotFoundError
    _sources = (_BENCHMARK,)
    _shown = "Image set: {image_set}\nMode: {mode}"

    def __init__(
        self,
        root: Root,
        image_set: str = "train",
        mode: str = "boundaries",
        download: bool = False,
        transforms: Transform = None,
    ) -> None:
        self.image_set = verify_str_arg(image_set, "image_set", ("train", "val", "train_noval"))
        self.mode = verify_str_arg(mode, "mode", ("segmentation", "boundaries"))
        super().__init__(root, None, None, download, transforms=transforms)

    def _required(self) -> Iterable[Path]:
        return [self._directory / name for name in (f"{self.image_set}.txt", "img", "cls")]

    def download(self) -> None:
        """Get and unpack the published files, unless they are there."""
        if self._check_exists():
            return
        if not (self._directory / "img").exists():
            _BENCHMARK.fetch(self._directory)
            for name in ("cls", "img", "inst", "train.txt", "val.txt"):
                shutil.move(self._directory / "benchmark_RELEASE" / "dataset" / name, self._directory)
        if self.image_set == "train_noval":
            _REST.fetch(self._directory)

    def _read(self) -> None:
        listing, pictures, targets = self._required()
        names = lines_of(listing)
        self.images = [str(pictures / f"{name}.jpg") for name in names]
        self.masks = [str(targets / f"{name}.mat") for name in names]

    def _get_target(self, filepath: str) -> Any:
        with contents_of(filepath):
            truth = load_mat(filepath)["GTcls"][0]
            if self.mode == "segmentation":
                return image_module().fromarray(truth["Segmentation"][0])
            outlines = truth["Boundaries"][0]
            return np.stack([outlines[number][0].toarray() for number in range(self.num_classes)])

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._both(read_picture(self.images[index], "RGB"), self._get_target(self.masks[index]))

    def __len__(self) -> int:
        return len(self.images)
