"""Sequences of different lengths as one tensor: padded, (steps, sequences, …), or packed, without what is only padding.

A packed batch has rows: those of the first step, then those of the second, and so on; the longest sequences come first, so that
the sequences that have a step are the first ones. From one form to the other is a gather, in both directions: each element
is read at its place in the other form. Its gradient is the way back, so no two elements are ever added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..core.composite import tensor_of
from ..core.device import contiguous_format
from ..core.history import Gradient
from ..core.tensor import Tensor
from ..cpu.memory import allocate
from ..graph.dtypes import TYPE_NAMES, int64
from ..graph.primitives import nbytes
from ..graph.shapes import Size
from ..graph.trace import Node
from .addressing import ROW, Addressing, gathered, value_for
from .choice import where
from .conversion import converted
from .dispatch import with_history
from .from_data import from_array
from .joining import cat
from .operation import operation

_UNSORTED = (
    "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass `enforce_sorted=False` to "
    "pack_padded_sequence and/or pack_sequence to sidestep this requirement if you do not need ONNX exportability."
)


def _counts(tensor: Tensor) -> np.ndarray:
    """The values of a vector of int64; ``RuntimeError``, which calls it lengths whatever it is, for anything else."""
    if tensor.ndim != 1 or tensor.dtype is not int64:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {tensor.ndim}D cpu {TYPE_NAMES[tensor.dtype]} tensor"
        )
    return tensor.detach()._array_now()


def sizes_of_steps(batch_sizes: Tensor) -> tuple[int, ...]:
    """How many sequences have each step: positive, and never more than before (``RuntimeError``)."""
    if batch_sizes.dtype is not int64:
        raise RuntimeError(f"expected scalar type Long but found {TYPE_NAMES[batch_sizes.dtype]}")
    sizes = tuple(_counts(batch_sizes).tolist())
    for size, later in zip(sizes, sizes[1:]):
        if later > size:
            raise RuntimeError(f"batch_sizes must not increase, but there are {size} and then {later}")
    if sizes and sizes[-1] < 1:
        raise RuntimeError(f"batch_sizes must be positive, but got {sizes[-1]}")
    return sizes


class Places:
    """Where the rows of a packed batch are in a padded one of ``steps`` steps, and the other way round.

    ``order`` names the sequence of the padded batch that is each one of the packed batch.
    """

    def __init__(self, sizes: np.ndarray, steps: int, order: np.ndarray) -> None:
        self.sizes = sizes
        self.steps = steps
        self.order = order

    @cached_property
    def rows_of_padded(self) -> tuple[Tensor, Tensor]:
        """For each packed row its step and its sequence."""
        sizes = self.sizes[: self.steps]
        starts = np.cumsum(sizes) - sizes
        steps = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        sequences = self.order[np.arange(len(steps), dtype=np.int64) - starts[steps]]
        return from_array(steps), from_array(sequences)

    @cached_property
    def rows_of_packed(self) -> tuple[Tensor, Tensor]:
        """For each step and sequence of the padded batch its packed row, or the first one, and whether there is one."""
        sequences = len(self.order)
        sizes = np.zeros(self.steps, np.int64)
        sizes[: len(self.sizes)] = self.sizes[: self.steps]
        starts = np.cumsum(sizes) - sizes
        rank = np.empty(sequences, np.int64)  # where each sequence is in the packed batch
        rank[self.order] = np.arange(sequences)
        there = rank < sizes[:, None]
        return from_array(np.where(there, starts[:, None] + rank, 0)), from_array(there)


class PackPaddedSequenceBackward0(Gradient):
    """``context``: the places."""

    replayable = False  # places differ from batch to batch

    def backward(self, grad: Tensor) -> Tensor:
        return padded_at(grad, self.context, 0.0)


class PadPackedSequenceBackward0(Gradient):
    """``context``: the places."""

    replayable = False

    def backward(self, grad: Tensor) -> Tensor:
        return packed_at(grad, self.context)


def packed_at(input: Tensor, places: Places) -> Tensor:
    """The rows of a padded batch (steps, sequences, …) at ``places``."""
    plain = tensor_of(input._read(), input._view)
    steps, sequences = places.rows_of_padded
    result = gathered(plain, Addressing(plain, {0: steps, 1: sequences}, ROW))
    return with_history(result, PackPaddedSequenceBackward0, [input], places)


def padded_at(data: Tensor, places: Places, value: Any) -> Tensor:
    """A padded batch (steps, sequences, …) with the rows of ``data`` at ``places`` and ``value`` elsewhere."""
    plain = tensor_of(data._read(), data._view)
    rows, there = places.rows_of_packed
    found = gathered(plain, Addressing(plain, {0: rows}, ROW))
    there = there.reshape(*there.shape, *[1] * (data.ndim - 1))
    result = where(there, found, value_for(found, value))
    return with_history(result, PadPackedSequenceBackward0, [data], places)


def packed(input: Tensor, lengths: np.ndarray, batch_first: bool, order: np.ndarray) -> tuple[Tensor, Tensor]:
    """The packed rows of a padded batch, and how many sequences have each step; ``lengths`` are in the order of the rows."""
    if batch_first:
        input = input.transpose(0, 1)
    if input.size(1) != len(lengths):
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(lengths)} (batch_size={input.shape[1]})"
        )
    if not input.numel():
        raise RuntimeError("Cannot pack empty tensors.")
    if lengths[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if (lengths[1:] > lengths[:-1]).any():
        raise RuntimeError(_UNSORTED)
    # Of as many sequences as are longer than k there is a step number k.
    sizes = len(lengths) - np.searchsorted(lengths[::-1], np.arange(lengths[0]), side="right")
    data = packed_at(input, Places(sizes, input.shape[0], order))
    return data, from_array(sizes.astype(np.int64))


def packed_by_length(input: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As :func:`_pack_padded_sequence`, after sorting by length; and the order, and where in it each sequence is."""
    counts = _counts(lengths)
    order = np.argsort(-counts, kind="stable")
    data, batch_sizes = packed(input, counts[order], batch_first, order)
    return data, batch_sizes, from_array(order), from_array(np.argsort(order))


