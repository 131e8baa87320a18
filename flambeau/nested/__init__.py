"""Nested tensors: samples of different sizes in one tensor. What operations do with them is in :mod:`flambeau.ops.nested`."""

from __future__ import annotations

from typing import Any

from ..core.device import strided
from ..core.tensor import Tensor
from ..ops.nested import NestedTensor, making

__all__ = [
    "as_nested_tensor", "masked_select", "narrow", "nested_tensor", "nested_tensor_from_jagged", "to_padded_tensor",
]  # fmt: skip


def nested_tensor(
    tensor_list: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A nested tensor of copies of ``tensor_list``, tensors (or what tensors can be made of) with as many dimensions.

    ``layout`` is ``strided`` (any sizes), or ``jagged`` (they differ in one dimension). ``RuntimeError`` for others, and for what
    the layout cannot hold; ``TypeError`` for what is no list. It is a leaf of the history.
    """
    return making.nested(tensor_list, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def as_nested_tensor(ts: Any, dtype: Any = None, device: Any = None, layout: Any = None) -> Tensor:
    """A nested tensor of a list of tensors, or of the parts of one tensor (samples, …), with their history.

    A tensor's memory is shared where it can be; tensors of a list are copied. ``TypeError`` for what is no tensor and no list of
    tensors, ``RuntimeError`` for what the layout cannot hold.
    """
    return making.as_nested(ts, dtype, device, layout)


def nested_tensor_from_jagged(
    values: Tensor, offsets: Tensor | None = None, lengths: Tensor | None = None, jagged_dim: int | None = None,
    min_seqlen: int | None = None, max_seqlen: int | None = None,
) -> Tensor:  # fmt: skip
    """A view of ``values`` (rows, …): sample i has rows ``offsets[i]`` to ``offsets[i + 1]``, or ``lengths[i]`` of them.

    ``jagged_dim`` is the ragged dimension of the result; its rows are along the dimension before that of the values. What is
    said of the shortest and the longest sample is not needed. ``RuntimeError`` with neither offsets nor lengths.
    """
    return making.from_jagged(values, offsets, lengths, jagged_dim)


def narrow(tensor: Tensor, dim: int, start: int | Tensor, length: int | Tensor, layout: Any = strided) -> Tensor:
    """A nested tensor of the rows from ``start`` on, ``length`` many, of each part of ``tensor`` (samples, rows, …).

    In the jagged layout (``dim=1``) both may be tensors (samples), and it is a view. ``RuntimeError`` for other dimensions.
    """
    return making.narrowed(tensor, dim, start, length, layout)


def masked_select(tensor: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` is true: a jagged nested tensor with a sample for each row along the last dimension."""
    return making.selected(tensor, mask)


def to_padded_tensor(input: Tensor, padding: float, output_size: Any = None, out: Any = None) -> Tensor:
    """The samples in one tensor, with ``padding`` where they have no elements.

    It is as large as the largest sample in each dimension, or ``output_size``; ``RuntimeError`` if that is too small.
    """
    if not isinstance(input, NestedTensor):
        raise NotImplementedError("to_padded_tensor: expected a nested tensor")
    result = input.to_padded_tensor(padding, output_size)
    return result if out is None else out.resize_(result.shape).copy_(result)  # type: ignore[no-any-return]
