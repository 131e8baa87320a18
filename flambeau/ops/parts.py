"""Views of a part of a tensor: slices, selections, diagonals, windows."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..core.history import Gradient
from ..core.storage import whole
from ..core.tensor import Tensor
from ..graph.bounds import check_strides
from ..graph.shapes import MOVED, Size, View, contiguous_strides, wrap_dim
from .one_node import one_node
from .operation import operation
from .view_history import AsStridedBackward0, spread
from .views import Sizes, geometry, look, sizes_of, view_of


class SliceBackward0(Gradient):
    """``context`` ((input sizes), (sizes, strides, offset) relative to a contiguous input)."""

    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        shape, view = self.context
        return spread(grad, (shape, contiguous_strides(shape), 0), view)


class SelectBackward0(SliceBackward0):
    __slots__ = ()


class DiagonalBackward0(SliceBackward0):
    __slots__ = ()


class UnfoldBackward0(SliceBackward0):
    __slots__ = ()


def part_of(
    input: Tensor,
    sizes: Sequence[int],
    steps: Sequence[tuple[int, int]],
    starts: Sequence[int],
    gradient: type[Gradient],
) -> Tensor:
    """A part of ``input``: result axis k walks input axis ``steps[k][0]`` by ``steps[k][1]``; ``starts`` per input axis."""
    _, strides, offset = geometry(input)
    at = offset + sum([s * k for s, k in zip(strides, starts)])
    relative = None
    if input._tracked:
        plain = contiguous_strides(input.shape)
        relative = View(sizes, [plain[axis] * step for axis, step in steps], sum(s * k for s, k in zip(plain, starts)))
    return view_of(input, sizes, [strides[axis] * step for axis, step in steps], at, gradient, relative)


def slice_axis(input: Tensor, dim: int, start: int, length: int, step: int, gradient: type[Gradient]) -> Tensor:
    """Every ``step``-th element of an axis from ``start`` on."""
    sizes = list(input.shape)
    sizes[dim] = length
    steps = [(axis, step if axis == dim else 1) for axis in range(len(sizes))]
    starts = [start if axis == dim else 0 for axis in range(len(sizes))]
    return part_of(input, sizes, steps, starts, gradient)


@operation()
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """``length`` elements of an axis from ``start`` on."""
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, input.ndim)
    extent = input.shape[d]
    if isinstance(start, Tensor) and (start.ndim or start.dtype.category != 1):
        raise RuntimeError("start must be an 0-dim integral Tensor.")
    first = int(start)
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    if not -extent <= first <= extent:
        raise IndexError(f"start out of range (expected to be in range of [{-extent}, {extent}], but got {first})")
    first = first + extent if first < 0 else first
    if first + length > extent:
        raise RuntimeError(f"start ({first}) + length ({length}) exceeds dimension size ({extent}).")
    return slice_axis(input, d, first, length, 1, SliceBackward0)


@operation()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One element of an axis, which disappears."""
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    shape = input.shape
    d = wrap_dim(dim, len(shape))
    extent = shape[d]
    k = operator.index(index)
    if not -extent <= k < extent:
        raise IndexError(f"select(): index {k} out of range for tensor of size {list(shape)} at dimension {d}")
    return selected(input, d, k + extent if k < 0 else k, SelectBackward0)


def selected(input: Tensor, d: int, k: int, gradient: type[Gradient]) -> Tensor:
    """Element ``k`` of axis ``d``, both within bounds."""
    input._share()
    view = input._view
    assert view is not None
    rest, step = _without_axis(view.moved, d)
    relative = None
    if input._tracked:
        plain, plain_step = _without_axis(whole(input.shape), d)
        relative = plain.at(k * plain_step)
    return look(input, rest.at(view.offset + k * step), gradient, relative)


@lru_cache(maxsize=4096)
def _without_axis(view: View, axis: int) -> tuple[View, int]:
    """The view without one of its axes, to be placed somewhere; and that axis's stride."""
    sizes, strides = (tuple(n for a, n in enumerate(numbers) if a != axis) for numbers in (view.sizes, view.strides))
    return View(sizes, strides, MOVED), view.strides[axis]


@operation()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal over two axes as a new last axis."""
    rank = input.ndim
    a, b = wrap_dim(dim1, rank), wrap_dim(dim2, rank)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    sizes = input.shape
    if offset >= 0:
        length, starts = min(sizes[a], sizes[b] - offset), {b: offset}
    else:
        length, starts = min(sizes[a] + offset, sizes[b]), {a: -offset}
    length = max(length, 0)
    rest = [axis for axis in range(rank) if axis not in (a, b)]
    _, strides, at = geometry(input)
    plain = contiguous_strides(sizes)
    first = {axis: (k if length else 0) for axis, k in starts.items()}
    new_sizes = [*(sizes[i] for i in rest), length]
    relative = View(
        new_sizes, [*(plain[i] for i in rest), plain[a] + plain[b]], sum(plain[i] * k for i, k in first.items())
    )
    return view_of(
        input, new_sizes, [*(strides[i] for i in rest), strides[a] + strides[b]],
        at + sum(strides[i] * k for i, k in first.items()), DiagonalBackward0, relative,
    )  # fmt: skip


@operation(function=False)
def unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of ``size`` elements, ``step`` apart, along an axis; the window is the new last axis."""
    d = wrap_dim(dimension, self.ndim)
    sizes, strides, offset = geometry(self)
    if not sizes:
        sizes, strides = Size((1,)), (1,)
    if size > sizes[d]:
        raise RuntimeError(f"maximum size for tensor at dimension {d} is {sizes[d]} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not self.ndim:  # one window, and no axis for its number
        return view_of(self, [size], [1], offset, UnfoldBackward0, View([size], [1], 0))
    count = (sizes[d] - size) // step + 1
    plain = contiguous_strides(sizes)
    new_sizes = [*sizes[:d], count, *sizes[d + 1 :], size]
    relative = View(new_sizes, [*plain[:d], plain[d] * step, *plain[d + 1 :], plain[d]], 0)
    new_strides = [*strides[:d], strides[d] * step, *strides[d + 1 :], strides[d]]
    return view_of(self, new_sizes, new_strides, offset, UnfoldBackward0, relative)


@operation()
def as_strided(input: Tensor, size: Sizes, stride: Sizes, storage_offset: int | None = None) -> Tensor:
    """A view of the storage by explicit sizes, strides and offset; ``RuntimeError`` if it would reach outside."""
    base = input._base if input._base is not None else input
    offset = input.storage_offset() if storage_offset is None else storage_offset
    if offset < 0:
        raise RuntimeError(f"Tensor: invalid storage offset {offset}")
    view = View(sizes_of((size,)), sizes_of((stride,)), offset)
    check_strides(view.strides)
    view.check_within(input._read().shape.numel(), input.itemsize)
    result = view_of(input, view.sizes, view.strides, offset, AsStridedBackward0)
    if result._tracked:
        result._gradient.edges = (base._gradient or base,)
        result._gradient.context = (geometry(base), view)
    return result


@operation(method=False, out="exact")
@one_node("AsStridedBackward0_copy")
def as_strided_copy(input: Tensor, size: Sizes, stride: Sizes, storage_offset: int | None = None) -> Tensor:
    """A copy of what :func:`as_strided` looks at."""
    return as_strided(input, size, stride, storage_offset).clone()  # type: ignore[no-any-return]