@operation(method=False)
def _pack_padded_sequence(input: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """The rows of a padded batch without the padding, and how many sequences have each step.

    ``input`` is (steps, sequences, …), or with ``batch_first`` (sequences, steps, …); ``lengths`` must not increase.
    """
    counts = _counts(lengths)
    return packed(input, counts, batch_first, np.arange(len(counts), dtype=np.int64))


def padded(
    data: Tensor, batch_sizes: Tensor, batch_first: bool, padding_value: Any, total_length: int, places: Tensor | None
) -> tuple[Tensor, Tensor]:
    """A padded batch of at least ``total_length`` steps, and the lengths of its sequences.

    ``places`` says which of the packed sequences each one is, if they are not in this order.
    """
    _counts(batch_sizes)
    sizes = np.asarray(sizes_of_steps(batch_sizes), np.int64)
    if 0 < total_length < len(sizes):
        raise RuntimeError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {len(sizes)}"
        )
    rows = int(sizes.sum())
    if data.shape[0] < rows:
        raise RuntimeError(f"batch_sizes are of {rows} rows, but the data has {data.shape[0]}")
    sequences = int(sizes[0])
    order = np.arange(sequences, dtype=np.int64)
    if places is not None:
        named = _counts(places)
        if not np.array_equal(np.sort(named), order):
            raise RuntimeError(f"unsorted_indices are no permutation of {sequences} sequences")
        order = np.argsort(named)
    lengths = np.empty(sequences, np.int64)
    lengths[order] = len(sizes) - np.searchsorted(sizes[::-1], np.arange(sequences), side="right")
    if data.shape[0] > rows:
        data = data.narrow(0, 0, rows)
    result = padded_at(data, Places(sizes, max(total_length, len(sizes)), order), padding_value)
    if batch_first:
        result = result.transpose(0, 1)
        if places is not None:  # PyTorch selects sequences in another order, and what is selected lies in logical order
            result = result.clone(memory_format=contiguous_format)
    return result, from_array(lengths)


@operation(method=False)
def _pad_packed_sequence(
    data: Tensor, batch_sizes: Tensor, batch_first: bool, padding_value: float, total_length: int
) -> tuple[Tensor, Tensor]:
    """The way back from :func:`_pack_padded_sequence`, to ``total_length`` steps if that is positive; and the lengths."""
    return padded(data, batch_sizes, batch_first, padding_value, total_length, None)


# --- a list of sequences ----------------------------------------------------------------------------------------------


