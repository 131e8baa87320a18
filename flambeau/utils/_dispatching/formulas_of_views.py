"""Gradients of views, copies, parts and places, as PyTorch writes them in operations of aten's."""

from __future__ import annotations

from typing import Any

from ...core.device import contiguous_format
from ...ops.dispatching import silence
from .emitting import emit
from .formula import formula
from .formulas import later


@formula("view.default _unsafe_view.default")
def _view(grad: Any, self: Any, size: Any) -> Any:
    return shaped(grad, self.shape)


def shaped(x: Any, shape: Any) -> Any:
    """The same elements under another shape: a view where there is one, else one of a copy."""
    if tuple(x.shape) == tuple(shape):
        return x if not x.ndim else emit("view.default", x, [*shape])
    if not x.is_contiguous() and not _can_be_seen(x, shape):
        return emit("_unsafe_view.default", emit("clone.default", x, memory_format=contiguous_format), [*shape])
    return emit("view.default", x, [*shape])


def _can_be_seen(x: Any, shape: Any) -> bool:
    """Whether the elements lie so that they can be seen under another shape."""
    with silence():
        try:
            x.detach().view(shape)
        except RuntimeError:
            return False
    return True


@formula("t.default")
def _t(grad: Any, self: Any) -> Any:
    return emit("t.default", grad)


@formula("transpose.int")
def _transpose(grad: Any, self: Any, dim0: int, dim1: int) -> Any:
    return emit("transpose.int", grad, dim0, dim1)


@formula("permute.default")
def _permute(grad: Any, self: Any, dims: Any) -> Any:
    order = [axis % len(dims) for axis in dims]
    return emit("permute.default", grad, [order.index(axis) for axis in range(len(order))])


@formula("unsqueeze.default")
def _unsqueeze(grad: Any, self: Any, dim: int) -> Any:
    return emit("squeeze.dim", grad, dim)


@formula("squeeze.dim squeeze.dims squeeze.default")
def _squeeze(grad: Any, self: Any, dim: Any = None) -> Any:
    axes = [*range(self.ndim)] if dim is None else [dim] if isinstance(dim, int) else [*dim]
    for axis in sorted([axis % max(self.ndim, 1) for axis in axes]):
        if self.ndim and self.shape[axis] == 1:
            grad = emit("unsqueeze.default", grad, axis)
    return grad


@formula("expand.default")
def _expand(grad: Any, self: Any, size: Any, implicit: bool = False) -> Any:
    return grad  # the engine adds it up


@formula("alias.default _reshape_alias.default lift_fresh.default")
def _alias(grad: Any, self: Any, *_: Any) -> Any:
    return grad


@formula("clone.default")
def _clone(grad: Any, self: Any, memory_format: Any = None) -> Any:
    return grad


@formula("_to_copy.default")
def _to_copy(grad: Any, self: Any, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
             non_blocking: bool = False, memory_format: Any = None) -> Any:  # fmt: skip
    return emit("_to_copy.default", grad, dtype=self.dtype)


@formula("copy.default")
def _copy(grad: Any, self: Any, src: Any, non_blocking: bool = False) -> Any:
    return later("zeros_like.default", grad), grad


@formula("fill.Scalar zero.default")
def _fill(grad: Any, self: Any, value: Any = None) -> Any:
    return later("zeros_like.default", grad)


@formula("fill.Tensor")
def _fill_by(grad: Any, self: Any, value: Any) -> Any:
    return later("zeros_like.default", grad), later("sum.default", grad)


@formula("select.int")
def _select(grad: Any, self: Any, dim: int, index: int) -> Any:
    return emit("select_backward.default", grad, [*self.shape], dim, index)


