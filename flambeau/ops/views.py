"""How views are made: other sizes, strides and offsets over the same storage; nothing is recorded and nothing copied.

Each operation computes the new (sizes, strides, offset) and hands them to :func:`view_of`, which makes the tensor and its
history. Gradients of views are views of the gradient where possible, else the gradient is written into zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ..core.history import Edge, Gradient, edge_of, sequence
from ..core.hooks import AutogradState
from ..core.storage import Storage, whole, written
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.checks import INDEX
from ..graph.placeholder import as_count, as_integer
from ..graph.primitives import COPY, IOTA, SCATTER
from ..graph.shapes import Size, View, broadcast_shapes, contiguous_strides
from ..graph.trace import local, record, record_constant
from .assignment import check_writable, write_through_view
from .dispatch import with_history
from .operation import DECLARED, Declaration, Sizes, operation, titled


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence, as integers."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    for n in sizes:
        if type(n) is not int:
            as_count(sizes[0])  # where PyTorch's parser looks
            return tuple(map(as_integer, sizes))
    return sizes


def geometry(x: Tensor) -> tuple[Size, tuple[int, ...], int]:
    """Sizes, strides and offset of a tensor."""
    view = x._view
    if view is None:
        shape = x._node.shape
        return shape, contiguous_strides(shape), 0
    return view.sizes, view.strides, view.offset


def view_of(
    x: Tensor, sizes: Sequence[int], strides: Sequence[int], offset: int, gradient: type[Gradient], context: Any = None
) -> Tensor:
    """A tensor that looks at ``x``'s storage in another way, with a history of class ``gradient``."""
    return look(x, View(sizes, strides, offset), gradient, context)


def look(x: Tensor, view: View, gradient: type[Gradient] | None, context: Any = None) -> Tensor:
    """:func:`view_of` for a view that was made already; without a history if that is None."""
    storage = x._storage or x._share()
    state = x._autograd
    base = x
    if state is not None and state.base is not None:
        x._read()
        base = state.base
    result = object.__new__(Tensor)
    result._node = None
    result._storage = storage
    result._view = view
    result._tracked = False
    result._gradient = None
    if local.inference:
        result._autograd = None
        return result
    state = result._autograd = AutogradState()
    state.base = base
    if base._autograd is not None:
        state.seen = base._autograd.version
    if x._tracked and local.grad and gradient is not None:
        history = object.__new__(gradient)
        history.edges = (x._gradient or x,)
        history.saved = ()
        history.shape = view.sizes
        history.dtype = x.dtype
        history.sequence = sequence()
        history.attached = None
        history.context = (x.shape, context)
        result._tracked = True
        result._gradient = history
        if local.watched:
            history.observe()
    return result


def shown_as(x: Tensor, name: str) -> Tensor:
    """A view with the same history under the name of the function that makes it in PyTorch; itself if it has no history."""
    if x._tracked and (seen := x._gradient) is not None:
        x._gradient = type(seen).named(name).of(seen.edges, (), seen.shape, seen.dtype, seen.context)
    return x