class PadSequenceBackward0(Gradient):
    """``context`` (first step of each sequence, whether the batch comes first)."""

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        starts, lengths, batch_first = self.context
        return tuple(
            None if edge is None else grad.select(0 if batch_first else 1, k).narrow(0, start, length)
            for k, (edge, start, length) in enumerate(zip(self.edges, starts, lengths))
        )


def pad_sequence(sequences: Iterable[Tensor], batch_first: bool, padding_value: float, padding_side: str) -> Tensor:
    """Sequences (length, …) beside each other, ``padding_value`` where they are shorter than the longest.

    The result has the first one's dtype; it is (steps, sequences, …), or with ``batch_first`` (sequences, steps, …).
    """
    many = list(sequences)
    if not many:
        raise RuntimeError("received an empty list of sequences")
    for k, sequence in enumerate(many):
        if not isinstance(sequence, Tensor):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {type(sequence).__name__}")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    first = many[0]
    if not first.ndim:
        raise RuntimeError("ArrayRef: invalid slice, N = 1; size = 0")
    lengths = [sequence.size(0) for sequence in many]
    steps = max(lengths)
    starts = [steps - length if padding_side == "left" else 0 for length in lengths]
    if first.of_parts:
        return _padded_parts(many, lengths, starts, steps, batch_first, padding_value)
    value = value_for(first, padding_value)
    result = _padded_now(many, starts, steps, batch_first, value)
    if result is None:
        result = _padded_when_known(many, lengths, starts, steps, batch_first, value)
    return with_history(result, PadSequenceBackward0, many, (tuple(starts), tuple(lengths), bool(batch_first)))


def _padded_parts(
    many: Sequence[Any], lengths: Sequence[int], starts: Sequence[int], steps: int, batch_first: bool, value: Any
) -> Tensor:
    """The padded batch of sequences that are made of other tensors, such as complex ones."""
    result = many[0].new_full((len(many), steps, *many[0].shape[1:]), value)
    for number, (sequence, length, start) in enumerate(zip(many, lengths, starts)):
        result[number, start : start + length] = sequence
    return result if batch_first else result.transpose(0, 1).contiguous()  # type: ignore[no-any-return]


def _padded_now(
    many: Sequence[Tensor], starts: Sequence[int], steps: int, batch_first: bool, value: Tensor
) -> Tensor | None:
    """The padded batch, made at once of sequences in memory, which are different ones each time; None if some are not."""
    first = many[0]
    d, rest = first.dtype, first.shape[1:]
    for sequence in many:
        if sequence._read().buffer is None or sequence.dtype is not d or sequence.shape[1:] != rest or sequence._tracked:
            return None
    arrays = [sequence._array() for sequence in many]
    shape = Size((len(many), steps, *rest) if batch_first else (steps, len(many), *rest))
    buffer = allocate(nbytes(shape, d))
    memory = buffer.peek(arrays[0].dtype, shape)
    memory[...] = value._array()
    for place, (array, start) in enumerate(zip(arrays, starts)):
        (memory[place] if batch_first else memory[:, place])[start : start + len(array)] = array
    return Tensor._from_node(Node(shape, d, None, 0, buffer))


def _padded_when_known(
    many: Sequence[Tensor], lengths: Sequence[int], starts: Sequence[int], steps: int, batch_first: bool, value: Tensor
) -> Tensor:
    """The padded batch as a gather from the sequences, one behind the other."""
    first = many[0]
    alike = [
        converted(x.detach(), first.dtype).expand(length, *first.shape[1:]) for x, length in zip(many, lengths)
    ]
    rows = cat(alike, 0)
    if not rows.numel():
        shape = (len(many), steps) if batch_first else (steps, len(many))
        return value.expand(*shape, *first.shape[1:]).clone()
    within = np.arange(steps) - np.asarray(starts)[:, None]
    there = (within >= 0) & (within < np.asarray(lengths)[:, None])
    places = np.where(there, within + (np.cumsum(lengths) - lengths)[:, None], 0)
    if not batch_first:
        there, places = there.T, places.T
    found = gathered(rows, Addressing(rows, {0: from_array(np.ascontiguousarray(places))}, ROW))
    shown = from_array(np.ascontiguousarray(there)).reshape(*there.shape, *[1] * (first.ndim - 1))
    return where(shown, found, value)  # type: ignore[no-any-return]
