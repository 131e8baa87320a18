"""In which order the elements of an elementwise result lie in memory: the operands', as in PyTorch.

``x.t() + 1`` has the strides of ``x.t()``. The work is recorded in the order of memory (where it is contiguous) and the
result is looked at through the inverse permutation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ..graph.primitives import Primitive
from ..graph.shapes import Size, View, broadcast_shapes, broadcast_strides, contiguous_strides
from ..graph.trace import Node, record
from ..storage import Storage
from ..tensor import Tensor


@lru_cache(maxsize=4096)
def memory_order(layouts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]) -> tuple[int, ...] | None:
    """Axes from the outermost in memory to the innermost, for operands given as (sizes, strides).

    None when that is the logical order, or when the operands cannot be broadcast. This is the order in which PyTorch's
    ``TensorIterator`` lays out results: by the strides of the first operand that tells two axes apart.
    """
    try:
        shape = broadcast_shapes(*(sizes for sizes, _ in layouts))
    except RuntimeError:
        return None
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


def seen_in_order(value: Node, order: Sequence[int]) -> Tensor:
    """A tensor whose axis ``order[k]`` is axis ``k`` of ``value``."""
    dense = contiguous_strides(tuple(value.shape))
    sizes, strides = [0] * len(order), [0] * len(order)
    for position, axis in enumerate(order):
        sizes[axis] = value.shape[position]
        strides[axis] = dense[position]
    return Tensor._from_node(None, View(sizes, strides, 0), Storage(value))


def alike(tensor: Tensor, make: Callable[[Size], Tensor], memory_format: Any = None) -> Tensor:
    """What ``make`` gives for sizes, with those of ``tensor`` and its axes in the same order in memory.

    In logical order if a ``memory_format`` other than ``preserve_format`` is asked for.
    """
    preserve = memory_format is None or memory_format.name == "preserve_format"
    order = own_order(tensor) if preserve else None
    if order is None:
        return make(tensor.shape)
    return seen_in_order(make(Size(tensor.shape[axis] for axis in order))._read(), order)
