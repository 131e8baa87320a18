"""In which order the elements of results lie in memory, as in PyTorch.

An order is a tuple of axes, from the outermost in memory to the innermost; None stands for the logical order. The value
itself is contiguous, and the tensor looks at it through the inverse permutation.

- What works element by element takes the order of its operands: ``x.t() + 1`` has the strides of ``x.t()``. It is recorded
  in the order of memory (:func:`record_in_memory_order`).
- What knows channels from pixels (convolution, pooling, normalisation, padding, joining) keeps channels last if they are so
  in its input (:func:`format_order`), and is in logical order otherwise.
- What copies its input and changes some elements keeps the input's order, whatever it is (:func:`own_order`).

The last two make their results with :func:`lay`, or record them in that order themselves where that is no detour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

import numpy as np

from ..core.device import channels_last, channels_last_3d, contiguous_format, memory_format, preserve_format
from ..core.meta import is_meta, made_on_meta, recording_on_meta
from ..core.storage import Storage, seen, whole
from ..core.tensor import Tensor
from ..cpu.memory import Buffer
from ..graph.primitives import COPY, Primitive
from ..graph.shapes import Size, View, broadcast_shapes, broadcast_strides, contiguous_strides, is_contiguous
from ..graph.trace import Node, record

_F = TypeVar("_F", bound=Callable[..., Any])


def _channels_last(sizes: Sequence[int], strides: Sequence[int]) -> bool:
    assert channels_last.order is not None
    return is_contiguous([sizes[k] for k in channels_last.order], [strides[k] for k in channels_last.order])


@lru_cache(maxsize=1024)
def memory_order(layouts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]) -> tuple[int, ...] | None:
    """Axes from the outermost in memory to the innermost, for operands given as (sizes, strides).

    None when that is the logical order, or when the operands cannot be broadcast. This is the order in which PyTorch's
    ``TensorIterator`` lays out results: by the strides of the first operand that tells two axes apart.
    """
    try:
        shape = broadcast_shapes(*(sizes for sizes, _ in layouts))
    except RuntimeError:
        return None
    if len(shape) == 4 and all(sizes == shape and _channels_last(sizes, strides) for sizes, strides in layouts):
        return channels_last.order  # also where there is one channel or one pixel, whose strides tell nothing
    columns = [broadcast_strides(sizes, strides, shape) for sizes, strides in layouts]

    def after(a: int, b: int) -> int:
        """1 if axis ``a`` must lie further out than ``b``, -1 if further in, 0 if nothing tells."""
        for strides in columns:
            if strides[a] == 0 or strides[b] == 0:
                continue
            if strides[a] != strides[b]:
                return 1 if strides[a] > strides[b] else -1
            if shape[a] > shape[b]:
                return 1
        return 0

    order = list(range(len(shape)))[::-1]  # innermost first
    for start in range(1, len(order)):
        moved = start
        for other in range(start - 1, -1, -1):
            comparison = after(order[other], order[moved])
            if comparison > 0:
                order[other], order[moved] = order[moved], order[other]
                moved = other
            elif comparison < 0:
                break
    order.reverse()
    return None if order == sorted(order) else tuple(order)


def _layout(tensor: Tensor) -> tuple[tuple[int, ...], tuple[int, ...]]:
    view = tensor._view
    if view is None:
        shape = tuple(tensor._node.shape)
        return shape, contiguous_strides(shape)
    return tuple(view.sizes), view.strides


def record_in_memory_order(primitive: Primitive, operands: Sequence[Any], attributes: Any) -> Tensor | None:
    """Record an elementwise primitive in the order of its operands' memory; None if that is the logical order.

    The result has no history yet.
    """
    tensors = [t for t in operands if isinstance(t, Tensor)]
    layouts = tuple(_layout(t) for t in tensors)
    order = memory_order(layouts)
    if order is None:
        return None
    shape = broadcast_shapes(*(sizes for sizes, _ in layouts))
    pairs: list[tuple[Any, View | None]] = []
    for operand in operands:
        if not isinstance(operand, Tensor):
            pairs.append((operand, None))
            continue
        sizes, strides = _layout(operand)
        if not sizes:  # without axes it has a lower rank in the promotion of dtypes, which it must keep
            pairs.append((operand._read(), operand._view))
            continue
        whole = broadcast_strides(sizes, strides, shape)
        view = View([shape[axis] for axis in order], [whole[axis] for axis in order], operand.storage_offset())
        pairs.append((operand._read(), view))
    return seen_in_order(record(primitive, attributes, *pairs), order)


def own_order(tensor: Tensor) -> tuple[int, ...] | None:
    """The order in which a tensor's axes lie in memory, from the outermost; None if that is the logical order."""
    view = tensor._view
    return None if view is None or view.contiguous else memory_order((_layout(tensor),))


Order = tuple[int, ...] | None


@lru_cache(maxsize=1024)
def _inverse_view(shape: Size, order: tuple[int, ...]) -> View:
    """The view of a contiguous value of ``shape`` in which its axis ``k`` is axis ``order[k]``."""
    dense = contiguous_strides(shape)
    places = [order.index(axis) for axis in range(len(order))]
    return View([shape[place] for place in places], [dense[place] for place in places], 0)


def seen_in_order(value: Node, order: tuple[int, ...]) -> Tensor:
    """A tensor whose axis ``order[k]`` is axis ``k`` of ``value``."""
    return Tensor._from_node(None, _inverse_view(value.shape, order), Storage(value))


def strides_in_order(shape: Sequence[int], order: Order) -> tuple[int, ...]:
    """The strides of a value of ``shape`` whose elements lie in ``order``, without gaps."""
    if order is None:
        return contiguous_strides(tuple(shape))
    return _inverse_view(Size(shape[axis] for axis in order), order).strides


