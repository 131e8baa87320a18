"""Batches of sequences of different lengths: padded, or packed for recurrent layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...ops import packing
from .._packed_sequence import PackedSequence, invert_permutation
from .._packed_sequence import PackedSequence_ as PackedSequence_

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pad_packed_sequence", "pad_sequence", "unpad_sequence",
    "pack_sequence", "unpack_sequence",
]  # fmt: skip


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | list[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch (steps, sequences, …), or with ``batch_first`` (sequences, steps, …).

    ``lengths`` must not increase, unless ``enforce_sorted`` is false: then the sequences are sorted by length.
    """
    lengths = flambeau.as_tensor(lengths, dtype=flambeau.int64)
    if enforce_sorted:
        return PackedSequence(*flambeau._pack_padded_sequence(input, lengths, batch_first))
    return PackedSequence(*packing.packed_by_length(input, lengths, batch_first))


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The padded batch (steps, sequences, …), or (sequences, steps, …), of a packed one, and the lengths, in the order in which
    they were packed.

    There are as many steps as the longest sequence has, or ``total_length``; ``ValueError`` if that is less.
    """
    steps = sequence.batch_sizes.size(0)
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {steps}"
            )
        steps = total_length
    places = sequence.unsorted_indices
    return packing.padded(sequence.data, sequence.batch_sizes, batch_first, padding_value, steps, places)


def pad_sequence(
    sequences: Iterable[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (length, …) as one tensor (steps, sequences, …), or with ``batch_first`` (sequences, steps, …).

    The shorter ones are filled up with ``padding_value``, on the right or on the left.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    return packing.pad_sequence(sequences, batch_first, padding_value, padding_side)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded batch, each with as many steps as ``lengths`` says."""
    sequences = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    steps = sequences.shape[1]
    counts: list[Any] = flambeau.as_tensor(lengths).tolist()
    return [
        sequence[: min(max(count, 0), steps)].clone() for sequence, count in zip(sequences.unbind(0), counts, strict=True)
    ]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (length, …), the longest first, unless ``enforce_sorted`` is false."""
    lengths = flambeau.as_tensor([sequence.size(0) for sequence in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed batch, in the order in which they were packed."""
    padded_sequences, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded_sequences, lengths, batch_first=True)
