"""SEMEION: digits written by hand, 16 by 16 pixels, black and white."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._pillow import image_module
from ._files import FileDataset, Root, Source, contents_of
from .vision import Transform


class SEMEION(FileDataset):
    """Digits in the lines of ``root/semeion.data``: 256 pixels, and a one in the place of the digit among ten numbers."""

    url = "http://archive.ics.uci.edu/ml/machine-learning-databases/semeion/semeion.data"
    filename = "semeion.data"
    md5_checksum = "cb545d371d2ce14ec121470795a77432"
    _sources = (Source(url, md5_checksum, archive=False),)

    def __init__(
        self, root: Root, transform: Transform = None, target_transform: Transform = None, download: bool = True
    ) -> None:
        super().__init__(root, transform, target_transform, download)

    def _required(self) -> Iterable[Path]:
        return [self._directory / self.filename]

    def _digests(self) -> Mapping[Path, str]:
        return {self._directory / self.filename: self.md5_checksum}

    def _read(self) -> None:
        path = self._directory / self.filename
        with contents_of(path):
            rows = np.loadtxt(path, ndmin=2)
            self.data = (rows[:, :256] * 255).astype(np.uint8).reshape(-1, 16, 16)
            places, self.labels = np.nonzero(rows[:, 256:])
            if not np.array_equal(places, np.arange(len(rows))):
                raise ValueError("there are lines that do not have just one label")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(image_module().fromarray(self.data[index]), int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)
