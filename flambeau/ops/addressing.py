"""Gathers and scatters by address: what index tensors read and write."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..core.composite import composite
from ..core.history import INPUTS, Gradient
from ..core.recording import Pair, tensor_of
from ..core.storage import whole
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.checks import INDEX, Check
from ..graph.shapes import Size, View, broadcast_shapes
from ..graph.trace import local, record
from .conversion import converted
from .creation import element_of, filled
from .dispatch import with_history
from .from_data import from_array
from .memory_order import memory_order, seen_in_order

ROW = Check(IndexError, "index out of range in self")
"""A slice (of an embedding, of a selection) by its number."""
SELECTED = Check(RuntimeError, "INDICES element is out of DATA bounds, id={value} axis_dim={size}")
"""What PyTorch calls the same where it selects along another axis than the first."""


@cache
def along(dim: int) -> Check:
    """An index into axis ``dim`` of a gather or scatter, whose message names the axis."""
    return Check(RuntimeError, f"index {{value}} is out of bounds for dimension {dim} with size {{size}}")


def take_at(
    source: Tensor, shape: Sequence[int], strides: Sequence[int], offset: int, extents: Sequence[int],
    index_strides: Sequence[int], indices: Sequence[Tensor], check: Check,
) -> Tensor:  # fmt: skip
    """Record a gather from the memory of ``source``, which is walked as (shape, strides, offset); see ``GATHER``."""
    if 0 in extents:
        _check_nonempty(shape, extents, indices, check)
    attributes = (tuple(extents), tuple(index_strides), check)
    pairs = [(i._read(), i._view) for i in indices]
    return Tensor._from_node(record(p.GATHER, attributes, (source._read(), View(shape, strides, offset)), *pairs))


def put_at(
    target: Tensor, value: Tensor, shape: Sequence[int], strides: Sequence[int], offset: int, extents: Sequence[int],
    index_strides: Sequence[int], indices: Sequence[Tensor], mode: str, check: Check,
) -> Tensor:  # fmt: skip
    """Record a scatter over a contiguous target; see ``graph.primitives.SCATTER``."""
    if 0 in extents:
        _check_nonempty(shape, extents, indices, check)
    pairs = [(i._read(), i._view) for i in indices]
    return _put(target, value, pairs, (tuple(shape), tuple(strides), offset, tuple(extents), tuple(index_strides), mode, check))


def _put(target: Tensor, value: Tensor, pairs: Sequence[Pair], attributes: Any) -> Tensor:
    base = target if target._view is None else target.contiguous()
    if base._view is not None and (base._view.offset or base._view.sizes.numel() != base._read().shape.numel()):
        base = base.clone()
    node = record(p.SCATTER, attributes, (base._read(), None), (value._read(), value._view), *pairs)
    result = Tensor._from_node(node)
    return result if node.shape == target.shape else result.reshape(target.shape)


def _check_nonempty(shape: Sequence[int], extents: Sequence[int], indices: Sequence[Tensor], check: Check) -> None:
    """Along an axis without elements every index is out of range, and nothing may be read or written."""
    if 0 not in shape:
        dim = extents.index(0)
        raise check.exception(indices[dim].reshape(-1)[0].item(), dim, 0, "")  # type: ignore[arg-type]


def check_range(index: Tensor, extent: int, check: Check) -> None:
    """Have indices checked of which nothing is read, for the slices that they name are empty."""
    if index.numel():
        take_at(filled(Size(), 0, dtypes.bool_), index.shape, [0] * index.ndim, 0, [extent], [0], [index], check)


class Layout(NamedTuple):
    """How index tensors address a view, whatever they hold."""

    #: The result's.
    shape: Size
    #: For each axis of the result the view's axis that it walks, or -1.
    axes: tuple[int, ...]
    #: The view's extents along the axes that are indexed, and these.
    extents: Size
    index_axes: tuple[int, ...]
    #: What an index out of range raises.
    check: Check


@lru_cache(maxsize=1024)
def _layout(sizes: Size, indexed: tuple[int, ...], shapes: tuple[Size, ...], check: Check) -> Layout:
    """How index tensors of these shapes address axes of a view; ``IndexError`` if they cannot be broadcast or must be out of
    range."""
    try:
        common = broadcast_shapes(*shapes)
    except RuntimeError:
        listed = ", ".join(str(list(shape)) for shape in shapes)
        raise IndexError(
            f"shape mismatch: indexing tensors could not be broadcast together with shapes {listed}"
        ) from None
    adjacent = indexed == tuple(range(indexed[0], indexed[0] + len(indexed)))
    at = indexed[0] if adjacent else 0
    plain = [axis for axis in range(len(sizes)) if axis not in indexed]
    before = [axis for axis in plain if adjacent and axis < at]
    after = [axis for axis in plain if not (adjacent and axis < at)]
    shape = Size([*(sizes[a] for a in before), *common, *(sizes[a] for a in after)])
    extents = Size([sizes[axis] for axis in indexed])
    if any(n == 0 for n in extents) and shape.numel():
        raise IndexError("index is out of bounds for dimension with size 0")
    return Layout(shape, (*before, *([-1] * len(common)), *after), extents, indexed, check)


def layout_along(sizes: Size, dim: int, index: Size, check: Check) -> Layout:
    """How an index into one axis, which has all axes itself, addresses a tensor: at the same place along the others."""
    axes = tuple([-1 if axis == dim else axis for axis in range(len(sizes))])
    return Layout(index, axes, Size((sizes[dim],)), (dim,), check)


@lru_cache(maxsize=1024)
def _beside_plain_axes(view: View, axes: tuple[int, ...]) -> View:
    """An index tensor's view with axes of extent 1 for the plain axes that follow the common ones (see :class:`Layout`)."""
    if len(view.sizes) == len(axes):
        return view
    rank, lead = axes.count(-1), 0
    while lead < len(axes) and axes[-1 - lead] >= 0:
        lead += 1
    before = rank - len(view.sizes)
    return View((*[1] * before, *view.sizes, *[1] * lead), (*[1] * before, *view.strides, *[1] * lead), view.offset)