def seen_anew_in_place(function: Any, further: int = 1) -> None:
    """Define the in-place form of a view, which changes how the tensor itself looks at its storage.

    Its histories are named like those of the view, with numbers that are ``further`` on.
    """

    def changing(self: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        check_writable(self)
        other = function(self, *arguments, **keywords)
        self._share()
        self._view = other._view
        if other._tracked:
            seen = other._gradient
            name = seen.name()
            renamed = type(seen).named(name[:-1] + str(int(name[-1]) + further))
            self._gradient = renamed.of(seen.edges, (), seen.shape, seen.dtype, seen.context)
        return self

    titled(changing, function.__name__ + "_", f"In-place version of ``{function.__name__}``.")
    changing.__wrapped__ = function  # type: ignore[attr-defined]
    declared = DECLARED[function]
    DECLARED[changing] = Declaration(parameters={name + "_": called for name, called in declared.parameters.items()})
    for name in declared.names:
        setattr(Tensor, name + "_", changing)


# --- axes repeated without a copy, and sums over what was repeated so ---------------------------------------------------


class ExpandBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        return grad  # the engine reduces it to the input's shape


@operation(function=False)
def expand(self: Tensor, *size: Sizes, implicit: bool = False) -> Tensor:
    """Axes of extent 1 (and new leading ones) repeated without a copy; -1 keeps an extent."""
    wanted = sizes_of(size)
    view = self._view or whole(self._node.shape)
    if len(wanted) < len(view.sizes):
        raise RuntimeError(
            f"expand({self.type()}{{{list(view.sizes)}}}, size={list(wanted)}): the number of sizes provided ({len(wanted)}) "
            f"must be greater or equal to the number of dimensions in the tensor ({len(view.sizes)})"
        )
    found = _expanded(view.moved, wanted)
    return look(self, found.at(view.offset) if view.offset else found, ExpandBackward0)


@lru_cache(maxsize=1024)
def _expanded(view: View, wanted: tuple[int, ...]) -> View:
    old, strides = view.sizes, view.strides
    lead = len(wanted) - len(old)
    new_sizes, new_strides = [], []
    for axis in range(len(wanted) - 1, -1, -1):  # from the back: of several errors the last is told
        n = wanted[axis]
        if axis < lead:
            if n < 0:
                raise RuntimeError(
                    f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension {axis}"
                )
            new_sizes.append(n)
            new_strides.append(0)
            continue
        have = old[axis - lead]
        if n == -1 or n == have:
            new_sizes.append(have)
            new_strides.append(strides[axis - lead])
        elif have == 1:
            new_sizes.append(n)
            new_strides.append(0)
        else:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have}) at non-singleton dimension "
                f"{axis}.  Target sizes: {list(wanted)}.  Tensor sizes: {list(old)}"
            )
    return View(new_sizes[::-1], new_strides[::-1], view.offset)


@operation(function=False)
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """``expand`` to the sizes of ``other``."""
    return expand(self, other.shape)


@operation(method=False)
def broadcast_to(input: Tensor, size: Sizes) -> Tensor:
    """``expand`` to the given sizes."""
    return expand(input, size)


Tensor.broadcast_to = expand  # type: ignore[assignment, method-assign]


