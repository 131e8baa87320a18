"""The same elements under another shape: a view where the strides permit it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

from ..core.device import contiguous_format
from ..core.history import Gradient
from ..core.storage import Storage, whole
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.shapes import View, infer_size, view_strides, wrap_dim
from ..graph.trace import have_read
from .operation import Sizes, operation
from .views import geometry, look, seen_anew_in_place, sizes_of, view_of


class ViewBackward0(Gradient):
    def backward(self, grad: Tensor) -> Tensor:
        return grad.reshape(self.context[0])


UnsafeViewBackward0 = ViewBackward0.named("UnsafeViewBackward0")
ReshapeAliasBackward0 = ViewBackward0.named("ReshapeAliasBackward0")


@operation(function=False)
def view(self: Tensor, *size: Any, dtype: Any = None) -> Tensor:
    """The same elements under another shape, without a copy; or the same bytes as another dtype.

    ``RuntimeError`` where the strides do not permit it.
    """
    if dtype is not None or (len(size) == 1 and isinstance(size[0], (dtypes.dtype, type))):
        return _view_dtype(self, dtypes.given_dtype(size[0] if dtype is None else dtype))
    found = _reshaped(self, sizes_of(size))
    if found is None:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        )
    return look(self, found, ViewBackward0)


def _reshaped(x: Tensor, sizes: tuple[int, ...]) -> View | None:
    """A tensor's view of its storage under another shape (one extent may be -1); None if strides cannot express that."""
    view = x._view or whole(x._node.shape)
    found = _other_shape(view.moved, sizes)
    return found.at(view.offset) if found is not None and view.offset else found


@lru_cache(maxsize=1024)
def _other_shape(view: View, sizes: tuple[int, ...]) -> View | None:
    shape = infer_size(sizes, view.sizes.numel())
    if shape == view.sizes:
        return view
    strides = view_strides(view.sizes, view.strides, shape)
    return None if strides is None else View(shape, strides, view.offset)


def _view_dtype(self: Tensor, d: dtypes.dtype) -> Tensor:
    from ..core.storage import flat_node

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
    have_read(node)
    flat.buffer.ever_exposed = flat.buffer.exposed_forever = True  # two nodes now name one memory
    now = self._read()
    if now is not node and now.buffer is not flat.buffer:  # another thread wrote before it could know of this
        return _view_dtype(self, d)
    return Tensor._from_node(flat, View(new_sizes, new_strides, new_offset), Storage(flat))


@operation()
def reshape(input: Tensor, *shape: Sizes) -> Tensor:
    """The same elements under another shape: a view where strides permit, else a copy. One extent may be -1."""
    sizes = sizes_of(shape)
    found = _reshaped(input, sizes)
    if found is not None:
        return look(input, found, ViewBackward0)
    return reshape(input.clone(memory_format=contiguous_format), sizes)


def seen_as(x: Tensor, sizes: tuple[int, ...], gradient: type[Gradient]) -> Tensor:
    """A contiguous value that nobody else looks at under another shape; to writes in place the result is no view."""
    found = _reshaped(x, sizes)
    assert found is not None
    result = look(x, found, gradient)
    if result._autograd is not None:
        result._autograd.base = None
    return result


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


SqueezeBackward0 = ViewBackward0.named("SqueezeBackward0")
SqueezeBackward1 = ViewBackward0.named("SqueezeBackward1")
SqueezeBackward2 = ViewBackward0.named("SqueezeBackward2")
UnsqueezeBackward0 = ViewBackward0.named("UnsqueezeBackward0")


@operation()
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without axes of extent 1 (all of them, or those named)."""
    view = input._view or whole(input._node.shape)
    if dim is None:
        axes = tuple(range(len(view.sizes)))
        gradient: type[Gradient] = SqueezeBackward0
    elif isinstance(dim, int):
        axes, gradient = (wrap_dim(dim, len(view.sizes)),), SqueezeBackward1
    else:
        axes, gradient = tuple([wrap_dim(d, len(view.sizes)) for d in dim]), SqueezeBackward2
        for axis in axes:
            if axes.count(axis) > 1:
                raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    found = _squeezed(view.moved, axes)
    return look(input, found.at(view.offset) if view.offset else found, gradient)


@lru_cache(maxsize=1024)
def _squeezed(view: View, axes: tuple[int, ...]) -> View:
    kept = [axis for axis, n in enumerate(view.sizes) if n != 1 or axis not in axes]
    return View([view.sizes[axis] for axis in kept], [view.strides[axis] for axis in kept], view.offset)


@operation()
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With an axis of extent 1 at ``dim``."""
    view = input._view or whole(input._node.shape)
    found = unsqueezed(view.moved, wrap_dim(dim, len(view.sizes) + 1))
    return look(input, found.at(view.offset) if view.offset else found, UnsqueezeBackward0)


@lru_cache(maxsize=1024)
def unsqueezed(view: View, d: int) -> View:
    """A view with an axis of extent 1 at ``d``."""
    sizes, strides = view.sizes, view.strides
    step = sizes[d] * strides[d] if d < len(sizes) else 1
    return View((*sizes[:d], 1, *sizes[d:]), (*strides[:d], step, *strides[d:]), view.offset)


seen_anew_in_place(squeeze, 3)
seen_anew_in_place(unsqueeze)


@operation(function=False)
def view_as_self(self: Tensor) -> Tensor:
    """Another tensor over the same memory, with a history of its own."""
    sizes, strides, offset = geometry(self)
    return view_of(self, sizes, strides, offset, ViewBackward0.named("AliasBackward0"))


@operation()
def detach(input: Tensor) -> Tensor:
    """A tensor that shares memory and has no history."""
    storage = input._share()
    return Tensor._from_node(None, input._view, storage)


def _shallow_copy(self: Tensor) -> Tensor:
    """``copy.copy``: a leaf that shares memory, of the same class and with the same attributes."""
    if self.of_parts:
        made = self.detach()
        made._input_of()._tracked = self.requires_grad
    else:
        made = detach(self) if type(self) is Tensor else detach(self).as_subclass(type(self))
        made._tracked = self.requires_grad
    made.__dict__.update(self.__dict__)
    return made


Tensor.__copy__ = _shallow_copy  # type: ignore[attr-defined]
