"""Variances and standard deviations over axes."""

from __future__ import annotations

import math
from math import prod as product
from typing import Any

from ..autograd.gradient import INPUTS, Gradient
from ..autograd.modes import no_grad
from ..graph.shapes import wrap_dims
from ..tensor import Tensor
from .dispatch import attach, tracked
from .operation import operation
from .reductions import Dims, expand_back, mean, without_axes


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
    with no_grad():
        variance, _, dims = _moments(input, dim, amount, keepdim)
    result = without_axes(variance, dims, keepdim)
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
