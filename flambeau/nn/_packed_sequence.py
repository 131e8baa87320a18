"""A packed batch of sequences, as recurrent layers take and give it; :mod:`flambeau.nn.utils.rnn` makes them."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import flambeau

from ..core.tensor import Tensor


class PackedSequence_(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(PackedSequence_):
    """Sequences of different lengths without padding: the rows of the first step, of the second, and so on.

    ``batch_sizes`` has the number of sequences that have each step, the longest coming first. ``sorted_indices`` says which
    sequence each of them is, ``unsorted_indices`` the other way round; None if the batch was sorted.
    """

    def __new__(
        cls, data: Any, batch_sizes: Tensor | None = None, sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:  # fmt: skip
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:  # the first two as a pair
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def pin_memory(self) -> Self:
        """A copy of which the data and the indices are pinned."""
        indices = [None if x is None else x.pin_memory() for x in self[2:]]
        return type(self)(self.data.pin_memory(), self.batch_sizes, *indices)

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """The data in another dtype or on another device; itself if it is so already. Indices stay integers."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        return type(self)(data, self.batch_sizes, *[None if x is None else x.to(data.device) for x in self[2:]])

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        return self.to(*args, **{**kwargs, "device": "cuda"})

    def cpu(self, *args: Any, **kwargs: Any) -> Self:
        return self.to(*args, **{**kwargs, "device": "cpu"})

    def double(self) -> Self:
        return self.to(dtype=flambeau.float64)

    def float(self) -> Self:
        return self.to(dtype=flambeau.float32)

    def half(self) -> Self:
        return self.to(dtype=flambeau.float16)

    def long(self) -> Self:
        return self.to(dtype=flambeau.int64)

    def int(self) -> Self:
        return self.to(dtype=flambeau.int32)

    def short(self) -> Self:
        return self.to(dtype=flambeau.int16)

    def char(self) -> Self:
        return self.to(dtype=flambeau.int8)

    def byte(self) -> Self:
        return self.to(dtype=flambeau.uint8)

    @property
    def is_cuda(self) -> bool:
        """Whether the data are on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Whether the data are in pinned memory."""
        return self.data.is_pinned()


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another one, given as positions."""
    if permutation is None:
        return None
    places = flambeau.arange(0, permutation.numel(), device=permutation.device)
    return flambeau.empty_like(permutation).scatter_(0, permutation, places)


for _public in (PackedSequence_, PackedSequence, invert_permutation):
    _public.__module__ = "flambeau.nn.utils.rnn"  # where PyTorch has them, and pickles look for them
