"""Norms of elements over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.history import RESULT, Gradient
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES
from ..graph.shapes import wrap_dim, wrap_dims
from .assignment import write_out
from .choice import where
from .conversion import rounded_once
from .dispatch import no_slope, with_history
from .one_node import one_node
from .operation import MODULES, Dims, Scalar, operation
from .reductions import amax, amin, expand_back, sum


@operation()
def norm(
    input: Tensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: Any = None
) -> Tensor:
    """The p-norm over axes (all of them if ``dim`` is None); "fro" is 2."""
    if isinstance(p, Tensor) and p.numel() != 1:
        raise TypeError("linalg_vector_norm(): argument 'ord' (position 2) must be Number, not Tensor")
    x = input if dtype is None else input.to(dtype)
    if x.dtype.category < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got " + TYPE_NAMES[x.dtype]
        )
    if p == "nuc":
        if dim is None and x.ndim != 2:
            raise RuntimeError(f"linalg.matrix_norm: The input tensor A must have at least 2 dimensions, and got {x.ndim}")
        result = MODULES["linalg"]["matrix_norm"](x, "nuc", (-2, -1) if dim is None else dim, keepdim)
        return result if out is None else write_out(out, result, "exact")
    order = 2.0 if p is None or p == "fro" else float(p)
    dims = wrap_dims(dim, x.ndim)
    result = vector_norm(x, order, dims, keepdim)
    return result if out is None else write_out(out, result, "exact")


class LinalgVectorNormBackward0(Gradient):
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim, order = self.context
        x, result = self.input(0), expand_back(self.result(), shape, dims, keepdim)
        grad = expand_back(grad, shape, dims, keepdim)
        if order == 0:
            return no_slope(grad)
        if order == 1:
            return grad * x.sign()
        if order == 2:
            return grad * where(result == 0, 0.0, x / result)
        if order in (math.inf, -math.inf):
            hit = self.shares(x, result).to(x.dtype)
            return x.sign() * hit * (grad / hit.sum(dims, keepdim=True))
        if order < 1:
            slope = where(x == 0, 0.0, x.sign() * x.abs().pow(order - 1))
            return slope * grad * result.pow(1 - order)
        slope = x.sign() * x.abs().pow(order - 1) if order < 2 else x * x.abs().pow(order - 2)
        return slope * where(result == 0, 0.0, grad / result.pow(order - 1))

    def shares(self, x: Tensor, result: Tensor) -> Tensor:
        """The elements whose absolute value is the extremum."""
        return (x.abs() == result) | (x.isnan() & result.isnan())


class _DistanceBackward(LinalgVectorNormBackward0):
    """Of several coordinates that are equally far apart each takes all of the gradient of the largest, as in PyTorch."""

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim, order = self.context
        if order != math.inf:
            return super().backward(grad)
        x, result = self.input(0), expand_back(self.result(), shape, dims, keepdim)
        return x.sign() * (x.abs() == result) * expand_back(grad, shape, dims, keepdim)


def distance(difference: Tensor, order: float) -> Tensor:
    """The ``order``-norm of differences along their last axis."""
    return vector_norm(difference, order, (difference.ndim - 1,), False, _DistanceBackward)


def vector_norm(
    x: Tensor, order: float, dims: Sequence[int], keepdim: bool, gradient: type[Gradient] = LinalgVectorNormBackward0
) -> Tensor:
    """The ``order``-norm of the elements along ``dims``; ``RuntimeError`` where that of no elements is none."""
    if order < 0 or order == math.inf:
        empty = [axis for axis in dims if x.shape[axis] == 0]
        if empty:
            where = "an empty tensor" if x.ndim == len(dims) else f"the dimension {empty[0]}"
            because = "" if x.ndim == len(dims) else "this dimension is empty and "
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {order:g} norm on {where} because {because}the operation does not "
                "have an identity"
            )
    result = without_history(lambda: _norm(x, order, dims, keepdim))
    return with_history(result, gradient, [x], (x.shape, tuple(dims), keepdim, order))


@rounded_once
def _norm(x: Tensor, order: float, dims: Sequence[int], keepdim: bool) -> Tensor:
    if order == 0:
        nonzero = (x != 0).to(x.dtype)
        return sum(nonzero, dims, keepdim) if dims else nonzero
    size = x.abs()
    if not dims:
        return size
    if order == 2:
        return sum(x * x, dims, keepdim).sqrt()
    if order == 1:
        return sum(size, dims, keepdim)
    if order == math.inf:
        return amax(size, dims, keepdim)
    if order == -math.inf:
        return amin(size, dims, keepdim)
    return sum(size.pow(order), dims, keepdim).pow(1 / order)


@operation()
@one_node("DistBackward0")
@rounded_once
def dist(input: Tensor, other: Tensor, p: Scalar = 2) -> Tensor:
    """The p-norm of the difference."""
    return norm(input - other, p)


@operation(method=False, out="exact")
def frobenius_norm(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    """The square root of the sum of squares over axes."""
    return input.norm(2, dim, keepdim)  # type: ignore[no-any-return]


@operation(method=False)
def norm_except_dim(v: Tensor, pow: int = 2, dim: int = 0) -> Tensor:
    """The norms of the slices of ``dim`` (of everything, for -1), with axes of extent 1 kept."""
    if dim != -1:
        wrap_dim(dim, v.ndim)
    if dim == -1:
        return vector_norm(v, float(pow), tuple(range(v.ndim)), False)
    return vector_norm(v, float(pow), tuple(k for k in range(v.ndim) if k != dim), True)
