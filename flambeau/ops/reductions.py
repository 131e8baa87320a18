"""Sums, products, extrema and the like over axes.

A reduction over several axes is done one run of neighbouring axes at a time, the innermost first; each is a primitive
that sees its operand as (outer, reduced, inner). See ``cpu/loops`` for the order in which elements are added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from math import prod as product
from typing import Any

from .. import return_types
from ..autograd.gradient import INPUTS, RESULT, Gradient
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import dtype as dtype_type
from ..graph.shapes import Size, wrap_dim, wrap_dims
from ..tensor import Tensor
from .dispatch import attach, binary, tracked, unary
from .operation import operation, write_out

Dims = Any

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


@lru_cache(maxsize=4096)
def _steps(shape: Size, dims: tuple[int, ...], keepdim: bool, d: dtype_type) -> tuple[Size, tuple[Any, ...]]:
    """The result's shape, and the attributes of the primitives that lead there, one for each run of axes."""
    rank = len(shape)
    chosen = set(dims)
    final = Size(1 if axis in chosen else n for axis, n in enumerate(shape) if keepdim or axis not in chosen)
    runs = [run for run in _runs(dims, rank, shape) if product(shape[run[0] : run[1] + 1]) > 1]
    sizes = list(shape)
    steps = []
    for number, (first, last) in enumerate(runs, 1):
        reduced = product(sizes[first : last + 1])
        outer, inner = product(sizes[:first]), product(sizes[last + 1 :])
        sizes[first : last + 1] = [1] * (last + 1 - first)
        steps.append((final if number == len(runs) else Size(sizes), outer, reduced, inner, d))
    return final, tuple(steps)


def reduce(primitive: p.Primitive, x: Tensor, dims: tuple[int, ...], keepdim: bool, d: dtype_type) -> Tensor:
    """Reduce over the given axes without recording history; ``d`` is the result's dtype."""
    shape = x.shape
    if 0 in shape or not shape:
        return _trivial(primitive, x, dims, keepdim, d)
    final, steps = _steps(shape, dims, keepdim, d)
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
        from .creation import empty

        return empty(sizes, dtype=d)
    if primitive.name not in IDENTITY:
        raise IndexError(f"{primitive.name[7:]}(): Expected reduction dim to have non-zero size.")
    from .creation import full

    return full(sizes, IDENTITY[primitive.name], dtype=d)


