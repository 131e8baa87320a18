"""Histories of views that are written to: a view's place in its base, and what a write through it does to gradients.

The base of a differentiable view gets a :class:`CopySlices`; its views derive their history anew from that when they are
next used."""

from __future__ import annotations

from typing import Any

from ..autograd.gradient import Edge, Gradient
from ..graph import dtypes
from ..graph.checks import INDEX
from ..graph.primitives import COPY, IOTA, SCATTER
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import local, record, record_constant
from ..storage import Storage, written
from ..tensor import Tensor
from .dispatch import attach, edge_of
from .operation import write_through_view
from .views import geometry


class AsStridedBackward0(Gradient):
    """Gradient of a view by its place relative to the base: ``context`` ((base sizes, strides, offset), view)."""

    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        base, view = self.context
        return spread(grad, base, view)


class CopySlices(Gradient):
    """History of a base after a write through a view of it: inputs are the old content and, if it has a history, what was
    written."""

    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        base, view = self.context
        written = pick(grad, base, view) if len(self.edges) > 1 and self.needs(1) else None
        kept = None
        if self.needs(0):
            kept = overwrite(grad, base, view)
        return (kept, written)[: len(self.edges)]

    def name(self) -> str:
        return "torch::autograd::CopySlices"


def _relative(base: tuple[Size, tuple[int, ...], int], view: View) -> View | None:
    """The view's place in a contiguous copy of the base; None if the base is not contiguous itself."""
    sizes, strides, offset = base
    if strides == contiguous_strides(sizes) or View(sizes, strides, offset).contiguous:
        return View(view.sizes, view.strides, view.offset - offset)
    return None


def _span(base: tuple[Size, tuple[int, ...], int], view: View) -> int:
    return max(View(*base).last_element(), view.last_element()) + 1


class _PickBackward(AsStridedBackward0):
    __slots__ = ()


class _SpreadBackward(Gradient):
    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        base, view = self.context
        return pick(grad, base, view)


class _OverwriteBackward(Gradient):
    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        base, view = self.context
        return overwrite(grad, base, view)


def _flat(grad: Tensor, base: tuple[Size, tuple[int, ...], int], span: int) -> Any:
    """The node of a flat storage in which ``grad`` lies as the base does."""
    zeros = record_constant((span,), 0, grad.dtype)
    return written(zeros, View(*base), grad._read(), grad._view)


def dense(grad: Tensor) -> Any:
    """A node that holds a tensor's elements and nothing else, in logical order."""
    node, view = grad._read(), grad._view
    if view is None or view.contiguous and view.offset == 0 and view.sizes.numel() == node.shape.numel():
        return node
    return record(COPY, None, (node, view))


def pick(grad: Tensor, base: tuple[Size, tuple[int, ...], int], view: View) -> Tensor:
    """The part of a base-shaped gradient that lies under ``view``."""
    relative = _relative(base, view)
    if relative is not None:
        ordered = grad.contiguous()
        node = ordered._read()
        relative = View(relative.sizes, relative.strides, relative.offset + ordered.storage_offset())
    else:
        node = _flat(grad, base, _span(base, view))
        relative = view
    result = Tensor._from_node(node, relative, Storage(node))
    if local.grad and grad._tracked:
        attach(result, _PickBackward, [grad], [(None, None)], (base, view))
    return result


def spread(grad: Tensor, base: tuple[Size, tuple[int, ...], int], view: View) -> Tensor:
    """A base-shaped gradient that is ``grad`` under ``view`` (added where elements overlap) and zero elsewhere."""
    relative = _relative(base, view)
    target = relative or view
    span = base[0].numel() if relative is not None else _span(base, view)
    zeros = record_constant((span,), 0, grad.dtype)
    if target.overlaps_itself():
        count = record(IOTA, ((span,), dtypes.int64), (0, None), (1, None))
        attributes = (tuple(target.sizes), (0,) * len(target.sizes), 0, (span,), (1,), "add", INDEX)
        node = record(SCATTER, attributes, (zeros, None), (grad._read(), grad._view), (count, target))
    else:
        node = written(zeros, target, grad._read(), grad._view)
    where = View(base[0], contiguous_strides(base[0]), 0) if relative is not None else View(*base)
    result = Tensor._from_node(node, where, Storage(node))
    if local.grad and grad._tracked:
        attach(result, _SpreadBackward, [grad], [(None, None)], (base, view))
    return result


def overwrite(grad: Tensor, base: tuple[Size, tuple[int, ...], int], view: View) -> Tensor:
    """A base-shaped gradient with zeros under ``view``."""
    relative = _relative(base, view)
    zero = record_constant(tuple(view.sizes), 0, grad.dtype)
    if relative is not None:
        node = written(dense(grad), relative, zero, None)
        result = Tensor._from_node(node, View(base[0], contiguous_strides(base[0]), 0), Storage(node))
    else:
        node = written(_flat(grad, base, _span(base, view)), view, zero, None)
        result = Tensor._from_node(node, View(*base), Storage(node))
    if local.grad and grad._tracked:
        attach(result, _OverwriteBackward, [grad], [(None, None)], (base, view))
    return result


def _write_through(target: Tensor, edges: tuple[Edge, ...]) -> None:
    """A view was written to: its base gets a new history, from which the view's own derives."""
    base = target._base
    assert base is not None and target._view is not None
    context = geometry(base), target._view
    base._rebase(CopySlices.of((edge_of(base), *edges), (), base.shape, base.dtype, context))
    base._more().version += 1
    _renew(target, base)


def _renew(tensor: Tensor, base: Tensor) -> None:
    """Derive a view's history anew from its base, whose own has changed."""
    assert base._extra is not None and tensor._extra is not None
    tensor._extra.seen = base._extra.version
    if not base._tracked:
        return
    assert tensor._view is not None
    context = geometry(base), tensor._view
    tensor._rebase(AsStridedBackward0.of((edge_of(base),), (), tensor.shape, tensor.dtype, context))


write_through_view.append(_write_through)
Tensor._renew_history = staticmethod(_renew)  # type: ignore[assignment]
