"""Sums, products, logic and extrema over axes.

A reduction over several axes is done one run of neighbouring axes at a time, the innermost first; each is a primitive
that sees its operand as (outer, reduced, inner). See ``cpu/loops`` for the order in which elements are added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from math import prod as product
from typing import Any

from .. import return_types
from ..core.history import INPUTS, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES
from ..graph.dtypes import dtype as dtype_type
from ..graph.shapes import Size, wrap_dim, wrap_dims
from ..graph.trace import local
from .choice import where
from .conversion import SINGLE, rounded_once
from .creation import empty, full, ones, zeros
from .dispatch import attach, tracked, with_history
from .elementwise import differentiated, gradient_class
from .functions import maximum, minimum
from .one_node import one_node
from .operation import Dims, operation
from .recording_paths import binary, unary

IDENTITY = {"reduce_sum": 0, "reduce_prod": 1, "reduce_any": 0, "reduce_all": 1}


def _runs(dims: Sequence[int], rank: int, shape: Size) -> list[tuple[int, int]]:
    """Runs [first, last] of neighbouring reduced axes (axes of extent 1 do not separate them), innermost first."""
    runs: list[tuple[int, int]] = []
    chosen = set(dims)
    axis = rank - 1
    while axis >= 0:
        if axis in chosen:
            last = axis
            first = axis
            axis -= 1
            while axis >= 0 and (axis in chosen or shape[axis] == 1):
                if axis in chosen:
                    first = axis
                axis -= 1
            runs.append((first, last))
        else:
            axis -= 1
    return runs


@lru_cache(maxsize=1024)
def steps_of(shape: Size, dims: tuple[int, ...], keepdim: bool, d: dtype_type) -> tuple[Size, tuple[Any, ...]]:
    """The result's shape, and the attributes of the primitives that lead there, one for each run of axes."""
    rank = len(shape)
    chosen = set(dims)
    final = Size(1 if axis in chosen else n for axis, n in enumerate(shape) if keepdim or axis not in chosen)
    runs = [run for run in _runs(dims, rank, shape) if product(shape[run[0] : run[1] + 1]) > 1]
    dropped = () if keepdim else tuple(sorted(chosen))
    steps = [(first, last, () if number < len(runs) else dropped, d) for number, (first, last) in enumerate(runs, 1)]
    return final, tuple(steps)


def reduce(primitive: p.Primitive, x: Tensor, dims: tuple[int, ...], keepdim: bool, d: dtype_type) -> Tensor:
    """Reduce over the given axes without recording history; ``d`` is the result's dtype."""
    shape = x.shape
    if 0 in shape or not shape:
        return _trivial(primitive, x, dims, keepdim, d)
    final, steps = steps_of(shape, dims, keepdim, d)
    if len(steps) > 1 and d in SINGLE:  # what one run gives the next is not rounded
        return unary(p.CAST, reduce(primitive, x, dims, keepdim, SINGLE[d]), None, d)
    current = x
    for step in steps:
        current = unary(primitive, current, None, step)
    if current is x:
        current = _convert(primitive, x, d)
    return current if current.shape == final else current.reshape(final)


def _convert(primitive: p.Primitive, x: Tensor, d: dtype_type) -> Tensor:
    """Reducing single elements: the elements in the result's dtype."""
    if x.dtype is d:
        return unary(p.COPY, x)
    return unary(p.CAST, x, None, d)


def _trivial(primitive: p.Primitive, x: Tensor, dims: Sequence[int], keepdim: bool, d: dtype_type) -> Tensor:
    """No elements, or no axes."""
    if not x.shape:
        return _convert(primitive, x, d)
    chosen = set(dims)
    sizes = [1 if axis in chosen else n for axis, n in enumerate(x.shape) if keepdim or axis not in chosen]
    if product(sizes) == 0:
        return empty(sizes, dtype=d)
    if primitive.name not in IDENTITY:
        raise IndexError(f"{primitive.name[7:]}(): Expected reduction dim to have non-zero size.")
    return full(sizes, IDENTITY[primitive.name], dtype=d)


