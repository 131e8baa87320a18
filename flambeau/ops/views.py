"""Views: other sizes, strides and offsets over the same storage; nothing is recorded and nothing copied.

Each function computes the new (sizes, strides, offset) and hands them to :func:`view_of`, which makes the tensor and its
history. Gradients of views are views of the gradient where possible, else the gradient is written into zeros.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

from ..autograd.gradient import Gradient, sequence
from ..graph import dtypes
from ..graph.primitives import COPY, FILL, IOTA, SCATTER
from ..graph.shapes import MOVED, Size, View, contiguous_strides, infer_size, view_strides, wrap_dim
from ..graph.trace import local, record
from ..storage import Storage, whole, written
from ..tensor import Tensor
from .dispatch import attach
from .operation import NAMESPACE, check_writable, operation, write_through_view

Sizes = Any


def sizes_of(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence, as integers."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return tuple(n if type(n) is int else operator.index(n) for n in sizes)


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


def look(x: Tensor, view: View, gradient: type[Gradient], context: Any = None) -> Tensor:
    """:func:`view_of` for a view that was made already."""
    storage = x._storage or x._share()
    if x._extra is not None and x._extra.base is not None:
        x._read()
    result = object.__new__(Tensor)
    result._node = None
    result._storage = storage
    result._view = view
    result._extra = None
    result._tracked = False
    result._gradient = None
    if local.inference:
        return result
    extra = result._more()
    base = x._base
    extra.base = base = x if base is None else base
    extra.seen = 0 if base._extra is None else base._extra.version
    if x._tracked and local.grad:
        history = object.__new__(gradient)
        history.edges = (x._gradient or x,)
        history.saved = ()
        history.shape = view.sizes
        history.dtype = x.dtype
        history.sequence = sequence()
        history.extra = None
        history.context = (x.shape, context)
        result._tracked = True
        result._gradient = history
        if local.watched:
            history.observe()
    return result


# --- histories that change as storages do -------------------------------------------------------------------------


class AsStridedBackward0(Gradient):
    """Gradient of a view by its place relative to the base: ``context`` ((base sizes, strides, offset), view)."""

    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        base, view = self.context
        return spread(grad, base, view)


class CopySlices(Gradient):
    """History of a base after a write through a view of it: inputs are the old content and what was written."""

    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        base, view = self.context
        written = pick(grad, base, view) if self.needs(1) else None
        kept = None
        if self.needs(0):
            kept = overwrite(grad, base, view)
        return kept, written

    def name(self) -> str:
        return "torch::autograd::CopySlices"


def _relative(base: tuple[Size, tuple[int, ...], int], view: View) -> View | None:
    """The view's place in a contiguous copy of the base; None if the base is not contiguous itself."""
    sizes, strides, offset = base
    if strides == contiguous_strides(sizes) or View(sizes, strides, offset).contiguous:
        return View(view.sizes, view.strides, view.offset - offset)
    return None


def _span(base: tuple[Size, tuple[int, ...], int], view: View) -> int:
    return builtins.max(View(*base).last_element(), view.last_element()) + 1


class _PickBackward(Gradient):
    __slots__ = ()
    replayable = False  # places differ from call to call

    def backward(self, grad: Tensor) -> Tensor:
        base, view = self.context
        return spread(grad, base, view)


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
    zeros = record(FILL, ((span,), grad.dtype), (0, None))
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
    zeros = record(FILL, ((span,), grad.dtype), (0, None))
    if target.overlaps_itself():
        count = record(IOTA, ((span,), dtypes.int64), (0, None), (1, None))
        attributes = (tuple(target.sizes), (0,) * len(target.sizes), 0, (span,), (1,), "add")
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
    zero = record(FILL, (tuple(view.sizes), grad.dtype), (0, None))
    if relative is not None:
        node = written(dense(grad), relative, zero, None)
        result = Tensor._from_node(node, View(base[0], contiguous_strides(base[0]), 0), Storage(node))
    else:
        node = written(_flat(grad, base, _span(base, view)), view, zero, None)
        result = Tensor._from_node(node, View(*base), Storage(node))
    if local.grad and grad._tracked:
        attach(result, _OverwriteBackward, [grad], [(None, None)], (base, view))
    return result