def expand_back(grad: Tensor, shape: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    """A gradient of a reduced value repeated along the axes that were reduced."""
    if not keepdim:
        chosen = set(dims)
        grad = grad.reshape([1 if axis in chosen else n for axis, n in enumerate(shape)])
    return grad.expand(shape)


# --- sum, mean ----------------------------------------------------------------------------------------------------


class SumBackward0(Gradient):
    """``context`` (input shape, dims, keepdim)."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim = self.context
        return expand_back(grad, shape, dims, keepdim)


class SumBackward1(SumBackward0):
    __slots__ = ()


def _sum_dtype(x: Tensor, d: dtype_type | None) -> dtype_type:
    if d is not None:
        return d
    return dtypes.int64 if x.dtype.category < 2 else x.dtype


@operation()
def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Dims = None,
    out: Tensor | None = None,
) -> Tensor:
    """Sum over ``dim`` (all axes if None). Integers and booleans sum to int64."""
    if axis is not None:
        dim = axis
    dims = wrap_dims(dim, input.ndim)
    d = _sum_dtype(input, dtype)
    x = input if input.dtype is d or d.category < 2 or input.dtype.category < 2 else input.to(d)
    result = reduce(p.SUM, x, dims, keepdim, d)
    if d.category == 2 and tracked(x):
        attach(result, SumBackward0 if dim is None else SumBackward1, [x], [], (x.shape, dims, keepdim))
    return result if out is None else write_out(out, result)


class MeanBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim = self.context
        count = product(shape[d] for d in dims) if dims else 1
        return expand_back(grad / (count or 1), shape, dims, keepdim)


class MeanBackward1(MeanBackward0):
    __slots__ = ()


@operation()
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Dims = None,
    out: Tensor | None = None,
) -> Tensor:
    """Mean over ``dim`` (all axes if None). ``RuntimeError`` for integers unless ``dtype`` is a floating-point one."""
    if axis is not None:
        dim = axis
    x = input if dtype is None or input.dtype is dtype else input.to(dtype)
    if x.dtype.category < 2:
        raise RuntimeError(
            "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {p.TYPE_NAMES[x.dtype]}"
        )
    dims = wrap_dims(dim, x.ndim)
    count = product(x.shape[d] for d in dims) if dims else 1
    total = reduce(p.SUM, x, dims, keepdim, x.dtype)
    result = binary(p.DIV, total, count) if count else total * math.nan
    if tracked(x):
        attach(result, MeanBackward0 if dim is None else MeanBackward1, [x], [], (x.shape, dims, keepdim))
    return result if out is None else write_out(out, result)


@operation()
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Sum with NaN taken as zero."""
    from .comparison import where

    return sum(where(input.isnan(), 0.0, input), dim, keepdim, dtype=dtype)


@operation()
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Mean of the elements that are not NaN."""
    return nansum(input, dim, keepdim, dtype=dtype) / (~input.isnan()).sum(dim, keepdim)


# --- prod ---------------------------------------------------------------------------------------------------------


class ProdBackward0(Gradient):
    """The product of all other elements: exact where no element is zero, else by products from both sides."""

    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim = self.context
        x, result = self.input(0), self.result()
        if bool((x == 0).any()):
            return expand_back(grad, shape, dims, keepdim) * _other_products(x, dims)
        return expand_back(grad * result, shape, dims, keepdim) / x


class ProdBackward1(ProdBackward0):
    __slots__ = ()


def _other_products(x: Tensor, dims: Sequence[int]) -> Tensor:
    """For each element the product of the others along ``dims`` (one axis, or all)."""
    from .creation import ones
    from .joining import cat
    from .scans import cumprod

    flat = x.reshape(-1) if len(dims) != 1 else x
    axis = 0 if len(dims) != 1 else dims[0]
    n = flat.shape[axis]
    one = ones([*flat.shape[:axis], 1, *flat.shape[axis + 1 :]], dtype=x.dtype)
    before = cumprod(cat([one, flat.narrow(axis, 0, n - 1)], axis), axis)
    after = cumprod(cat([one, flat.flip(axis).narrow(axis, 0, n - 1)], axis), axis).flip(axis)
    return (before * after).reshape(x.shape)


@operation()
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
    """Product over ``dim`` (all axes if None). Integers and booleans multiply to int64."""
    dims = wrap_dims(dim, input.ndim)
    d = _sum_dtype(input, dtype)
    x = input if input.dtype is d or d.category < 2 else input.to(d)
    result = reduce(p.PROD, x, dims, keepdim, d)
    if d.category == 2 and tracked(x):
        attach(result, ProdBackward0 if dim is None else ProdBackward1, [x], None, (x.shape, dims, keepdim))
    return result


# --- extrema ------------------------------------------------------------------------------------------------------


class MaxBackward1(Gradient):
    """All elements that equal the extremum share its gradient evenly."""

    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim = self.context
        x = self.input(0)
        best = expand_back(self.result(), shape, dims, keepdim)
        hit = (x == best) | (x.isnan() & best.isnan())
        count = hit.sum(dims, keepdim=True).to(grad.dtype)
        return hit * (expand_back(grad, shape, dims, keepdim) / count)


class MinBackward1(MaxBackward1):
    __slots__ = ()


class AmaxBackward0(MaxBackward1):
    __slots__ = ()


class AminBackward0(MaxBackward1):
    __slots__ = ()


class MaxBackward0(Gradient):
    """Along one axis: the gradient goes to the element found; ``saved`` holds its index."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        from .creation import zeros
        from .gather_scatter import scatter

        shape, dim, keepdim = self.context
        index = self.input(0)
        if not shape:
            return grad
        if not keepdim:
            grad = grad.unsqueeze(dim)
            index = index.unsqueeze(dim)
        return scatter(zeros(shape, dtype=grad.dtype), dim, index, grad)


class MinBackward0(MaxBackward0):
    __slots__ = ()


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
            values, MaxBackward0 if largest else MinBackward0, [input], [(indices._read(), indices._view)],
            (input.shape, d, keepdim),
        )  # fmt: skip
    return values, indices


def _position(primitive: p.Primitive, x: Tensor, dim: int, keepdim: bool) -> Tensor:
    from .creation import zeros

    shape = x.shape
    if not shape:
        return zeros((), dtype=dtypes.int64)
    if shape[dim] == 0:
        raise IndexError(f"{primitive.name[7:]}(): Expected reduction dim {dim} to have non-zero size.")
    final, steps = _steps(shape, (dim,), keepdim, dtypes.int64)
    if 0 in final or shape[dim] == 1:
        return zeros(final, dtype=dtypes.int64)
    return unary(primitive, x, None, steps[0])


