"""Axes in another order (``permute``), and elements in another order along them (``flip``, ``roll``)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..core.history import Gradient
from ..core.storage import whole
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import LARGEST
from ..graph.checks import INDEX
from ..graph.notices import warn_once
from ..graph.shapes import MOVED, View, wrap_dim
from ..graph.trace import record
from .conversion import in_new_memory
from .dispatch import with_history
from .joining import join
from .memory_order import format_order, own_order, seen_in_order
from .one_node import one_node
from .operation import Dims, Sizes, operation
from .recording_paths import unary
from .views import look, seen_anew_in_place, sizes_of


class PermuteBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        order = self.context[1]
        inverse = [0] * len(order)
        for position, axis in enumerate(order):
            inverse[axis] = position
        return permute(grad, inverse)


TransposeBackward0 = PermuteBackward0.named("TransposeBackward0")
TBackward0 = PermuteBackward0.named("TBackward0")


@lru_cache(maxsize=1024)
def _reordered(view: View, order: tuple[int, ...]) -> View:
    return View([view.sizes[i] for i in order], [view.strides[i] for i in order], view.offset)


def _permuted(input: Tensor, order: Sequence[int], gradient: type[Gradient]) -> Tensor:
    order = tuple(order)
    view = input._view or whole(input._node.shape)
    found = _reordered(view.moved, order)
    return look(input, found.at(view.offset) if view.offset else found, gradient, order)


@operation()
def permute(input: Tensor, *dims: Sizes) -> Tensor:
    """The axes in another order."""
    rank = input.ndim
    wanted = sizes_of(dims)
    if len(wanted) != rank:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {rank} is not equal to len(dims) = {len(wanted)}"
        )
    order = [wrap_dim(d, rank) for d in wanted]
    if len(set(order)) != rank:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permuted(input, order, PermuteBackward0)


@operation("swapaxes(input, axis0, axis1)", "swapdims")
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two axes exchanged."""
    rank = input.ndim
    order = list(range(rank))
    a, b = wrap_dim(dim0, rank), wrap_dim(dim1, rank)
    if rank:
        order[a], order[b] = order[b], order[a]
    return _permuted(input, order, TransposeBackward0)


@operation()
def t(input: Tensor) -> Tensor:
    """A matrix transposed; vectors and numbers as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return _permuted(input, tuple(range(input.ndim))[::-1], TBackward0)


@operation("moveaxis")
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Axes moved to other places, the rest staying in order."""
    rank = input.ndim
    src = [wrap_dim(d, rank) for d in ((source,) if isinstance(source, int) else source)]
    dst = [wrap_dim(d, rank) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(src) != len(dst):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source and destination must have the same number"
        )
    for what, axes, given in (("source", src, source), ("destination", dst, destination)):
        if len(set(axes)) != len(axes):
            raise RuntimeError(f"movedim: repeated dim in `{what}` ({list(given)})")
    if rank == 0:
        return _permuted(input, [], PermuteBackward0)
    order: list[int] = [-1] * rank
    for a, b in zip(src, dst):
        order[b] = a
    rest = iter(i for i in range(rank) if i not in src)
    return _permuted(input, [next(rest) if i < 0 else i for i in order], PermuteBackward0)


def _mT(self: Tensor) -> Tensor:
    if self.ndim < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
    return transpose(self, -2, -1)


def _T(self: Tensor) -> Tensor:
    if self.ndim != 2:
        warn_once(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an "
            "error in a future release. Consider `x.mT` to transpose batches of matrices or `x.permute(*torch.arange(x.ndim - "
            "1, -1, -1))` to reverse the dimensions of a tensor."
        )
    return _permuted(self, tuple(range(self.ndim))[::-1], PermuteBackward0)


Tensor.T = property(_T)  # type: ignore[attr-defined]
Tensor.H = property(lambda self: transpose(self, 0, 1))  # type: ignore[attr-defined]
Tensor.mT = property(_mT)  # type: ignore[attr-defined]
seen_anew_in_place(t)
seen_anew_in_place(transpose)


# --- elements along axes in another order -----------------------------------------------------------------------------


class FlipBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        return _flipped(grad, self.context)


def _flipped(input: Tensor, *dims: Sizes) -> Tensor:
    """A copy with the order of the elements along ``dims`` reversed."""
    view = input._view or whole(input._node.shape)
    rank = len(view.sizes)
    axes = tuple([wrap_dim(k, rank) for k in sizes_of(dims)])
    if len(set(axes)) != len(axes):
        repeated = next(k for k in axes if axes.count(k) > 1)
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    if not rank or 0 in view.sizes:
        result = unary(p.COPY, input)
    else:
        order = own_order(input)
        walk, start = _backwards(view.moved, axes, order)
        node = record(p.GATHER, ((), (), INDEX), (input._read(), walk.at(view.offset + start)))
        result = Tensor._from_node(node) if order is None else seen_in_order(node, order)
    return with_history(result, FlipBackward0, [input], axes)