def _write_through(target: Tensor, value: Tensor) -> None:
    """A view was written to: its base gets a new history, from which the view's own derives."""
    base = target._base
    assert base is not None and target._view is not None
    history = object.__new__(CopySlices)
    history.edges = (
        (base._gradient or base) if base._tracked else None,
        (value._gradient or value) if value._tracked else None,
    )
    history.saved = ()
    history.shape = base.shape
    history.dtype = base.dtype
    history.sequence = sequence()
    history.extra = None
    history.context = (geometry(base), target._view)
    base._rebase(history)
    base._more().version += 1
    _renew(target, base)


def _renew(tensor: Tensor, base: Tensor) -> None:
    """Derive a view's history anew from its base, whose own has changed."""
    assert base._extra is not None and tensor._extra is not None
    tensor._extra.seen = base._extra.version
    if not base._tracked:
        return
    assert tensor._view is not None
    history = object.__new__(AsStridedBackward0)
    history.edges = (base._gradient or base,)
    history.saved = ()
    history.shape = tensor.shape
    history.dtype = tensor.dtype
    history.sequence = sequence()
    history.extra = None
    history.context = (geometry(base), tensor._view)
    tensor._rebase(history)


write_through_view.append(_write_through)
Tensor._renew_history = staticmethod(_renew)  # type: ignore[assignment]


# --- reshaping ----------------------------------------------------------------------------------------------------


class ViewBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad.reshape(self.context[0])


class UnsafeViewBackward0(ViewBackward0):
    __slots__ = ()


class ReshapeAliasBackward0(ViewBackward0):
    __slots__ = ()


@operation(function=False)
def view(self: Tensor, *shape: Sizes, dtype: Any = None) -> Tensor:
    """The same elements under another shape, without a copy; or the same bytes as another dtype.

    ``RuntimeError`` where the strides do not permit it.
    """
    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], dtypes.dtype)):
        return _view_dtype(self, dtype or shape[0])
    found = _reshaped(self, sizes_of(shape))
    if found is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return look(self, found, ViewBackward0)


def _reshaped(x: Tensor, sizes: tuple[int, ...]) -> View | None:
    """A tensor's view of its storage under another shape (one extent may be -1); None if strides cannot express that."""
    x._share()
    view = x._view
    assert view is not None
    found = _other_shape(view.moved, sizes)
    return found.at(view.offset) if found is not None and view.offset else found


@lru_cache(maxsize=4096)
def _other_shape(view: View, sizes: tuple[int, ...]) -> View | None:
    shape = infer_size(sizes, view.sizes.numel())
    if shape == view.sizes:
        return view
    strides = view_strides(view.sizes, view.strides, shape)
    return None if strides is None else View(shape, strides, view.offset)