def _extremum(name: str, input: Tensor, dim: Any, keepdim: bool, out: Any) -> Any:
    if isinstance(dim, Tensor):
        from .comparison import maximum, minimum

        return (maximum if name == "max" else minimum)(input, dim)
    if dim is None:
        if input.numel() == 0:
            raise RuntimeError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
                "the 'dim' argument."
            )
        dims = tuple(range(input.ndim))
        result = reduce(p.MAX if name == "max" else p.MIN, input, dims, False, input.dtype)
        if tracked(input):
            attach(result, MaxBackward1 if name == "max" else MinBackward1, [input], None, (input.shape, dims, False))
        return result if out is None else write_out(out, result)
    values, indices = _along(name, input, dim, keepdim)
    if out is not None:
        values, indices = write_out(out[0], values), write_out(out[1], indices)
    return (return_types.max if name == "max" else return_types.min)(values, indices)


@operation()
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, out: Any = None) -> Any:
    """The largest element; along ``dim``, (values, indices); of two tensors, the elementwise maximum."""
    return _extremum("max", input, dim if axis is None else axis, keepdim, out)


@operation()
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, out: Any = None) -> Any:
    """The smallest element; along ``dim``, (values, indices); of two tensors, the elementwise minimum."""
    return _extremum("min", input, dim if axis is None else axis, keepdim, out)


@operation()
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The largest element over axes; equal ones share the gradient."""
    dims = wrap_dims(dim, input.ndim)
    result = reduce(p.MAX, input, dims, keepdim, input.dtype)
    if tracked(input):
        attach(result, AmaxBackward0, [input], None, (input.shape, dims, keepdim))
    return result


@operation()
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """The smallest element over axes; equal ones share the gradient."""
    dims = wrap_dims(dim, input.ndim)
    result = reduce(p.MIN, input, dims, keepdim, input.dtype)
    if tracked(input):
        attach(result, AminBackward0, [input], None, (input.shape, dims, keepdim))
    return result


@operation()
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Smallest and largest element."""
    dims: Any = () if dim is None else dim
    return return_types.aminmax(amin(input, dims, keepdim), amax(input, dims, keepdim))