@lru_cache(maxsize=1024)
def _backwards(view: View, axes: tuple[int, ...], order: tuple[int, ...] | None) -> tuple[View, int]:
    """How a gather without index tensors walks some axes backwards, to be placed somewhere, and where that begins."""
    sizes, strides = view.sizes, view.strides
    steps = [-step if axis in axes else step for axis, step in enumerate(strides)]
    places = range(len(sizes)) if order is None else order
    walk = View([sizes[k] for k in places], [steps[k] for k in places], MOVED)
    return walk, sum([(sizes[axis] - 1) * strides[axis] for axis in axes])


@operation(method=False)
def flip(input: Tensor, dims: Sizes) -> Tensor:
    """A copy with the order of the elements along ``dims`` reversed."""
    if isinstance(dims, int):  # only the method takes them one by one
        raise TypeError("flip(): argument 'dims' (position 2) must be tuple of ints, not int")
    return _flipped(input, dims)


Tensor.flip = _flipped  # type: ignore[assignment, method-assign]


@operation()
def fliplr(input: Tensor) -> Tensor:
    """Columns in reverse order."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return _flipped(input, 1)


@operation()
def flipud(input: Tensor) -> Tensor:
    """Rows in reverse order."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return _flipped(input, 0)


@operation()
@one_node("Rot90Backward0")
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by ``k`` quarters in the plane of two axes, from the first towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (wrap_dim(axis, input.ndim) for axis in dims)
    if a == b:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    quarter = k % 4
    if quarter == 1:
        return _flipped(input, b).transpose(a, b)
    if quarter == 2:
        return _flipped(input, a, b)
    if quarter == 3:
        return _flipped(input, a).transpose(a, b)
    return input.clone()


class RollBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        shifts, dims = self.context
        return roll(grad, [-s for s in shifts], dims)


@operation()
@one_node("RollBackward0")
def roll(input: Tensor, shifts: Dims, dims: Dims = None) -> Tensor:
    """Elements moved along axes by ``shifts`` places, those that leave at one end entering at the other.

    Without ``dims`` the flattened elements are moved.
    """
    amounts = (int(shifts),) if not isinstance(shifts, (tuple, list)) else tuple(int(s) for s in shifts)
    if dims is None or isinstance(dims, (tuple, list)) and not dims:
        if len(amounts) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(amounts)}, dims:0")
        return roll(input.reshape(-1), amounts, 0).reshape(input.shape)
    places = (dims,) if not isinstance(dims, (tuple, list)) else tuple(dims)
    if len(places) != len(amounts):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(amounts)}, dims:{len(places)}")
    if input.ndim == 0:
        raise IndexError(f"Dimension specified as {places[0]} but tensor has no dimensions")
    axes = [wrap_dim(axis, input.ndim) for axis in places]
    result, order = input.detach(), format_order(input)
    for amount, axis in zip(amounts, axes):
        extent = result.shape[axis] if result.ndim else 0
        shift = amount % extent if extent else 0
        if shift:
            parts = [result.narrow(axis, extent - shift, shift), result.narrow(axis, 0, extent - shift)]
            result = join(parts, result.shape, result.dtype, axis, False, order)
    if result._storage is input._storage:
        result = Tensor._from_node(record(p.COPY, None, (result._read(), result._view)))
    return with_history(result, RollBackward0, [input], (amounts, axes))


# --- between channels and pixels, and between groups of channels ------------------------------------------------------


@operation("functional.pixel_shuffle", method=False)
@one_node("PixelShuffleBackward0")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(…, C·r², H, W) to (…, C, H·r, W·r)."""
    if input.dim() < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.dim()} dimension(s)"
        )
    if upscale_factor <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {upscale_factor}")
    *leading, channels, height, width = input.shape
    r = upscale_factor
    if r * r > LARGEST:
        raise ValueError(f"upscale factor is too large, (upscale_factor)^2 overflowed: upscale_factor={r}")
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={channels} is not divisible by {r * r}"
        )
    count = len(leading)
    parts = input.reshape(*leading, channels // (r * r), r, r, height, width)
    order = [count, count + 3, count + 1, count + 4, count + 2]
    result = parts.permute(*range(count), *order).reshape(*leading, channels // (r * r), height * r, width * r)
    return in_new_memory(result, input, format_order(input))


@operation("functional.pixel_unshuffle", method=False)
@one_node("PixelUnshuffleBackward0")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(…, C, H·r, W·r) to (…, C·r², H, W)."""
    if input.dim() < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.dim()} "
            "dimension(s)"
        )
    if downscale_factor <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {downscale_factor}")
    *leading, channels, height, width = input.shape
    r = downscale_factor
    for name, place, extent in (("height", -2, height), ("width", -1, width)):
        if extent % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({place})={extent} "
                f"is not divisible by {r}"
            )
    count = len(leading)
    parts = input.reshape(*leading, channels, height // r, r, width // r, r)
    order = [count, count + 2, count + 4, count + 1, count + 3]
    result = parts.permute(*range(count), *order).reshape(*leading, channels * r * r, height // r, width // r)
    return in_new_memory(result, input, format_order(input))


@operation("functional.channel_shuffle", method=False)
@one_node("ChannelShuffleBackward0")
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave the channels of ``groups`` groups."""
    if input.dim() < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    channels = input.size(1)
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    shape = input.shape
    parts = input.reshape(shape[0], groups, channels // groups, *shape[2:])
    return in_new_memory(parts.transpose(1, 2).reshape(shape), input, format_order(input))
