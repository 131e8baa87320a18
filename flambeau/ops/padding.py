"""Padding with a constant, or with the tensor's own elements mirrored, repeated or wrapped around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.at_once import in_memory, write_part
from ..core.history import Gradient
from ..core.storage import Storage, written
from ..core.tensor import Tensor
from ..graph.placeholder import as_integer
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import record_constant
from .conversion import clone, with_gradient_in_order
from .creation import element_of
from .dispatch import with_history
from .memory_order import format_order, lay, seen_in_order
from .one_node import one_node
from .operation import operation
from .ranges import arange
from .views import geometry


def _pairs(x: Tensor, amounts: Sequence[int]) -> list[tuple[int, int]]:
    """(before, after) of each axis, from amounts given as pairs from the last axis on."""
    if len(amounts) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if len(amounts) > 2 * x.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(amounts)} and input of dimension {x.ndim}"
        )
    pairs = [(as_integer(amounts[k]), as_integer(amounts[k + 1])) for k in range(0, len(amounts), 2)]
    return [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]


class ConstantPadNdBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        return constant_pad_nd(grad, [-n for n in self.context])


@operation(method=False)
def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Tensor:
    """Axes grown by ``value`` at their ends (cropped where negative); (before, after) pairs from the last axis on."""
    pairs = _pairs(input, pad)
    value = element_of(value, input.dtype)
    sizes, strides, offset = geometry(input)
    shape = Size(n + before + after for n, (before, after) in zip(sizes, pairs))
    for axis, n in enumerate(shape):
        if n < 0:
            raise RuntimeError(
                f"The input size {sizes[axis]}, plus negative padding {pairs[axis][0]} and {pairs[axis][1]} resulted in "
                f"a negative output size, which is invalid. Check dimension {axis} of your input."
            )
    inner = [n + min(before, 0) + min(after, 0) for n, (before, after) in zip(sizes, pairs)]
    first = offset + sum(max(-before, 0) * s for (before, _), s in zip(pairs, strides))
    if min(inner, default=1) < 0:
        raise RuntimeError(f"narrow(): length must be non-negative: cropping {list(sizes)} by {list(pad)} leaves {inner}.")
    if min(inner, default=1) == 0:
        result = lay(Tensor._from_node(record_constant(shape, value, input.dtype)), format_order(input))
    elif inner == list(shape) and not (in_memory(input) and input.is_contiguous()):
        result = clone(Tensor._from_node(None, View(inner, strides, first), input._share()))  # laid out like the input
    else:
        order = format_order(input) or tuple(range(len(shape)))
        whole = Size(shape[k] for k in order)
        plain = contiguous_strides(whole)
        start = sum(max(pairs[k][0], 0) * step for k, step in zip(order, plain))
        what = View([inner[k] for k in order], [strides[k] for k in order], first)
        around = Storage(record_constant(whole, value, input.dtype))
        inside = View(what.sizes, plain, start)
        if not write_part(around, inside, Tensor._from_node(None, what, input._share())):
            around.node = written(around.node, inside, input._read(), what)
        result = Tensor._from_node(around.node) if format_order(input) is None else seen_in_order(around.node, order)
    return with_history(result, ConstantPadNdBackward0, [input], tuple(pad))


def _places(mode: str, extent: int, before: int, after: int) -> Tensor:
    """The positions that a padded axis takes its elements from."""
    if mode == "circular":  # what is left after cropping is what goes round
        first, last = max(-before, 0), extent - max(-after, 0)
        return arange(-max(before, 0), last - first + max(after, 0)) % max(last - first, 1) + first
    position = arange(-before, extent + after)
    if mode == "replicate":
        return position.clamp(0, extent - 1)
    return (extent - 1) - ((extent - 1) - position.abs()).abs()


def _check_places(mode: str, extent: int, before: int, after: int, axis: int) -> None:
    if mode == "reflect" and (before >= extent or after >= extent):
        raise RuntimeError(
            "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, {after}) at dimension {axis} of input"
        )
    if mode == "circular" and (before > extent or after > extent):
        raise RuntimeError("Padding value causes wrapping around more than once.")
    if mode == "circular" and extent + before + after >= 0:
        if extent + min(before, 0) + min(after, 0) > 0 or extent + before + after == 0:
            return
    if extent + before + after <= 0 or mode == "circular":
        raise RuntimeError(f"padding ({before}, {after}) leaves nothing of dimension {axis} of size {extent}")


@operation(only="functional.pad")
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Tensor:
    """Grow (or, with negative numbers, crop) the last axes.

    ``pad`` is (before, after) of the last axis, then of the one before it, and so on. ``mode`` is "constant" (filled
    with ``value``, 0 by default), "reflect", "replicate" or "circular"; the last three pad all axes but the first one
    or two (batch and channels).
    """
    if mode == "constant":
        return constant_pad_nd(input, pad, float(value or 0) if value is None or type(value) is int else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    pairs = _pairs(input, pad)
    count = len(pad) // 2
    if input.ndim - count not in (1, 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    for axis in range(input.ndim - count, input.ndim):
        _check_places(mode, input.shape[axis], *pairs[axis], axis)
    return (_from_itself if mode == "circular" else _padded)(input, pairs[-count:], mode)


def _from_itself(input: Tensor, pairs: Sequence[tuple[int, int]], mode: str) -> Tensor:
    """The last axes grown by elements of their own."""
    count, lead = len(pairs), input.ndim - len(pairs)
    order = None if mode == "circular" else format_order(input)
    input = with_gradient_in_order(input, order)
    index: list[Any] = [slice(None)] * lead
    for k, (before, after) in enumerate(pairs):
        places = _places(mode, input.shape[lead + k], before, after)
        index.append(places.reshape([-1 if axis == k else 1 for axis in range(count)]))
    return lay(input[tuple(index)], order)


def _name(input: Tensor, pairs: Sequence[tuple[int, int]], mode: str) -> str:
    return f"{'Reflection' if mode == 'reflect' else 'Replication'}Pad{len(pairs)}DBackward0"


_padded = one_node(_name, zero_curvature=True)(_from_itself)