def _view_dtype(self: Tensor, d: dtypes.dtype) -> Tensor:
    from ..storage import flat_node

    sizes, strides, offset = geometry(self)
    old = self.dtype.itemsize
    if d.itemsize == old:
        new_sizes, new_strides, new_offset = list(sizes), list(strides), offset
    else:
        if not sizes or strides[-1] != 1:
            raise RuntimeError("self.stride(-1) must be 1 to view as a dtype of a different element size")
        if sizes[-1] * old % d.itemsize or offset * old % d.itemsize:
            raise RuntimeError("self.size(-1) must be divisible to view as a larger dtype")
        new_sizes = [*sizes[:-1], sizes[-1] * old // d.itemsize]
        new_strides = [*(s * old // d.itemsize for s in strides[:-1]), 1]
        new_offset = offset * old // d.itemsize
    node = self._read()
    flat = flat_node(node, d)
    assert flat.buffer is not None
    flat.buffer.ever_exposed = flat.buffer.exposed_forever = True  # two nodes now name one memory
    return Tensor._from_node(flat, View(new_sizes, new_strides, new_offset), Storage(flat))


@operation()
def reshape(input: Tensor, *shape: Sizes) -> Tensor:
    """The same elements under another shape: a view where strides permit, else a copy. One extent may be -1."""
    sizes = sizes_of(shape)
    found = _reshaped(input, sizes)
    if found is not None:
        return look(input, found, ViewBackward0)
    return reshape(input.clone(memory_format=None), sizes)


@operation(function=False)
def reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """``reshape`` to the shape of ``other``."""
    return reshape(self, other.shape)


@operation(function=False)
def view_as(self: Tensor, other: Tensor) -> Tensor:
    """``view`` with the shape of ``other``."""
    return view(self, other.shape)


@operation()
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Axes ``start_dim`` to ``end_dim`` made one."""
    rank = input.ndim
    start, end = wrap_dim(start_dim, rank), wrap_dim(end_dim, rank)
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if rank == 0:
        return reshape(input, 1)
    if start == end:
        return input
    shape = input.shape
    size = 1
    for n in shape[start : end + 1]:
        size *= n
    return reshape(input, (*shape[:start], size, *shape[end + 1 :]))


@operation()
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Axis ``dim`` cut into axes of the given sizes (one may be -1)."""
    d = wrap_dim(dim, input.ndim)
    shape = input.shape
    if -1 not in sizes and prod(sizes) != shape[d]:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {d} ({shape[d]}) in the input tensor"
        )
    return view(input, (*shape[:d], *infer_size(tuple(sizes), shape[d]), *shape[d + 1 :]))


@operation(inplace=False)
def ravel(input: Tensor) -> Tensor:
    """All elements along one axis: a view if they lie in order, else a copy."""
    return reshape(input.contiguous(), -1)


class SqueezeBackward0(ViewBackward0):
    __slots__ = ()


class SqueezeBackward1(ViewBackward0):
    __slots__ = ()


class UnsqueezeBackward0(ViewBackward0):
    __slots__ = ()


@operation()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without axes of extent 1 (all of them, or those named)."""
    sizes, strides, offset = geometry(input)
    if dim is None:
        drop = {i for i, n in enumerate(sizes) if n == 1}
        gradient: type[Gradient] = SqueezeBackward0
    else:
        dims = (dim,) if isinstance(dim, int) else tuple(dim)
        drop = {d for d in (wrap_dim(d, len(sizes)) for d in dims) if sizes and sizes[d] == 1}
        gradient = SqueezeBackward1
    kept = [i for i in range(len(sizes)) if i not in drop]
    return view_of(input, [sizes[i] for i in kept], [strides[i] for i in kept], offset, gradient)


@operation()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With an axis of extent 1 at ``dim``."""
    view = input._view or whole(input._node.shape)
    found = _unsqueezed(view.moved, wrap_dim(dim, len(view.sizes) + 1))
    return look(input, found.at(view.offset) if view.offset else found, UnsqueezeBackward0)


@lru_cache(maxsize=4096)
def _unsqueezed(view: View, d: int) -> View:
    sizes, strides = view.sizes, view.strides
    step = sizes[d] * strides[d] if d < len(sizes) else 1
    return View((*sizes[:d], 1, *sizes[d:]), (*strides[:d], step, *strides[d:]), view.offset)


def _metadata_in_place(function: Any) -> Any:
    """In-place forms of views change how the tensor itself looks at its storage."""

    def changing(self: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        check_writable(self)
        other = function(self, *arguments, **keywords)
        self._share()
        self._view = other._view
        if other._tracked:
            self._gradient = other._gradient
        return self

    return changing


# --- order of axes ------------------------------------------------------------------------------------------------


class PermuteBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        order = self.context[1]
        inverse = [0] * len(order)
        for position, axis in enumerate(order):
            inverse[axis] = position
        return permute(grad, inverse)


class TransposeBackward0(PermuteBackward0):
    __slots__ = ()


class TBackward0(PermuteBackward0):
    __slots__ = ()


@lru_cache(maxsize=4096)
def _reordered(view: View, order: tuple[int, ...]) -> View:
    return View([view.sizes[i] for i in order], [view.strides[i] for i in order], view.offset)


def _permuted(input: Tensor, order: Sequence[int], gradient: type[Gradient]) -> Tensor:
    order = tuple(order)
    input._share()
    view = input._view
    assert view is not None
    found = _reordered(view.moved, order)
    return look(input, found.at(view.offset) if view.offset else found, gradient, order)


@operation()
def permute(input: Tensor, *dims: Sizes) -> Tensor:
    """The axes in another order."""
    rank = input.ndim
    order = [wrap_dim(d, rank) for d in sizes_of(dims)]
    if len(order) != rank:
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {rank} is not equal to len(dims) = {len(order)}"
        )
    if len(set(order)) != rank:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _permuted(input, order, PermuteBackward0)


@operation("swapaxes", "swapdims")
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


@operation()
def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Axes moved to other places, the rest staying in order."""
    rank = input.ndim
    src = [wrap_dim(d, rank) for d in ((source,) if isinstance(source, int) else source)]
    dst = [wrap_dim(d, rank) for d in ((destination,) if isinstance(destination, int) else destination)]
    if len(src) != len(dst):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source and destination must have the same number"
        )
    order: list[int] = [-1] * rank
    for a, b in zip(src, dst):
        order[b] = a
    rest = iter(i for i in range(rank) if i not in src)
    return _permuted(input, [next(rest) if i < 0 else i for i in order], PermuteBackward0)


NAMESPACE["moveaxis"] = movedim
Tensor.moveaxis = movedim  # type: ignore[attr-defined]


def _mT(self: Tensor) -> Tensor:
    if self.ndim < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
    return transpose(self, -2, -1)


Tensor.T = property(lambda self: _permuted(self, tuple(range(self.ndim))[::-1], PermuteBackward0))  # type: ignore[attr-defined]
Tensor.H = property(lambda self: transpose(self, 0, 1))  # type: ignore[attr-defined]
Tensor.mT = property(_mT)  # type: ignore[attr-defined]
Tensor.t_ = _metadata_in_place(t)  # type: ignore[attr-defined]
Tensor.transpose_ = Tensor.swapaxes_ = _metadata_in_place(transpose)  # type: ignore[attr-defined]
Tensor.squeeze_ = _metadata_in_place(squeeze)  # type: ignore[attr-defined]
Tensor.unsqueeze_ = _metadata_in_place(unsqueeze)  # type: ignore[attr-defined]


# --- repetition ---------------------------------------------------------------------------------------------------


class ExpandBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad  # the engine reduces it to the input's shape


@operation(function=False)
def expand(self: Tensor, *sizes: Sizes, implicit: bool = False) -> Tensor:
    """Axes of extent 1 (and new leading ones) repeated without a copy; -1 keeps an extent."""
    wanted = sizes_of(sizes)
    old, strides, offset = geometry(self)
    lead = len(wanted) - len(old)
    if lead < 0:
        raise RuntimeError(
            f"expand({self.type()}{{{list(old)}}}, size={list(wanted)}): the number of sizes provided ({len(wanted)}) must be "
            f"greater or equal to the number of dimensions in the tensor ({len(old)})"
        )
    new_sizes, new_strides = [], []
    for axis, n in enumerate(wanted):
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
    return view_of(self, new_sizes, new_strides, offset, ExpandBackward0)


@operation(function=False)
def expand_as(self: Tensor, other: Tensor) -> Tensor:
    """``expand`` to the sizes of ``other``."""
    return expand(self, other.shape)


@operation(method=False)
def broadcast_to(input: Tensor, size: Sizes) -> Tensor:
    """``expand`` to the given sizes."""
    return expand(input, size)


Tensor.broadcast_to = expand  # type: ignore[attr-defined]


@operation(method=False)
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """All tensors expanded to their common shape."""
    from ..graph.shapes import broadcast_shapes

    many = tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = broadcast_shapes(*(t.shape for t in many))
    return tuple(expand(t, shape) for t in many)


# --- parts --------------------------------------------------------------------------------------------------------


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


class SplitBackward0(SliceBackward0):
    __slots__ = ()


class UnbindBackward0(SliceBackward0):
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
    k = k + extent if k < 0 else k
    input._share()
    view = input._view
    assert view is not None
    rest, step = _without_axis(view.moved, d)
    relative = None
    if input._tracked:
        plain, plain_step = _without_axis(whole(shape), d)
        relative = plain.at(k * plain_step)
    return look(input, rest.at(view.offset + k * step), SelectBackward0, relative)


@lru_cache(maxsize=4096)
def _without_axis(view: View, axis: int) -> tuple[View, int]:
    """The view without one of its axes, to be placed somewhere; and that axis's stride."""
    sizes, strides = (tuple(n for a, n in enumerate(numbers) if a != axis) for numbers in (view.sizes, view.strides))
    return View(sizes, strides, MOVED), view.strides[axis]


@operation()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices along an axis, as a tuple of views."""
    if input.ndim == 0:
        raise RuntimeError("Dimension specified as 0 but tensor has no dimensions")
    d = wrap_dim(dim, input.ndim)
    return tuple(select(input, d, k) for k in range(input.shape[d]))


@operation(method=False)
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of an axis: of one size, or of the sizes listed."""
    d = wrap_dim(dim, tensor.ndim)
    extent = tensor.shape[d]
    if isinstance(split_size_or_sections, (list, tuple)):
        sections = [int(n) for n in split_size_or_sections]
        if sum(sections) != extent:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size at dimension {d}), "
                f"but got split_sizes={sections}"
            )
    else:
        size = int(split_size_or_sections)
        if size < 0 or (size == 0 and extent):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        sections = [builtins.min(size, extent - k) for k in range(0, extent, size)] if size and extent else [extent]
    parts, start = [], 0
    for length in sections:
        parts.append(slice_axis(tensor, d, start, length, 1, SplitBackward0))
        start += length
    return tuple(parts)


