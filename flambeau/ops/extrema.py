"""The largest and the smallest elements over axes, and where they are."""

from __future__ import annotations

from typing import Any

from .. import return_types
from ..core.history import INPUTS, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.shapes import wrap_dim, wrap_dims
from .creation import zeros
from .dispatch import attach, tracked
from .functions import maximum, minimum
from .one_node import one_node
from .operation import Dims, operation
from .recording_paths import unary
from .reductions import expand_back, reduce, steps_of


class MaxBackward1(Gradient):
    """All elements that equal the extremum share its gradient evenly."""

    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim = self.context
        x = self.input(0)
        best = expand_back(self.result(), shape, dims, keepdim)
        hit = self.hits(x, best)
        count = hit.sum(dims, keepdim=True).to(grad.dtype)
        return hit * (expand_back(grad, shape, dims, keepdim) / count)


    def hits(self, x: Tensor, best: Tensor) -> Tensor:
        """The elements that are the extremum; where that is not a number, those that are none either."""
        return (x == best) | (x.isnan() & best.isnan())


class AmaxBackward0(MaxBackward1):
    """As in PyTorch, the gradient is not a number where the extremum is none."""

    def hits(self, x: Tensor, best: Tensor) -> Tensor:
        return x == best


class MaxBackward0(Gradient):
    """Along one axis: the gradient goes to the element found; ``saved`` holds its index."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        from .gather_scatter import scatter

        shape, dim, keepdim = self.context
        index = self.input(0)
        if not shape:
            return grad
        if not keepdim:
            grad = grad.unsqueeze(dim)
            index = index.unsqueeze(dim)
        return scatter(zeros(shape, dtype=grad.dtype), dim, index, grad)


def _along(name: str, input: Tensor, dim: int, keepdim: bool) -> tuple[Tensor, Tensor]:
    """Extremum along one axis and where it was found."""
    largest = name == "max"
    d = wrap_dim(dim, input.ndim)
    if input.ndim and input.shape[d] == 0:
        raise IndexError(f"{name}(): Expected reduction dim {d} to have non-zero size.")
    values = reduce(p.MAX if largest else p.MIN, input, (d,) if input.ndim else (), keepdim, input.dtype)
    indices = _position(p.ARGMAX if largest else p.ARGMIN, input, d, keepdim)
    if tracked(input):
        attach(
            values, MaxBackward0 if largest else MaxBackward0.named("MinBackward0"), [input], [(indices._read(), indices._view)],
            (input.shape, d, keepdim),
        )  # fmt: skip
    return values, indices


def _position(primitive: p.Primitive, x: Tensor, dim: int, keepdim: bool) -> Tensor:
    shape = x.shape
    if not shape:
        return zeros((), dtype=dtypes.int64)
    if shape[dim] == 0:
        raise IndexError(f"{primitive.name[7:]}(): Expected reduction dim {dim} to have non-zero size.")
    final, steps = steps_of(shape, (dim,), keepdim, dtypes.int64)
    if 0 in final or shape[dim] == 1:
        return zeros(final, dtype=dtypes.int64)
    return unary(primitive, x, None, steps[0])


def _shared(
    primitive: p.Primitive, gradient: type[Gradient], input: Tensor, dims: tuple[int, ...], keepdim: bool
) -> Tensor:
    """The extremum over axes, whose gradient equal elements share."""
    result = reduce(primitive, input, dims, keepdim, input.dtype)
    if tracked(input):
        attach(result, gradient, [input], None, (input.shape, dims, keepdim))
    return result


def _extremum(name: str, input: Tensor, dim: Any, keepdim: bool) -> Any:
    if isinstance(dim, Tensor):
        return (maximum if name == "max" else minimum)(input, dim)
    if dim is None:
        if input.numel() == 0:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
                "the 'dim' argument."
            )
        primitive, gradient = (p.MAX, MaxBackward1) if name == "max" else (p.MIN, MaxBackward1.named("MinBackward1"))
        return _shared(primitive, gradient, input, tuple(range(input.ndim)), False)
    values, indices = _along(name, input, dim, keepdim)
    return (return_types.max if name == "max" else return_types.min)(values, indices)


@operation("max(input, other)", out=True)
def max(input: Tensor, dim: Dims | Tensor = None, keepdim: bool = False) -> Any:
    """The largest element; along ``dim``, (values, indices); of two tensors, the elementwise maximum."""
    return _extremum("max", input, dim, keepdim)


@operation("min(input, other)", out=True)
def min(input: Tensor, dim: Dims | Tensor = None, keepdim: bool = False) -> Any:
    """The smallest element; along ``dim``, (values, indices); of two tensors, the elementwise minimum."""
    return _extremum("min", input, dim, keepdim)


def _check_some(name: str, input: Tensor, dim: Dims) -> None:
    if dim == () and input.numel() == 0:
        raise RuntimeError(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' "
            "argument."
        )


@operation(out="exact")
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The largest element over axes; equal ones share the gradient."""
    _check_some("amax", input, dim)
    return _shared(p.MAX, AmaxBackward0, input, wrap_dims(dim, input.ndim), keepdim)


@operation(out="exact")
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The smallest element over axes; equal ones share the gradient."""
    _check_some("amin", input, dim)
    return _shared(p.MIN, AmaxBackward0.named("AminBackward0"), input, wrap_dims(dim, input.ndim), keepdim)


@operation(out="exact")
@one_node("AminmaxBackward0")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Smallest and largest element."""
    if dim is None and input.numel() == 0:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity."
        )
    dims: Any = () if dim is None else dim
    return return_types.aminmax(amin(input, dims, keepdim), amax(input, dims, keepdim))


def _arg(primitive: p.Primitive, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if input.dtype.kind == "bool":
        raise RuntimeError(f"{primitive.name[7:]}(): does not support bool input")
    if input.numel() == 0 and dim is None:
        raise IndexError(f"{primitive.name[7:]}(): Expected reduction dim to be specified for input.numel() == 0.")
    if dim is None:
        result = _position(primitive, input.reshape(-1), 0, False)
        return result.reshape([1] * input.ndim) if keepdim else result
    return _position(primitive, input, wrap_dim(dim, input.ndim), keepdim)


@operation(out="exact")
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Position of the largest element (the first of equals), int64."""
    return _arg(p.ARGMAX, input, dim, keepdim)


@operation(out="exact")
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Position of the smallest element (the first of equals), int64."""
    return _arg(p.ARGMIN, input, dim, keepdim)
