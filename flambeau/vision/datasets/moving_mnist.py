"""Moving MNIST: two digits that move about in a film of twenty pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import flambeau

from ._files import FileDataset, Root, Source, contents_of
from .utils import verify_str_arg
from .vision import Transform


class MovingMNIST(FileDataset):
    """Films in ``root/MovingMNIST/mnist_test_seq.npy``; a sample is a tensor of bytes (pictures, 1, 64, 64).

    ``split="train"`` has the first ``split_ratio`` pictures of each film, ``"test"`` the others, and None has all.
    """

    _sources = (
        Source(
            "http://www.cs.toronto.edu/~nitish/unsupervised_video/mnist_test_seq.npy",
            "be083ec986bfe91a449d63653c411eb2",
            "MovingMNIST",
            archive=False,
        ),
    )

    def __init__(
        self,
        root: Root,
        split: str | None = None,
        split_ratio: int = 10,
        download: bool = False,
        transform: Transform = None,
    ) -> None:
        self.split = None if split is None else verify_str_arg(split, "split", ("train", "test"))
        if not isinstance(split_ratio, int):
            raise TypeError(f"`split_ratio` should be an integer, but got {type(split_ratio)}")
        if not 1 <= split_ratio <= 19:
            raise ValueError(f"`split_ratio` should be `1 <= split_ratio <= 19`, but got {split_ratio} instead.")
        self.split_ratio = split_ratio
        super().__init__(root, transform, None, download)

    def _required(self) -> Iterable[Path]:
        return [self._directory / type(self).__name__ / "mnist_test_seq.npy"]

    def _read(self) -> None:
        (path,) = self._required()
        with contents_of(path):
            films = np.load(path, allow_pickle=False)
            if films.ndim != 4 or films.dtype != np.uint8:
                raise ValueError(f"{films.dtype} {films.shape} in the place of bytes (pictures, films, height, width)")
        parts = {None: slice(None), "train": slice(self.split_ratio), "test": slice(self.split_ratio, None)}
        films = films[parts[self.split]].swapaxes(0, 1)[:, :, None]
        self.data: Any = flambeau.from_numpy(np.ascontiguousarray(films))

    def __getitem__(self, idx: int) -> Any:
        film = self.data[idx]
        return film if self.transform is None else self.transform(film)

    def __len__(self) -> int:
        return len(self.data)
