"""Reading the samples of one batch, in whichever process it happens."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..dataset import IterableDataset, rows_of_tensors
from .collate import default_collate


@dataclass
class Fetcher:
    """How a loader makes a batch out of indices; handed to each worker.

    ``iterable``: the dataset is a stream, and the indices only say how many samples are wanted. ``batched``: indices
    come as lists and their samples are collated; otherwise one index makes one "batch".
    """

    dataset: Any
    iterable: bool
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    _stream: Iterator[Any] | None = None

    def restart(self) -> None:
        """Begin an epoch."""
        self._stream = iter(self.dataset) if self.iterable else None

    def fetch(self, indices: Any) -> Any:
        """The batch for ``indices``. Raises ``StopIteration`` at the end of a stream."""
        if self.collate_fn is default_collate and self.batched and not self.iterable:
            batch = rows_of_tensors(self.dataset, indices)
            if batch is not None:
                return batch
        return self.collate_fn(self._from_stream(indices) if self.iterable else self._by_index(indices))

    def _by_index(self, indices: Any) -> Any:
        if not self.batched:
            return self.dataset[indices]
        many = getattr(self.dataset, "__getitems__", None)
        return many(indices) if callable(many) else [self.dataset[index] for index in indices]

    def _from_stream(self, indices: Any) -> Any:
        assert self._stream is not None
        if not self.batched:
            return next(self._stream)
        samples = list(itertools.islice(self._stream, len(indices)))
        if not samples or (self.drop_last and len(samples) < len(indices)):
            raise StopIteration
        return samples


class StreamLength:
    """Warns once when a stream gives more batches than its ``__len__`` promised."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._delivered = 0
        self._promised: int | None = None
        if isinstance(loader.dataset, IterableDataset) and hasattr(loader.dataset, "__len__"):
            self._promised = len(loader)

    def expected(self) -> int:
        return len(self._loader)

    def count(self) -> None:
        self._delivered += 1
        if self._promised is not None and self._delivered == self._promised + 1:
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {self._promised} (when accessing "
                f"len(dataloader)), but {self._delivered} samples have been fetched. "
                + (
                    "For multiprocessing data-loading, this could be caused by not properly configuring the "
                    "IterableDataset replica at each worker. Please see "
                    "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
                    if self._loader.num_workers > 0
                    else ""
                ),
                stacklevel=3,
            )