def permuted(x: Tensor, order: tuple[int, ...]) -> View:
    """How to read ``x`` with its axes in ``order``."""
    sizes, strides = _layout(x)
    return View([sizes[axis] for axis in order], [strides[axis] for axis in order], x.storage_offset())


# --- channels last ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _format_order(sizes: Size, strides: tuple[int, ...]) -> Order:
    if len(sizes) not in (4, 5) or strides[1] == 0 or 0 in sizes:
        return None
    least = 0
    for axis in (1, *range(len(sizes) - 1, 1, -1), 0):
        if strides[axis] < least or axis == 0 and strides[1] == least:
            return None
        least = strides[axis] * sizes[axis]
    return (channels_last if len(sizes) == 4 else channels_last_3d).order


def format_order(*tensors: Tensor) -> Order:
    """The order of channels last if one of these (N, C, H, W) or (N, C, D, H, W) tensors lies like that.

    The rule is that of PyTorch's ``suggest_memory_format``, by strides alone: also a part of such a tensor counts.
    """
    for x in tensors:
        view = x._view
        if view is not None:
            order = _format_order(view.sizes, view.strides)
            if order is not None:
                return order
    return None


def asked_order(wanted: Any, x: Tensor) -> Order:
    """The order that a ``memory_format`` argument asks for, for a result like ``x``."""
    if wanted is None or wanted is preserve_format:
        return own_order(x) or format_order(x)
    return order_of(wanted, x.ndim)


def order_of(wanted: Any, rank: int) -> Order:
    """The order that a ``memory_format`` names; ``RuntimeError`` if it is for tensors of another rank, or names none."""
    if not isinstance(wanted, memory_format):
        raise TypeError(f"argument 'memory_format' must be torch.memory_format, not {type(wanted).__name__}")
    if wanted is preserve_format:
        raise RuntimeError("unsupported memory format Preserve")
    if wanted.order is not None and len(wanted.order) != rank:
        raise RuntimeError(f"required rank {len(wanted.order)} tensor to use {wanted.name} format")
    return wanted.order


def known_format(order: Order) -> memory_format:
    """The ``memory_format`` of an order that is logical or channels last."""
    return _FORMATS[order]


_FORMATS = {known.order: known for known in (contiguous_format, channels_last, channels_last_3d)}

# --- results in an order ------------------------------------------------------------------------------------------


def lies_in(x: Tensor, order: Order) -> bool:
    """Whether the elements of ``x`` lie in ``order``, without gaps."""
    view = x._view
    if view is None or order is None:
        return order is None and (view is None or view.contiguous)
    return strides_in_order(view.sizes, order) == view.strides


def is_dense(x: Tensor, order: tuple[int, ...]) -> bool:
    """Whether the elements of ``x`` lie in ``order`` without gaps; the strides of single elements do not matter."""
    sizes, strides = _layout(x)
    return is_contiguous([sizes[axis] for axis in order], [strides[axis] for axis in order])


def lay(result: Tensor, order: Order) -> Tensor:
    """Give the elements of a tensor that nobody else has seen yet another order in memory; its history stays."""
    if lies_in(result, order):
        return result
    node = result._read()
    if order is None:
        result._node, result._storage, result._view = record(COPY, None, (node, result._view)), None, None
    else:
        value = record(COPY, None, (node, permuted(result, order)))
        result._node, result._storage, result._view = None, Storage(value), _inverse_view(value.shape, order)
    if result._autograd is not None:
        result._autograd.base = None  # it shares nobody's memory any more
    return result


def columns_first(ndim: int) -> tuple[int, ...]:
    """The order in which the elements of each column of a matrix lie next to each other."""
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def lay_by_columns(result: Tensor) -> Tensor:
    """:func:`lay` for matrices that most often are in memory already: to turn them there is less than a kernel's call."""
    node, order = result._read(), columns_first(result.ndim)
    if node.buffer is None or node.trace is not None or is_meta(result) or lies_in(result, order):
        return lay(result, order)
    rows = seen(node.buffer, result._view or whole(node.shape), node.dtype)
    columns = np.ascontiguousarray(np.swapaxes(rows, -1, -2))
    value = Node(Size(columns.shape), node.dtype, None, 0, Buffer.from_numpy(columns))
    result._node, result._storage, result._view = None, Storage(value), _inverse_view(value.shape, order)
    if result._autograd is not None:
        result._autograd.base = None
    return result


def by_columns(*numbers: int) -> Callable[[_F], _F]:
    """Decorator: matrices that a function gives lie in memory by columns, as LAPACK leaves them.

    ``numbers`` are the results meant; none stands for the only one. Vectors stay as they are.
    """

    def decorate(function: _F) -> _F:
        @wraps(function)
        def laid(*arguments: Any, **keywords: Any) -> Any:
            results = function(*arguments, **keywords)
            for result in [results[number] for number in numbers] if numbers else (results,):
                if result.ndim > 1 and not result.of_parts:
                    lay_by_columns(result)
            return results

        return cast(_F, laid)

    return decorate


def alike(tensor: Tensor, make: Callable[[Size], Tensor], memory_format: Any = None, device: Any = None) -> Tensor:
    """What ``make`` gives for sizes, with those of ``tensor`` and its axes in the order that ``memory_format`` asks for.

    Where ``tensor`` has no values, neither has what is made, unless a device is given.
    """
    if device is None and is_meta(tensor) and not recording_on_meta():
        return made_on_meta(alike, tensor, make, memory_format)  # type: ignore[no-any-return]
    order = asked_order(memory_format, tensor)
    if order is None:
        return make(tensor.shape)
    return seen_in_order(make(Size(tensor.shape[axis] for axis in order))._read(), order)