@operation(method=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape."""
    many = tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = broadcast_shapes(*(t.shape for t in many))
    return tuple(t if t.shape == shape else expand(t, shape) for t in many)


def sum_to(value: Tensor, shape: Size, name: str = "backward", index: int = 0, strict: bool = False) -> Tensor:
    """The sum over the axes along which ``shape`` was repeated; ``RuntimeError`` if it does not broadcast.

    Unless ``strict``, a gradient that is the same along an axis may have extent 1 there, or lack it.
    """
    if value.shape == shape:
        return value
    lead = value.ndim - len(shape)
    if lead > 0 and value.shape[lead:] == shape:
        return value.sum(tuple(range(lead)))
    have = value.shape[lead:] if lead >= 0 else (1,) * -lead + value.shape
    if any(n != m and n != 1 and (strict or m != 1) for n, m in zip(shape, have, strict=True)) or (strict and lead < 0):
        raise RuntimeError(
            f"Function {name} returned an invalid gradient at index {index} - got {list(value.shape)} but expected shape "
            f"compatible with {list(shape)}"
        )
    axes = [*range(lead), *(max(lead, 0) + k for k, (n, m) in enumerate(zip(shape, have, strict=True)) if n == 1 != m)]
    if lead < 0:
        value = value.reshape(have)
    if axes:
        value = value.sum(axes, keepdim=True)
    if lead > 0:
        value = value.reshape(value.shape[lead:])
    return value if value.shape == shape else value.expand(shape)


# --- histories of views that are written to ---------------------------------------------------------------------------

# The base of a differentiable view that is written to gets a :class:`CopySlices`; its views derive their history anew from that
# when they are next used.


class AsStridedBackward0(Gradient):
    """Gradient of a view by its place relative to the base: ``context`` ((base sizes, strides, offset), view)."""

    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        return spread(grad, *self.context)


class CopySlices(Gradient):
    """History of a base after a write through a view of it: inputs are the old content and, if it has a history, what was
    written."""

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


Geometry = tuple[Size, tuple[int, ...], int]


class Frame(NamedTuple):
    """A piece of memory in which a base and a view of its storage both lie: ``span`` elements, and where each is.

    It is a contiguous copy of the base (``dense``) if the base lies so itself and the view does not reach outside it.
    """

    base: View
    view: View
    span: int
    dense: bool


def _frame(base: Geometry, view: View) -> Frame:
    """The smallest memory that gradients of ``base`` and of ``view`` can be laid out in."""
    sizes, strides, offset = base
    count = sizes.numel()
    if offset <= view.offset and view.last_element() < offset + count:
        if strides == contiguous_strides(sizes) or View(sizes, strides, 0).contiguous:
            whole = View(sizes, contiguous_strides(sizes), 0)
            return Frame(whole, View(view.sizes, view.strides, view.offset - offset), count, True)
    first = min(offset, view.offset)
    placed = View(sizes, strides, offset - first), View(view.sizes, view.strides, view.offset - first)
    return Frame(*placed, max(place.last_element() for place in placed) + 1, False)


class _SpreadBackward(Gradient):
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        return pick(grad, *self.context)


class _OverwriteBackward(Gradient):
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        return overwrite(grad, *self.context)


def contiguous_node(x: Tensor) -> Any:
    """A node that holds a tensor's elements and nothing else, in logical order."""
    node, view = x._read(), x._view
    if view is None or view.contiguous and view.offset == 0 and view.sizes.numel() == node.shape.numel():
        return node
    return record(COPY, None, (node, view))


def _laid_out(grad: Tensor, frame: Frame) -> Any:
    """A node of a frame's memory in which ``grad`` lies as the base does."""
    if frame.dense:
        return contiguous_node(grad)
    zeros = record_constant((frame.span,), 0, grad.dtype)
    return written(zeros, frame.base, grad._read(), grad._view)


def pick(grad: Tensor, base: Geometry, view: View) -> Tensor:
    """The part of a base-shaped gradient that lies under ``view`` (zero where that reaches outside the base)."""
    frame = _frame(base, view)
    if frame.dense:
        ordered = grad.contiguous()
        node = ordered._read()
        place = View(frame.view.sizes, frame.view.strides, frame.view.offset + ordered.storage_offset())
    else:
        node, place = _laid_out(grad, frame), frame.view
    result = Tensor._from_node(node, place, Storage(node))
    return with_history(result, AsStridedBackward0.named("_PickBackward"), [grad], (base, view))


def spread(grad: Tensor, base: Geometry, view: View) -> Tensor:
    """A base-shaped gradient that is ``grad`` under ``view`` (added where elements overlap) and zero elsewhere."""
    frame = _frame(base, view)
    zeros = record_constant((frame.span,), 0, grad.dtype)
    if frame.view.overlaps_itself():
        count = record(IOTA, ((frame.span,), dtypes.int64), (0, None), (1, None))
        attributes = (tuple(frame.view.sizes), (0,) * len(frame.view.sizes), 0, (frame.span,), (1,), "add", INDEX)
        node = record(SCATTER, attributes, (zeros, None), (grad._read(), grad._view), (count, frame.view))
    else:
        node = written(zeros, frame.view, grad._read(), grad._view)
    result = Tensor._from_node(node, frame.base, Storage(node))
    return with_history(result, _SpreadBackward, [grad], (base, view))


def overwrite(grad: Tensor, base: Geometry, view: View) -> Tensor:
    """A base-shaped gradient with zeros under ``view``."""
    frame = _frame(base, view)
    zero = record_constant(tuple(view.sizes), 0, grad.dtype)
    node = written(_laid_out(grad, frame), frame.view, zero, None)
    result = Tensor._from_node(node, frame.base, Storage(node))
    return with_history(result, _OverwriteBackward, [grad], (base, view))


def _write_through(target: Tensor, edges: tuple[Edge, ...]) -> None:
    """A view was written to: its base gets a new history, from which the view's own derives."""
    base = target._base
    assert base is not None and target._view is not None
    context = geometry(base), target._view
    base._rebase(CopySlices.of((edge_of(base), *edges), (), base.shape, base.dtype, context))
    base._autograd_state().version += 1
    _renew(target, base)


def _renew(tensor: Tensor, base: Tensor) -> None:
    """Derive a view's history anew from its base, whose own has changed."""
    assert base._autograd is not None and tensor._autograd is not None
    tensor._autograd.seen = base._autograd.version
    if not base._tracked:
        return
    assert tensor._view is not None
    context = geometry(base), tensor._view
    tensor._rebase(AsStridedBackward0.of((edge_of(base),), (), tensor.shape, tensor.dtype, context))


write_through_view.append(_write_through)
Tensor._renew_history = staticmethod(_renew)  # type: ignore[assignment]
