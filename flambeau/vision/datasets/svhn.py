"""SVHN: digits of house numbers, 32 by 32 pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._pillow import image_module
from ._files import FileDataset, Root, Source, contents_of, load_mat
from .utils import verify_str_arg
from .vision import Transform

_BASE = "http://ufldl.stanford.edu/housenumbers/"
_DIGESTS = {
    "train": "e26dedcc434d2e4c54c9b2d4a06d8373",
    "test": "eb5a983be6a315427106f1b164d9cef3",
    "extra": "a93ce644f1a588dc4d68dda5feec44a7",
}


class SVHN(FileDataset):
    """Digits in ``root/SPLIT_32x32.mat``, read by SciPy; ``data`` is an array of bytes (number, 3, 32, 32)."""

    split_list = {split: [f"{_BASE}{split}_32x32.mat", f"{split}_32x32.mat", md5] for split, md5 in _DIGESTS.items()}
    _shown = "Split: {split}"

    def __init__(
        self,
        root: Root,
        split: str = "train",
        transform: Transform = None,
        target_transform: Transform = None,
        download: bool = False,
    ) -> None:
        self.split = verify_str_arg(split, "split", tuple(self.split_list))
        self.url, self.filename, self.file_md5 = self.split_list[self.split]
        self._sources = [Source(self.url, self.file_md5, archive=False)]
        super().__init__(root, transform, target_transform, download)

    def _required(self) -> Iterable[Path]:
        return [self._directory / self.filename]

    def _digests(self) -> Mapping[Path, str]:
        return {self._directory / self.filename: self.file_md5}

    def _read(self) -> None:
        path = self._directory / self.filename
        contents = load_mat(path)
        with contents_of(path):
            self.data: Any = contents["X"].transpose(3, 2, 0, 1)
            labels = contents["y"].astype(np.int64).reshape(-1)
            if self.data.shape[1:] != (3, 32, 32) or len(labels) != len(self.data):
                raise ValueError(f"pictures {self.data.shape} and {len(labels)} labels")
        self.labels: Any = np.where(labels == 10, 0, labels)  # as which MATLAB counts the digit 0

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = image_module().fromarray(np.ascontiguousarray(self.data[index].transpose(1, 2, 0)))
        return self._transformed(picture, int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)