def expand_back(grad: Tensor, shape: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    """A gradient of a reduced value repeated along the axes that were reduced."""
    if not keepdim:
        chosen = set(dims)
        grad = grad.reshape([1 if axis in chosen else n for axis, n in enumerate(shape)])
    return grad.expand(shape)


def without_axes(x: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    """A value whose axes were kept in reducing, without them unless ``keepdim`` asks for them."""
    if keepdim:
        return x
    chosen = set(dims)
    return x.reshape([n for axis, n in enumerate(x.shape) if axis not in chosen])


# --- sum, mean ----------------------------------------------------------------------------------------------------


_REDUCED = ("input", "shape", "dims", "keepdim")
SumBackward0 = gradient_class(
    "SumBackward0", lambda grad, shape, dims, keepdim: expand_back(grad, shape, dims, keepdim), _REDUCED, 1
)
SumBackward1 = SumBackward0.named("SumBackward1")


def _sum_dtype(x: Tensor, d: dtype_type | None) -> dtype_type:
    if d is not None:
        return d
    return dtypes.int64 if x.dtype.category < 2 else x.dtype


@operation(out=True)
def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum over ``dim`` (all axes if None). Integers and booleans sum to int64."""
    dims = wrap_dims(dim, input.ndim)
    d = _sum_dtype(input, dtype)
    x = input if input.dtype is d or d.category < 2 or input.dtype.category < 2 else input.to(d)
    result = reduce(p.SUM, x, dims, keepdim, d)
    if d.category == 2 and tracked(x):
        attach(result, SumBackward0 if dim is None else SumBackward1, [x], [], (x.shape, dims, keepdim))
    return result


def _mean_slope(grad: Tensor, shape: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    count = product(shape[d] for d in dims) if dims else 1
    return expand_back(grad / (count or 1), shape, dims, keepdim)


MeanBackward0 = gradient_class("MeanBackward0", _mean_slope, _REDUCED, 1)
MeanBackward1 = MeanBackward0.named("MeanBackward1")


@operation(out=True)
def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Mean over ``dim`` (all axes if None). ``RuntimeError`` for integers unless ``dtype`` is a floating-point one."""
    x = input if dtype is None or input.dtype is dtype else input.to(dtype)
    if x.dtype.category < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {TYPE_NAMES[x.dtype]}"
        )
    dims = wrap_dims(dim, x.ndim)
    count = product(x.shape[d] for d in dims) if dims else 1
    d = x.dtype
    wide = SINGLE.get(d, d)  # the sum may be beyond the range of a half type
    total = reduce(p.SUM, x, dims, keepdim, wide)
    result = binary(p.DIV, total, count) if count else total * math.nan
    result = result if wide is d else unary(p.CAST, result, None, d)
    return with_history(result, MeanBackward0 if dim is None else MeanBackward1, [x], (x.shape, dims, keepdim))


def _nansum_slope(grad: Tensor, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    return expand_back(grad, input.shape, wrap_dims(dim, input.ndim), keepdim) * ~input.isnan()


@operation(out=True)
@differentiated(_nansum_slope)
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum with NaN taken as zero."""
    if input.dtype.category < 2:
        return sum(input, dim, keepdim, dtype=dtype)
    return sum(where(input.isnan(), 0.0, input), dim, keepdim, dtype=dtype)


@operation(out=True)
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Mean of the elements that are not NaN."""
    if input.dtype.category < 2:
        raise RuntimeError(f"nanmean(): expected input to have floating point or complex dtype but got {input.dtype}")
    return _nanmean(input if dtype is None else input.to(dtype), dim, keepdim)


@rounded_once
def _nanmean(input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    return nansum(input, dim, keepdim) / (~input.isnan()).sum(dim, keepdim)


# --- prod ---------------------------------------------------------------------------------------------------------


def _prod_slope(grad: Tensor, input: Tensor, result: Tensor, shape: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    """The product of all other elements: exact where no element is zero, else by products from both sides."""
    if local.trace.sampling or bool((input == 0).any()):
        return expand_back(grad, shape, dims, keepdim) * _other_products(input, dims)
    return expand_back(grad * result, shape, dims, keepdim) / input


ProdBackward0 = gradient_class("ProdBackward0", _prod_slope, _REDUCED, 1)


def _other_products(x: Tensor, dims: Sequence[int]) -> Tensor:
    """For each element the product of the others along ``dims`` (one axis, or all)."""
    from .joining import cat
    from .scans import cumprod

    flat = x.reshape(-1) if len(dims) != 1 else x
    axis = 0 if len(dims) != 1 else dims[0]
    n = flat.shape[axis]
    one = ones([*flat.shape[:axis], 1, *flat.shape[axis + 1 :]], dtype=x.dtype)
    before = cumprod(cat([one, flat.narrow(axis, 0, n - 1)], axis), axis)
    after = cumprod(cat([one, flat.flip(axis).narrow(axis, 0, n - 1)], axis), axis).flip(axis)
    return (before * after).reshape(x.shape)


@operation(out=True)
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Product over ``dim`` (all axes if None). Integers and booleans multiply to int64."""
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
    dims = wrap_dims(dim, input.ndim)
    d = _sum_dtype(input, dtype)
    x = input if input.dtype is d or d.category < 2 else input.to(d)
    result = reduce(p.PROD, x, dims, keepdim, d)
    if d.category == 2 and tracked(x):
        gradient = ProdBackward0 if dim is None else ProdBackward0.named("ProdBackward1")
        attach(result, gradient, [x], None, (x.shape, dims, keepdim))
    return result


# --- logic --------------------------------------------------------------------------------------------------------


def _logical(primitive: p.Primitive, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    d = dtypes.uint8 if input.dtype is dtypes.uint8 else dtypes.bool_
    result = input if input.dtype.kind == "bool" else input != 0
    if isinstance(dim, (tuple, list)) and not dim:  # no axis is meant, other than in other reductions
        result = result.clone() if result is input else result
    else:
        result = reduce(primitive, result, wrap_dims(dim, input.ndim), keepdim, dtypes.bool_)
    return result if d.kind == "bool" else result.to(d)


@operation(out="exact")
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are nonzero."""
    return _logical(p.ALL, input, dim, keepdim)


@operation(out="exact")
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether some element is nonzero."""
    return _logical(p.ANY, input, dim, keepdim)


@operation()
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Number of elements that are not zero."""
    return sum(input != 0, dim)


# --- the largest and the smallest elements, and where they are --------------------------------------------------------


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
        gradient = MaxBackward0 if largest else MaxBackward0.named("MinBackward0")
        attach(values, gradient, [input], [(indices._read(), indices._view)], (input.shape, d, keepdim))
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
    return with_history(result, gradient, [input], (input.shape, dims, keepdim))


def _extremum(name: str, input: Tensor, dim: Any, keepdim: bool) -> Any:
    if isinstance(dim, Tensor):
        return (maximum if name == "max" else minimum)(input, dim)
    if dim is None:
        _check_some(name, input, ())
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
