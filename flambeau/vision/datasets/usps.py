"""USPS: digits of postcodes, 16 by 16 pixels."""

from __future__ import annotations

import bz2
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .._pillow import image_module
from ._files import FileDataset, Root, Source, contents_of
from .vision import Transform

_BASE = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"


class USPS(FileDataset):
    """Digits in ``root/usps.bz2`` or ``root/usps.t.bz2``: lines of a label, from 1, and 256 of "PLACE:PIXEL", from -1 to 1."""

    _missing = FileNotFoundError
    split_list = {
        "train": [_BASE + "usps.bz2", "usps.bz2", "ec16c51db3855ca6c91edd34d0e9b197"],
        "test": [_BASE + "usps.t.bz2", "usps.t.bz2", "8ea070ee2aca1ac39742fdd1ef5ed118"],
    }

    def __init__(
        self,
        root: Root,
        train: bool = True,
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        url, self._name, md5 = self.split_list["train" if train else "test"]
        self._sources = [Source(url, md5, archive=False)]
        super().__init__(root, transform, target_transform, download)

    def _required(self) -> Iterable[Path]:
        return [self._directory / self._name]

    def _read(self) -> None:
        path = self._directory / self._name
        try:
            with contents_of(path), bz2.open(path, "rt") as file:
                rows = [line.split() for line in file]
                pixels = np.array([[place.split(":")[-1] for place in row[1:]] for row in rows], np.float32)
                self.targets = [int(row[0]) - 1 for row in rows]
                self.data = ((pixels.reshape(-1, 16, 16) + 1) / 2 * 255).astype(np.uint8)
        except OSError as error:
            if error.errno is not None:  # the system's, not that of the decompressor
                raise
            raise RuntimeError(f"{path} is damaged: {error}") from error

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(image_module().fromarray(self.data[index]), int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.data)