def _beside_all(view: View, rank: int) -> View:
    """An index tensor's view with axes of extent 1 before it, as PyTorch has them: where results have one there, their strides
    tell how results lie."""
    before = rank - len(view.sizes)
    if not before:
        return view
    step = view.sizes[0] * view.strides[0] if view.sizes else 1
    return View((*[1] * before, *view.sizes), (*[step] * before, *view.strides), view.offset)


@lru_cache(maxsize=1024)
def _gather(view: View, layout: Layout) -> tuple[View, Any]:
    """How a gather walks the memory under a view, wherever that begins, and its attributes."""
    strides = view.strides
    walk = View(layout.shape, [strides[a] if a >= 0 else 0 for a in layout.axes], view.offset)
    return walk, (tuple(layout.extents), tuple([strides[a] for a in layout.index_axes]), layout.check)


@lru_cache(maxsize=1024)
def _scatter(view: View, layout: Layout, mode: str) -> Any:
    """The attributes of a scatter into what lies as ``view`` does."""
    walk, (extents, index_strides, check) = _gather(view, layout)
    return tuple(walk.sizes), walk.strides, 0, extents, index_strides, mode, check


class Addressing:
    """Index tensors, by the axis that they index, and how they address a view: the result's shape, strides of its plain axes,
    and each index's reach.

    ``check`` says what an index out of range raises.
    """

    __slots__ = ("layout", "indices")

    layout: Layout
    indices: list[Tensor]

    def __init__(self, view: Tensor, tensors: dict[int, Tensor], check: Check = INDEX) -> None:
        indices = self.indices = [*tensors.values()]
        self.layout = _layout(view.shape, tuple(tensors), tuple([t.shape for t in indices]), check)

    @classmethod
    def of(cls, layout: Layout, indices: list[Tensor]) -> Addressing:
        """The addressing of this layout by indices of the shapes that it was made for."""
        made = object.__new__(cls)
        made.layout, made.indices = layout, indices
        return made

    @property
    def shape(self) -> Size:
        return self.layout.shape

    def pairs(self) -> list[Pair]:
        """The indices' values and views, beside the plain axes."""
        axes = self.layout.axes
        if not axes or axes[-1] < 0:
            return [(i._read(), i._view) for i in self.indices]
        pairs: list[Pair] = []
        for index in self.indices:
            view = index._view or whole(index._node.shape)
            found = _beside_plain_axes(view.moved, axes)
            if found is view.moved:
                found = index._view  # type: ignore[assignment]
            elif view.offset:
                found = found.at(view.offset)
            pairs.append((index._read(), found))
        return pairs


class ByIndex(Gradient):
    """A gradient through an addressing, whose indices are what is saved."""

    saves = INPUTS

    def addressing(self, layout: Layout) -> Addressing:
        return Addressing.of(layout, [self.kept(number) for number in range(len(layout.index_axes))])


class IndexBackward0(ByIndex):
    """``context`` (shape of the indexed view, layout of the addressing)."""

    def backward(self, grad: Tensor) -> Tensor:
        shape, layout = self.context
        addressing = self.addressing(layout)
        result = scattered(filled(Size(shape), 0, grad.dtype), grad, addressing, "add")
        return with_history(result, _IndexAddGrad, [grad], layout, kept=addressing.indices)