@formula("slice.Tensor")
def _slice(grad: Any, self: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    bounds = 0 if start is None else start, 2**63 - 1 if end is None else end, step or 1
    return emit("slice_backward.default", grad, [*self.shape], dim or 0, *bounds)


@formula("diagonal.default")
def _diagonal(grad: Any, self: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    second = 1 if dim2 is None else dim2
    return emit("diagonal_backward.default", grad, [*self.shape], offset or 0, dim1 or 0, second)


for _name in ("tril", "triu"):

    @formula(f"{_name}.default")
    def _triangle(grad: Any, self: Any, diagonal: int = 0, *, name: str = _name) -> Any:
        return emit(f"{name}.default", grad, diagonal or 0)


@formula("flip.default")
def _flip(grad: Any, self: Any, dims: Any) -> Any:
    return emit("flip.default", grad, dims)


@formula("roll.default")
def _roll(grad: Any, self: Any, shifts: Any, dims: Any = None) -> Any:
    back = [-shift for shift in shifts] if isinstance(shifts, (list, tuple)) else -shifts
    return emit("roll.default", grad, back, *([] if dims is None else [dims]))


@formula("repeat.default")
def _repeat(grad: Any, self: Any, repeats: Any) -> Any:
    lead = len(repeats) - self.ndim
    sizes: list[int] = []
    axes: list[int] = []
    for place, count in enumerate(repeats):
        axes.append(len(sizes))
        sizes += [count] if place < lead else [count, self.shape[place - lead]]
    return emit("sum.dim_IntList", shaped(grad, sizes), axes) if axes else grad


def _missing(grads: Any, shapes: Any) -> list[Any]:
    """The gradients of parts, zeros for those that none has reached."""
    known = next(grad for grad in grads if grad is not None)
    return [
        emit("zeros.default", [*shape], dtype=known.dtype) if grad is None else grad for grad, shape in zip(grads, shapes)
    ]  # fmt: skip


@formula("unbind.int")
def _unbind(grad: Any, self: Any, dim: int = 0) -> Any:
    axis = (dim or 0) % self.ndim
    shape = [n for k, n in enumerate(self.shape) if k != axis]
    return emit("stack.default", _missing(_listed(grad), [shape] * self.shape[axis]), axis)


def _listed(grad: Any) -> list[Any]:
    return grad if isinstance(grad, list) else [grad]


@formula("split.Tensor unsafe_split.Tensor")
def _split(grad: Any, self: Any, split_size: int, dim: int = 0) -> Any:
    axis = (dim or 0) % self.ndim
    size = self.shape[axis]
    return _joined(grad, self.shape, [min(split_size, size - k) for k in range(0, size, split_size)], axis)


@formula("split_with_sizes.default")
def _split_with_sizes(grad: Any, self: Any, split_sizes: Any, dim: int = 0) -> Any:
    return _joined(grad, self.shape, split_sizes, (dim or 0) % self.ndim)


def _joined(grad: Any, shape: Any, sizes: Any, axis: int) -> Any:
    shapes = [[size if k == axis else n for k, n in enumerate(shape)] for size in sizes]
    return emit("cat.default", _missing(_listed(grad), shapes), axis)


@formula("cat.default")
def _cat(grad: Any, tensors: Any, dim: int = 0) -> Any:
    axis, start, found = (dim or 0) % grad.ndim, 0, []
    for part in tensors:
        size = part.shape[axis] if len(part.shape) == grad.ndim else 0
        found.append(emit("slice.Tensor", grad, axis, start, start + size) if len(part.shape) == grad.ndim else None)
        start += size
    return (found,)


@formula("stack.default")
def _stack(grad: Any, tensors: Any, dim: int = 0) -> Any:
    return ([emit("select.int", grad, dim or 0, number) for number in range(len(tensors))],)


@formula("index.Tensor", keep="indices")
def _index(grad: Any, self: Any, indices: Any) -> Any:
    return emit("index_put.default", emit("new_zeros.default", grad, [*self.shape]), indices, grad, True), None


@formula("index_put.default", keep="indices")
def _index_put(grad: Any, self: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    def old() -> Any:
        zeros = emit("zeros.default", [*values.shape], dtype=grad.dtype)
        return grad if accumulate else emit("index_put.default", grad, indices, zeros)

    return old, None, later("index.Tensor", grad, indices)


@formula("gather.default", keep="index")
def _gather(grad: Any, self: Any, dim: int, index: Any, sparse_grad: bool = False) -> Any:
    return emit("scatter_add.default", emit("new_zeros.default", grad, [*self.shape]), dim, index, grad)


@formula("scatter.src", keep="index")
def _scatter(grad: Any, self: Any, dim: int, index: Any, src: Any) -> Any:
    return later("scatter.value", grad, dim, index, 0), None, None, later("gather.default", grad, dim, index)


@formula("scatter.value", keep="index")
def _scatter_number(grad: Any, self: Any, dim: int, index: Any, value: Any) -> Any:
    return later("scatter.value", grad, dim, index, 0)


@formula("scatter_add.default", keep="index")
def _scatter_add(grad: Any, self: Any, dim: int, index: Any, src: Any) -> Any:
    return grad, None, None, later("gather.default", grad, dim, index)


@formula("index_select.default", keep="index")
def _index_select(grad: Any, self: Any, dim: int, index: Any) -> Any:
    return emit("index_add.default", emit("new_zeros.default", grad, [*self.shape]), dim, index, grad)


@formula("index_add.default", keep="index")
def _index_add(grad: Any, self: Any, dim: int, index: Any, source: Any, alpha: Any = 1) -> Any:
    def added() -> Any:
        part = emit("expand.default", emit("index_select.default", grad, dim, index), [*source.shape])
        return part if alpha in (None, 1) else emit("mul.Scalar", part, alpha)

    return grad, None, None, added
