"""Variances and standard deviations over axes."""

from __future__ import annotations

import math
from math import prod as product
from typing import Any

from ..core.composite import composite
from ..core.history import INPUTS, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph.notices import warn
from ..graph.shapes import wrap_dims
from .choice import where
from .dispatch import attach, tracked
from .one_node import one_node
from .operation import operation
from .precision import computed_in_double
from .reductions import Dims, MeanBackward1, expand_back, mean, without_axes


def _moments(
    name: str, input: Tensor, dim: Dims, correction: float, keepdim: bool, root: bool = False
) -> tuple[Tensor, Tensor]:
    """Variance (or its ``root``) and mean over ``dim``, for the operation ``name``."""
    if input.dtype.category < 2:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    dims = wrap_dims(dim, input.ndim)
    free = (product(input.shape[d] for d in dims) if input.ndim else 1) - correction
    if free <= 0:
        warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input numel "
            "divided by output numel)."
        )
    spread, average = composite(_in_two_passes, (dims, keepdim, root), input, max(free, 0.0))
    if tracked(input):
        context = input.shape, dims, keepdim, free if free > 0 else math.nan
        attach(spread, StdBackward0 if root else VarBackward0, [input], None, context)
        attach(average, MeanBackward1, [input], [], context[:3])
    return spread, average


@computed_in_double
def _in_two_passes(how: tuple[tuple[int, ...], bool, bool], x: Tensor, free: float) -> tuple[Tensor, Tensor]:
    """Float32 is added up as float64, as PyTorch does: what a variance is small beside would otherwise drown it."""
    dims, keepdim, root = how
    average = mean(x, dims, True)
    rest = x - average
    variance = (rest * rest).sum(dims, keepdim=True) / free
    spread = variance.sqrt() if root else variance
    return without_axes(spread, dims, keepdim), without_axes(average, dims, keepdim)


@computed_in_double
def centred(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """What is left of ``x`` without its mean."""
    return x - mean(x, dims, True)


class VarBackward0(Gradient):
    """``context`` (shape, dims, keepdim, count less correction)."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        shape, dims, keepdim, free = self.context
        return expand_back(grad * (2.0 / free), shape, dims, keepdim) * centred(self.input(0), dims)


class StdBackward0(VarBackward0):
    """Where all elements are equal the gradient is taken to be zero."""

    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return super().backward(where(result == 0, 0.0, grad / (result * 2)))


def _correction(unbiased: Any, correction: Any) -> float:
    if correction is not None:
        return float(correction)
    return 1.0 if unbiased is None or unbiased else 0.0


def _shift_arguments(dim: Any, unbiased: Any) -> tuple[Any, Any]:
    """``var(False)`` names ``unbiased`` in first place."""
    if isinstance(dim, bool):
        return None, dim
    if unbiased is not None and not isinstance(unbiased, bool):
        raise TypeError(f"var(): argument 'unbiased' must be bool, not {type(unbiased).__name__}")
    return dim, unbiased


@operation(out=True)
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
    return _moments("var", input, dim, _correction(unbiased, correction), keepdim)[0]


@operation(out=True)
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
    dim, unbiased = _shift_arguments(dim if axis is None else axis, unbiased)
    return _moments("std", input, dim, _correction(unbiased, correction), keepdim, True)[0]


@operation(method=False)
@one_node("VarMeanBackward0")
def var_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Variance and mean."""
    dim, unbiased = _shift_arguments(dim, unbiased)
    return _moments("var_mean", input, dim, _correction(unbiased, correction), keepdim)


@operation(method=False)
@one_node("StdMeanBackward0")
def std_mean(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean."""
    dim, unbiased = _shift_arguments(dim, unbiased)
    return _moments("std_mean", input, dim, _correction(unbiased, correction), keepdim, True)