def _split_method(self: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of consecutive parts of an axis."""
    return split(self, split_size, dim)


Tensor.split = _split_method  # type: ignore[attr-defined]
Tensor.split_with_sizes = _split_method  # type: ignore[attr-defined]
NAMESPACE["split_with_sizes"] = split


@operation()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """An axis cut into at most ``chunks`` parts of equal size (the last may be smaller)."""
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = wrap_dim(dim, input.ndim)
    extent = input.shape[d]
    size = builtins.max(1, -(-extent // chunks))
    if extent == 0:
        return tuple(slice_axis(input, d, 0, 0, 1, SplitBackward0) for _ in range(chunks))
    return split(input, size, d)


@operation()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """An axis cut into nearly equal sections, or at the given indices."""
    d = wrap_dim(dim, input.ndim)
    extent = input.shape[d]
    if isinstance(indices_or_sections, int):
        many, more = divmod(extent, indices_or_sections)
        ends, at = [], 0
        for k in range(indices_or_sections):
            at += many + (k < more)
            ends.append(at)
    else:
        ends = [*(int(i) for i in indices_or_sections), extent]
    parts, start = [], 0
    for end in ends:
        first, last, _ = builtins.slice(start, end).indices(extent)
        parts.append(slice_axis(input, d, first, builtins.max(last - first, 0), 1, SplitBackward0))
        start = end
    return tuple(parts)


@operation()
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal over two axes as a new last axis."""
    rank = input.ndim
    a, b = wrap_dim(dim1, rank), wrap_dim(dim2, rank)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    sizes = input.shape
    if offset >= 0:
        length, starts = builtins.min(sizes[a], sizes[b] - offset), {b: offset}
    else:
        length, starts = builtins.min(sizes[a] + offset, sizes[b]), {a: -offset}
    length = builtins.max(length, 0)
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
    count = (sizes[d] - size) // step + 1
    plain = contiguous_strides(sizes)
    new_sizes = [*sizes[:d], count, *sizes[d + 1 :], size]
    relative = View(new_sizes, [*plain[:d], plain[d] * step, *plain[d + 1 :], plain[d]], 0)
    new_strides = [*strides[:d], strides[d] * step, *strides[d + 1 :], strides[d]]
    return view_of(self, new_sizes, new_strides, offset, UnfoldBackward0, relative)


@operation("as_strided_copy")
def as_strided(input: Tensor, size: Sizes, stride: Sizes, storage_offset: int | None = None) -> Tensor:
    """A view of the storage by explicit sizes, strides and offset; ``RuntimeError`` if it would reach outside."""
    base = input._base if input._base is not None else input
    offset = input.storage_offset() if storage_offset is None else storage_offset
    view = View(sizes_of((size,)), sizes_of((stride,)), offset)
    capacity = input._read().shape.numel()
    if builtins.any(s < 0 for s in view.strides):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(view.strides)}"
        )
    if view.last_element() >= capacity or offset < 0:
        raise RuntimeError(
            f"setStorage: sizes {list(view.sizes)}, strides {list(view.strides)}, storage offset {offset}, and itemsize "
            f"{input.itemsize} requiring a storage size of {(view.last_element() + 1) * input.itemsize} are out of bounds "
            f"for storage of size {capacity * input.itemsize}"
        )
    result = view_of(input, view.sizes, view.strides, offset, AsStridedBackward0)
    if result._tracked:
        result._gradient.edges = (base._gradient or base,)
        result._gradient.context = (geometry(base), view)
    return result


class AliasBackward0(ViewBackward0):
    __slots__ = ()


@operation(function=False)
def view_as_self(self: Tensor) -> Tensor:
    """Another tensor over the same memory, with a history of its own."""
    sizes, strides, offset = geometry(self)
    return view_of(self, sizes, strides, offset, AliasBackward0)


__all__ = ["geometry", "part_of", "pick", "slice_axis", "spread", "view_of"]
