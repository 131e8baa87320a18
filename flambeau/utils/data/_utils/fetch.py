"""Reading the samples of one batch, in whichever process it happens."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..dataset import rows_of_tensors
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