def _arg(primitive: p.Primitive, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    if input.numel() == 0 and dim is None:
        raise IndexError(f"{primitive.name[7:]}(): Expected reduction dim to be specified for input.numel() == 0.")
    if dim is None:
        result = _position(primitive, input.reshape(-1), 0, False)
        return result.reshape([1] * input.ndim) if keepdim else result
    return _position(primitive, input, wrap_dim(dim, input.ndim), keepdim)


@operation()
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Position of the largest element (the first of equals), int64."""
    return _arg(p.ARGMAX, input, dim, keepdim)


@operation()
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Position of the smallest element (the first of equals), int64."""
    return _arg(p.ARGMIN, input, dim, keepdim)


# --- logic --------------------------------------------------------------------------------------------------------


def _logical(primitive: p.Primitive, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    d = dtypes.uint8 if input.dtype is dtypes.uint8 else dtypes.bool_
    result = reduce(
        primitive,
        input if input.dtype.kind == "bool" else input != 0,
        wrap_dims(dim, input.ndim),
        keepdim,
        dtypes.bool_,
    )
    return result if d.kind == "bool" else result.to(d)


@operation()
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether all elements are nonzero."""
    return _logical(p.ALL, input, dim, keepdim)


@operation()
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Whether some element is nonzero."""
    return _logical(p.ANY, input, dim, keepdim)


@operation()
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Number of elements that are not zero."""
    return sum(input != 0, dim)


# --- spread -------------------------------------------------------------------------------------------------------


def _moments(input: Tensor, dim: Dims, correction: float, keepdim: bool) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Variance and mean (axes kept) over ``dim``, in two passes."""
    if input.dtype.category < 2:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    dims = wrap_dims(dim, input.ndim)
    count = product(input.shape[d] for d in dims) if input.ndim else 1
    average = mean(input, dims, True) if dims else input
    centred = input - average
    squares = (centred * centred).sum(dims, keepdim=True) if dims else centred * centred
    free = count - correction
    variance = squares / (free if free > 0 else 0.0)
    return variance, average, dims


def _without(x: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    if keepdim:
        return x
    chosen = set(dims)
    return x.reshape([n for axis, n in enumerate(x.shape) if axis not in chosen])


class VarBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim, free = self.context
        x = self.input(0)
        scaled = expand_back(grad * (2.0 / free), shape, dims, keepdim)
        return scaled * (x - mean(x, dims, True))


def _correction(unbiased: Any, correction: Any) -> float:
    if correction is not None:
        return float(correction)
    return 1.0 if unbiased is None or unbiased else 0.0


def _shift_arguments(dim: Any, unbiased: Any) -> tuple[Any, Any]:
    """``var(False)`` names ``unbiased`` in first place."""
    if isinstance(dim, bool):
        return None, dim
    return dim, unbiased


@operation()
def var(
    input: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
    axis: Any = None,
) -> Tensor:
    """Variance over ``dim``; ``correction`` (1 unless given) is taken from the count."""
    dim, unbiased = _shift_arguments(dim if axis is None else axis, unbiased)
    amount = _correction(unbiased, correction)
    from ..autograd.modes import no_grad

    with no_grad():
        variance, _, dims = _moments(input, dim, amount, keepdim)
    result = _without(variance, dims, keepdim)
    if tracked(input):
        count = product(input.shape[d] for d in dims) if input.ndim else 1
        free = count - amount
        attach(result, VarBackward0, [input], None, (input.shape, dims, keepdim, free if free > 0 else math.nan))
    return result


@operation()
def std(
    input: Tensor,
    dim: Any = None,
    unbiased: Any = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
    axis: Any = None,
) -> Tensor:
    """Standard deviation over ``dim``."""
    return var(input, dim if axis is None else axis, unbiased, keepdim, correction=correction).sqrt()


@operation()
def var_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Variance and mean."""
    dim, unbiased = _shift_arguments(dim, unbiased)
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, dim, keepdim)


@operation()
def std_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean."""
    dim, unbiased = _shift_arguments(dim, unbiased)
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, dim, keepdim)


@operation()
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow."""
    from .comparison import where

    dims = wrap_dims(dim, input.ndim)
    x = input if input.dtype.category == 2 else input.to(dtypes.get_default_dtype())
    if x.numel() == 0:
        return sum(x.exp(), dims, keepdim).log()
    high = amax(x.detach(), dims, True)
    high = where(high.abs() == math.inf, 0.0, high)
    total = sum((x - high).exp(), dims, True).log() + high
    return _without(total, dims, keepdim)


@operation()
def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Tensor:
    """The p-norm over axes (all of them if ``dim`` is None); "fro" is 2."""
    x = input if dtype is None else input.to(dtype)
    if x.dtype.category < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got " + _type_name(x)
        )
    order = 2.0 if p is None or p == "fro" else float(p)
    dims = wrap_dims(dim, x.ndim)
    result = vector_norm(x, order, dims, keepdim)
    return result if out is None else write_out(out, result)


def _type_name(x: Tensor) -> str:
    from ..graph.primitives import TYPE_NAMES

    return TYPE_NAMES[x.dtype]


class LinalgVectorNormBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        from .comparison import where

        shape, dims, keepdim, order = self.context
        x, result = self.input(0), expand_back(self.result(), shape, dims, keepdim)
        grad = expand_back(grad, shape, dims, keepdim)
        if order == 2:
            return where(result == 0, 0.0, grad * (x / result))  # type: ignore[no-any-return]
        if order == 1:
            return grad * x.sign()
        if order in (math.inf, -math.inf):
            hit = (x.abs() == result).to(x.dtype)
            return grad * x.sign() * hit / hit.sum(dims, keepdim=True)
        if order == 0:
            return grad * 0
        scale = x.abs().pow(order - 1) * x.sign() / result.pow(order - 1)
        return where(result == 0, 0.0, grad * scale)  # type: ignore[no-any-return]


def vector_norm(x: Tensor, order: float, dims: Sequence[int], keepdim: bool) -> Tensor:
    """The ``order``-norm of the elements along ``dims``."""
    from ..autograd.modes import no_grad

    with no_grad():
        size = x.abs()
        if order == 2:
            result = sum(x * x, dims, keepdim).sqrt() if dims else size
        elif order == 1:
            result = sum(size, dims, keepdim) if dims else size
        elif order == math.inf:
            result = amax(size, dims, keepdim) if dims else size
        elif order == -math.inf:
            result = amin(size, dims, keepdim) if dims else size
        elif order == 0:
            result = sum((x != 0).to(x.dtype), dims, keepdim) if dims else (x != 0).to(x.dtype)
        else:
            result = sum(size.pow(order), dims, keepdim).pow(1 / order) if dims else size
    if tracked(x):
        attach(result, LinalgVectorNormBackward0, [x], None, (x.shape, tuple(dims), keepdim, order))
    return result


@operation()
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of the difference."""
    return norm(input - other, p)
