"""The class of jagged nested tensors, and functions that make them of values and offsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.tensor import Tensor
from ...ops.nested import making
from ...ops.nested.jagged import JaggedTensor as NestedTensor
from ...ops.nested.jagged import Rows
from ...ops.nested.sizes import SymInt, ragged_size

__all__ = [
    "NestedTensor", "buffer_from_jagged", "get_tensor_symint", "jagged_from_list", "nested_view_from_values_offsets",
    "nested_view_from_values_offsets_lengths",
]  # fmt: skip


def nested_view_from_values_offsets(
    values: Tensor, offsets: Tensor, ragged_idx: int = 1, min_seqlen: Any = None, max_seqlen: Any = None
) -> Tensor:
    """A jagged nested tensor that is a view of its values."""
    return making.from_jagged(values, offsets, None, ragged_idx)


def nested_view_from_values_offsets_lengths(
    values: Tensor,
    offsets: Tensor,
    lengths: Tensor | None,
    ragged_idx: int = 1,
    min_seqlen: Any = None,
    max_seqlen: Any = None,
) -> Tensor:
    """The same, of samples that may have fewer rows than there are to the next one."""
    return making.from_jagged(values, offsets, lengths, ragged_idx)


def jagged_from_list(
    tensors: Sequence[Tensor], offsets: Tensor | None, dtype: Any = None, device: Any = None
) -> tuple[Tensor, Tensor]:
    """A jagged nested tensor of copies of tensors, with the offsets given or those that follow."""
    from ...core.device import jagged

    made: Any = making.as_nested([*tensors], dtype, device, jagged)
    if offsets is not None:
        made = NestedTensor.of(made._values, Rows(offsets), made._ragged_idx)
    return made, made._rows.offsets


def buffer_from_jagged(jagged: Any) -> Tensor:
    """The values of a jagged nested tensor."""
    return jagged.values()  # type: ignore[no-any-return]


def get_tensor_symint(tensor: Tensor, *, coeff: int = 1) -> SymInt:
    """The size of a ragged dimension with these offsets."""
    return ragged_size(tensor) if coeff == 1 else ragged_size(tensor) * coeff
