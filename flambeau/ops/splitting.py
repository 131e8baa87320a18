"""An axis cut into consecutive parts, which are views."""

from __future__ import annotations

import operator
from typing import Any

from ..core.history import Gradient
from ..core.tensor import Tensor
from ..graph.dtypes import int64
from ..graph.primitives import TYPE_NAMES
from ..graph.shapes import wrap_dim
from .operation import operation
from .parts import SliceBackward0, selected, slice_axis


class SplitBackward0(SliceBackward0):
    __slots__ = ()


class SplitWithSizesBackward0(SliceBackward0):
    __slots__ = ()


class UnsafeSplitBackward0(SliceBackward0):
    __slots__ = ()


class UnbindBackward0(SliceBackward0):
    __slots__ = ()


MOST_PARTS = 1 << 27
"""An axis without elements can be cut into any number of parts, of which each takes memory."""


def check_parts(count: int) -> None:
    """``RuntimeError`` for more parts than there is memory for."""
    if count > MOST_PARTS:
        raise RuntimeError(f"an axis can be cut into {MOST_PARTS} parts at most, but got {count}")


@operation()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices along an axis, as a tuple of views."""
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    d = wrap_dim(dim, input.ndim)
    check_parts(input.shape[d])
    return tuple(selected(input, d, k, UnbindBackward0) for k in range(input.shape[d]))


@operation(
    "split(input, split_size)", "split(tensor, split_sizes)", "split_with_sizes(input, split_sizes)", method=False
)
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of an axis: of one size, or of the sizes listed."""
    listed = isinstance(split_size_or_sections, (list, tuple))
    return _split(tensor, split_size_or_sections, dim, SplitWithSizesBackward0 if listed else SplitBackward0)


def _split(tensor: Tensor, split_size_or_sections: Any, dim: int, gradient: type[Gradient]) -> tuple[Tensor, ...]:
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    d = wrap_dim(dim, tensor.ndim)
    extent = tensor.shape[d]
    if isinstance(split_size_or_sections, (list, tuple)):
        sections = list(map(operator.index, split_size_or_sections))
        if sum(sections) != extent:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size at dimension {d}), "
                f"but got split_sizes={sections}"
            )
    else:
        size = operator.index(split_size_or_sections)
        if size < 0 or (size == 0 and extent):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        check_parts(extent // max(size, 1))
        sections = [min(size, extent - k) for k in range(0, extent, size)] if size and extent else [extent]
    parts, start = [], 0
    for length in sections:
        parts.append(slice_axis(tensor, d, start, length, 1, gradient))
        start += length
    return tuple(parts)


def _split_method(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of an axis."""
    return split(self, split_size, dim)


Tensor.split = _split_method  # type: ignore[attr-defined]
Tensor.split_with_sizes = split  # type: ignore[attr-defined]


@operation()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """An axis cut into at most ``chunks`` parts of equal size (the last may be smaller)."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = wrap_dim(dim, input.ndim)
    extent = input.shape[d]
    size = max(1, -(-extent // chunks))
    if extent == 0:
        check_parts(chunks)
        return tuple(slice_axis(input, d, 0, 0, 1, SplitBackward0) for _ in range(chunks))
    return split(input, size, d)


@operation(
    "tensor_split(input, sections)", "tensor_split(input, indices)", "tensor_split(input, tensor_indices_or_sections)"
)
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """An axis cut into nearly equal sections, or at the given indices."""
    if isinstance(indices_or_sections, (tuple, list)):
        indices_or_sections = [*map(operator.index, indices_or_sections)]
    if input.ndim == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    if isinstance(indices_or_sections, Tensor):
        if indices_or_sections.dtype is not int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                f"{TYPE_NAMES[indices_or_sections.dtype]}"
            )
        if indices_or_sections.ndim > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but "
                f"got a tensor with {indices_or_sections.ndim} dims"
            )
    d = wrap_dim(dim, input.ndim)
    extent = input.shape[d]
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        check_parts(indices_or_sections)
        many, more = divmod(extent, indices_or_sections)
        ends, at = [], 0
        for k in range(indices_or_sections):
            at += many + (k < more)
            ends.append(at)
    else:
        ends = [*map(operator.index, indices_or_sections), extent]
    parts, start = [], 0
    for end in ends:
        first, last, _ = slice(start, end).indices(extent)
        parts.append(slice_axis(input, d, first, max(last - first, 0), 1, SliceBackward0))
        start = end
    return tuple(parts)


def _split_along(name: str, axis: int, least: int) -> Any:
    def parts(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.ndim < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} "
                "dimensions!"
            )
        at = 0 if name == "hsplit" and input.ndim == 1 else axis
        extent = input.shape[at]
        if isinstance(indices_or_sections, int) and (indices_or_sections <= 0 or extent % indices_or_sections):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {at}, but the size of the dimension {extent} is not "
                f"divisible by the split_size {indices_or_sections}!"
            )
        return input.tensor_split(indices_or_sections, at)

    parts.__name__ = parts.__qualname__ = name
    parts.__doc__ = f"Views of equal parts of axis {axis}, or cut at the given indices."
    return operation(f"{name}(input, sections)", f"{name}(input, indices)")(parts)


hsplit, vsplit, dsplit = _split_along("hsplit", 1, 1), _split_along("vsplit", 0, 2), _split_along("dsplit", 2, 3)


@operation("unsafe_split_with_sizes(input, split_sizes)")
def unsafe_split(input: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`split`; PyTorch does not watch over what is written to these views."""
    return _split(input, split_size, dim, UnsafeSplitBackward0)


@operation()
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """:func:`chunk`; PyTorch does not watch over what is written to these views."""
    if chunks <= 0 or input.shape[wrap_dim(dim, input.ndim)] == 0:
        return chunk(input, chunks, dim)
    return unsafe_split(input, max(1, -(-input.shape[dim] // chunks)), dim)
