"""Gathers and scatters by address: what index tensors read and write."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.checks import INDEX, Check
from ..graph.shapes import Size, View, broadcast_shapes, contiguous_strides
from ..graph.trace import record
from .conversion import converted
from .creation import element_of, filled
from .dispatch import with_history
from .from_data import from_array
from .memory_order import memory_order, seen_in_order
from .views import geometry

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
    attributes = (tuple(shape), tuple(strides), offset, tuple(extents), tuple(index_strides), mode, check)
    pairs = [(i._read(), i._view) for i in indices]
    whole = target.contiguous()
    if whole._view is not None and (whole._view.offset or whole._view.sizes.numel() != whole._read().shape.numel()):
        whole = whole.clone()
    node = record(p.SCATTER, attributes, (whole._read(), None), (value._read(), value._view), *pairs)
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


class Addressing:
    """Index tensors and how they address a view: the result's shape, strides of its plain axes, and each index's reach.

    ``check`` says what an index out of range raises.
    """

    __slots__ = ("layout", "indices")

    layout: Layout
    indices: list[Tensor]

    def __init__(self, view: Tensor, tensors: list[tuple[int, Tensor]], check: Check = INDEX) -> None:
        try:
            common = broadcast_shapes(*(t.shape for _, t in tensors))
        except RuntimeError:
            shapes = ", ".join(str(list(t.shape)) for _, t in tensors)
            raise IndexError(
                f"shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
            ) from None
        indexed = tuple([axis for axis, _ in tensors])
        adjacent = indexed == tuple(range(indexed[0], indexed[0] + len(indexed)))
        at = indexed[0] if adjacent else 0
        plain = [axis for axis in range(view.ndim) if axis not in indexed]
        before = [axis for axis in plain if adjacent and axis < at]
        after = [axis for axis in plain if not (adjacent and axis < at)]
        sizes = view.shape
        shape = Size([*(sizes[a] for a in before), *common, *(sizes[a] for a in after)])
        extents = Size([sizes[axis] for axis in indexed])
        self.layout = Layout(shape, (*before, *([-1] * len(common)), *after), extents, indexed, check)
        lead = len(after)
        self.indices = [_beside_plain_axes(t, len(common), lead) for _, t in tensors]
        if any(n == 0 for n in extents) and shape.numel():
            raise IndexError("index is out of bounds for dimension with size 0")

    @classmethod
    def of(cls, layout: Layout, indices: list[Tensor]) -> Addressing:
        """The addressing of this layout by indices of the shapes that it was made for."""
        made = object.__new__(cls)
        made.layout, made.indices = layout, indices
        return made

    @property
    def shape(self) -> Size:
        return self.layout.shape

    def strides(self, of: Sequence[int]) -> tuple[list[int], list[int]]:
        """Strides of the result's axes and of the indices, for a source with the given strides."""
        return [of[a] if a >= 0 else 0 for a in self.layout.axes], [of[a] for a in self.layout.index_axes]


class ByIndex(Gradient):
    """A gradient through an addressing, whose indices are what is saved."""

    saves = INPUTS

    def addressing(self, layout: Layout) -> Addressing:
        return Addressing.of(layout, [self.kept(number) for number in range(len(layout.index_axes))])


def _beside_plain_axes(index: Tensor, rank: int, lead: int) -> Tensor:
    """An index tensor with axes of extent 1 for the plain axes that follow the common ones."""
    if lead == 0:
        return index
    return index.reshape([*([1] * (rank - index.ndim)), *index.shape, *([1] * lead)])


class IndexBackward0(ByIndex):
    """``context`` (shape of the indexed view, layout of the addressing)."""

    def backward(self, grad: Tensor) -> Tensor:
        shape, layout = self.context
        addressing = self.addressing(layout)
        target = filled(Size(shape), 0, grad.dtype)
        strides, index_strides = addressing.strides(contiguous_strides(tuple(shape)))
        result = put_at(
            target, grad, layout.shape, strides, 0, layout.extents, index_strides, addressing.indices, "add", layout.check
        )
        return with_history(result, _IndexAddGrad, [grad], layout, kept=addressing.indices)


class _IndexAddGrad(ByIndex):
    """``context``: the layout of the addressing."""

    def backward(self, grad: Tensor) -> Tensor:
        return gathered(grad, self.addressing(self.context))


def gathered(
    view: Tensor, addressing: Addressing, gradient: type[Gradient] = IndexBackward0, in_order: bool = False
) -> Tensor:
    """The addressed elements of ``view``, with a history; with ``in_order`` in the order of its axes in memory."""
    _, strides, offset = geometry(view)
    layout, indices = addressing.layout, addressing.indices
    shape = layout.shape
    along, index_strides = addressing.strides(strides)
    order = None
    if in_order and not (view.is_contiguous() and all([i.is_contiguous() for i in indices])):
        order = memory_order(((tuple(shape), tuple(along)), *((tuple(i.shape), i.stride()) for i in indices)))
    if order is None:
        result = take_at(view, shape, along, offset, layout.extents, index_strides, indices, layout.check)
    else:
        shape, along = Size(shape[k] for k in order), [along[k] for k in order]
        indices = [i.detach().expand(layout.shape).permute(order) for i in indices]
        value = take_at(view, shape, along, offset, layout.extents, index_strides, indices, layout.check)
        result = seen_in_order(value._read(), order)
    return with_history(result, gradient, [view], (view.shape, layout), kept=addressing.indices)


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
    strides, index_strides = addressing.strides(contiguous_strides(target.shape))
    layout, indices = addressing.layout, addressing.indices
    result = put_at(target, value, layout.shape, strides, 0, layout.extents, index_strides, indices, mode, layout.check)
    return with_history(result, gradient, [target, value], (layout, mode == "add"), kept=indices)


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