class _IndexAddGrad(ByIndex):
    """``context``: the layout of the addressing."""

    def backward(self, grad: Tensor) -> Tensor:
        return gathered(grad, self.addressing(self.context))


def gathered(
    view: Tensor, addressing: Addressing, gradient: type[Gradient] = IndexBackward0, in_order: bool = False
) -> Tensor:
    """The addressed elements of ``view``, with a history; with ``in_order`` in the order of its axes in memory."""
    result = addressed(view, addressing, in_order)
    return with_history(result, gradient, [view], (view.shape, addressing.layout), kept=addressing.indices)


def taken(
    view: Tensor, tensors: dict[int, Tensor], check: Check = INDEX, gradient: type[Gradient] | None = IndexBackward0,
    in_order: bool = False,
) -> Tensor:  # fmt: skip
    """The elements of ``view`` that index tensors address, by one look-up (see :func:`gathered`); without history if
    ``gradient`` is None."""
    result: Tensor = composite(_taken_values, (tuple(tensors), check, in_order), view, *tensors.values())[0]
    if view._tracked and local.grad and gradient is not None:
        addressing = Addressing(view, tensors, check)
        with_history(result, gradient, [view], (view.shape, addressing.layout), kept=addressing.indices)
    return result


def _taken_values(static: tuple[tuple[int, ...], Check, bool], view: Tensor, *indices: Tensor) -> tuple[Tensor]:
    axes, check, in_order = static
    return (addressed(view, Addressing(view, dict(zip(axes, indices)), check), in_order),)


def addressed(view: Tensor, addressing: Addressing, in_order: bool = False) -> Tensor:
    """:func:`gathered` without a history."""
    layout, pairs = addressing.layout, addressing.pairs()
    if 0 in layout.extents:
        _check_nonempty(layout.shape, layout.extents, addressing.indices, layout.check)
    seen = view._view or whole(view._node.shape)
    walk, attributes = _gather(seen.moved, layout)
    if in_order and not (seen.contiguous and all([i is None or i.contiguous for _, i in pairs])):
        views = [_beside_all(whole(node.shape) if i is None else i, len(layout.axes)) for node, i in pairs]
        order = memory_order(tuple([(tuple(v.sizes), v.strides) for v in (walk, *views)]))
        if order is not None:
            indices = [tensor_of(*pair).expand(layout.shape).permute(order) for pair in pairs]
            pairs = [(i._read(), i._view) for i in indices]
            walk = View([walk.sizes[k] for k in order], [walk.strides[k] for k in order], seen.offset)
            return seen_in_order(record(p.GATHER, attributes, (view._read(), walk), *pairs), order)
    if seen.offset:
        walk = walk.at(seen.offset)
    return Tensor._from_node(record(p.GATHER, attributes, (view._read(), walk), *pairs))


class IndexPutBackward0(ByIndex):
    """``context`` (layout of the addressing, whether values were added)."""

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        layout, accumulate = self.context
        addressing = self.addressing(layout)
        kept = grad
        if not accumulate and self.edges[0] is not None:
            kept = with_values(grad, filled(Size(layout.shape), 0, grad.dtype), addressing, "set")
        values = gathered(grad, addressing) if self.edges[1] is not None else None
        return kept, values


def with_values(
    target: Tensor, value: Tensor, addressing: Addressing, mode: str, gradient: type[Gradient] = IndexPutBackward0
) -> Tensor:
    """A contiguous copy of ``target`` with values written at the addressed places."""
    result = scattered(target, value, addressing, mode)
    return with_history(result, gradient, [target, value], (addressing.layout, mode == "add"), kept=addressing.indices)


def scattered(target: Tensor, value: Tensor, addressing: Addressing, mode: str) -> Tensor:
    """:func:`with_values` without a history."""
    layout = addressing.layout
    if 0 in layout.extents:
        _check_nonempty(layout.shape, layout.extents, addressing.indices, layout.check)
    return _put(target, value, addressing.pairs(), _scatter(whole(target.shape), layout, mode))


def value_for(target: Tensor, value: Any) -> Tensor:
    """What is to be written into ``target`` (a tensor, a number, nested numbers) as a tensor of its dtype."""
    if not isinstance(value, Tensor):
        if isinstance(value, (list, tuple, np.ndarray)):
            value = from_array(np.asarray(value))
        else:
            number = value.item() if hasattr(value, "item") else value
            return filled(Size(), element_of(number, target.dtype), target.dtype)
    return converted(value, target.dtype)


def check_index(name: str, index: Tensor) -> None:
    """``RuntimeError`` for the operation ``name`` unless the index holds int32 or int64."""
    if index.dtype not in (dtypes.int64, dtypes.int32):
        raise RuntimeError(f"{name}(): Expected dtype int32/int64 for index")
