"""Variances and standard deviations, covariances, gradients on grids, and norms brought below a limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod as product
from typing import Any

from ..core.composite import composite
from ..core.tensor import Tensor
from ..graph.checks import Check
from ..graph.dtypes import TYPE_NAMES
from ..graph.notices import warn
from ..graph.shapes import wrap_dim, wrap_dims
from .choice import where
from .conversion import computed_in_double
from .dispatch import attach, checked, tracked
from .elementwise import gradient_class
from .joining import cat
from .one_node import one_node
from .operation import Scalar, operation
from .reductions import MeanBackward1, expand_back, mean, without_axes
from .scans import cumprod


def _moments(
    name: str, input: Tensor, dim: Any, unbiased: Any, correction: Any, keepdim: bool, root: bool = False
) -> tuple[Tensor, Tensor]:
    """Variance (or its ``root``) and mean over ``dim``, for the operation ``name``; ``var(False)`` names ``unbiased`` first."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    elif unbiased is not None and not isinstance(unbiased, bool):
        raise TypeError(f"var(): argument 'unbiased' must be bool, not {type(unbiased).__name__}")
    if correction is None:
        correction = unbiased is None or unbiased
    if input.dtype.category < 2:
        raise RuntimeError("std and var only support floating point and complex dtypes")
    dims = wrap_dims(dim, input.ndim)
    free = (product(input.shape[d] for d in dims) if input.ndim else 1) - float(correction)
    if free <= 0:
        warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor (input numel "
            "divided by output numel)."
        )
    spread, average = composite(_in_two_passes, (dims, keepdim, root), input, max(free, 0.0))
    if tracked(input):
        how = input.shape, dims, keepdim
        attach(spread, StdBackward0 if root else VarBackward0, [input], None, (*how, free if free > 0 else math.nan))
        attach(average, MeanBackward1, [input], None, how)
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


def _var_slope(grad: Tensor, input: Tensor, shape: Any, dims: Any, keepdim: bool, free: float) -> Tensor:
    """``free``: the count less the correction."""
    return expand_back(grad * (2.0 / free), shape, dims, keepdim) * centred(input, dims)


def _std_slope(grad: Tensor, input: Tensor, result: Tensor, shape: Any, dims: Any, keepdim: bool, free: float) -> Tensor:
    """Where all elements are equal the gradient is taken to be zero."""
    return _var_slope(where(result == 0, 0.0, grad / (result * 2)), input, shape, dims, keepdim, free)


_SPREAD = ("input", "shape", "dims", "keepdim", "free")
VarBackward0 = gradient_class("VarBackward0", _var_slope, _SPREAD, 1)
StdBackward0 = gradient_class("StdBackward0", _std_slope, _SPREAD, 1)


@operation(out=True)
def var(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None, axis: Any = None,
) -> Tensor:  # fmt: skip
    """Variance over ``dim``; ``correction`` (1 unless given) is taken from the count."""
    return _moments("var", input, dim if axis is None else axis, unbiased, correction, keepdim)[0]


@operation(out=True)
def std(
    input: Tensor, dim: Any = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None, axis: Any = None,
) -> Tensor:  # fmt: skip
    """Standard deviation over ``dim``."""
    return _moments("std", input, dim if axis is None else axis, unbiased, correction, keepdim, True)[0]


@operation(method=False)
@one_node("VarMeanBackward0")
def var_mean(
    input: Tensor, dim: object = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Variance and mean."""
    return _moments("var_mean", input, dim, unbiased, correction, keepdim)


@operation(method=False)
@one_node("StdMeanBackward0")
def std_mean(
    input: Tensor, dim: object = None, unbiased: Any = None, keepdim: bool = False, *, correction: Any = None
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean."""
    return _moments("std_mean", input, dim, unbiased, correction, keepdim, True)


def _check_weights(name: str, weights: Tensor, category: int, count: int) -> None:
    """Weights of ``count`` observations, integers (category 1) or floats (2); negative ones are found when computed with."""
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.ndim} dimensions"
        )
    if weights.dtype.category != category:
        expected = "integral" if category == 1 else "floating point"
        raise RuntimeError(
            f"cov(): expected {name} to have {expected} dtype but got {name} with {TYPE_NAMES[weights.dtype]} dtype"
        )
    if weights.numel() != count:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{weights.numel()} != {count}"
        )
    checked(weights.detach(), weights >= 0, Check(RuntimeError, f"cov(): {name} cannot be negative"))


def weights_of(x: Tensor, fweights: Tensor | None, aweights: Tensor | None) -> Tensor | None:
    """The weights of observations (columns) by counts and by importance together, if there are any."""
    for name, given, category in (("fweights", fweights, 1), ("aweights", aweights, 2)):
        if given is not None:
            _check_weights(name, given, category, x.shape[1])
    if aweights is None or fweights is None:
        return fweights if aweights is None else aweights
    return fweights * aweights


@operation()
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Covariances of variables (rows) over observations (columns), these weighted by counts and by importance."""
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype.kind == "bool":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.ndim == 2 else input.reshape(1, -1)
    weights = weights_of(x, fweights, aweights)
    x = x if x.dtype.category == 2 else x / 1
    if weights is None:
        count: Any = x.shape[1]
        rest = centred(x, (1,))
        product = rest @ rest.mT
    else:
        count = weights.sum()
        rest = x - (x * weights).sum(1, keepdim=True) / count
        product = (rest * weights) @ rest.mT
    if aweights is not None and weights is not None:
        free = count - correction * (weights * aweights).sum() / count
    else:
        free = count - correction
    result = product / (free.clamp(min=0) if isinstance(free, Tensor) else max(free, 0))
    return result.squeeze()  # type: ignore[no-any-return]


@operation(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers N - 1 to 0 (0 to N - 1 if ``increasing``) of each element of a vector, as rows."""
    if x.ndim != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    from .ranges import arange

    count = x.shape[0] if N is None else N
    exponents = arange(count)
    if not increasing:
        exponents = (count - 1) - exponents
    return x.unsqueeze(1) ** exponents


@operation(only="linalg.vander")
def linalg_vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of each element, along a new last axis."""
    if not x.ndim:
        x = x.unsqueeze(0)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    powers = x.unsqueeze(-1).expand(*x.shape, max(count - 1, 0))
    return cat([x.new_ones(*x.shape, 1), cumprod(powers, -1)], -1)


@operation()
def corrcoef(input: Tensor) -> Tensor:
    """Correlations of variables (rows) over observations (columns)."""
    covariance = cov(input)
    if covariance.ndim == 0:
        return covariance / covariance
    deviation = covariance.diagonal().sqrt()
    return (covariance / deviation.unsqueeze(1) / deviation.unsqueeze(0)).clamp(-1, 1)


@operation(method=False)
def gradient(input: Tensor, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Slopes along axes from neighbouring elements: central differences inside, one-sided ones at the ends.

    ``spacing`` is a step (one for all axes, or one each; 1 if None) or a vector of positions for each axis.
    """
    return tuple([cat(pieces, axis) for axis, pieces in slopes(input, spacing, dim, edge_order)])


def slopes(input: Tensor, spacing: Any, dim: Any, edge_order: int) -> list[tuple[int, list[Tensor]]]:
    """Each axis, and the slopes along it in pieces: at its beginning, inside, at its end."""
    spacing = 1 if spacing is None else spacing
    dims = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    axes = [wrap_dim(k, input.ndim) for k in dims]
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    many = isinstance(spacing, (list, tuple))
    if many and len(spacing) != len(axes):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or a list of length {len(axes)}"
        )
    steps: Sequence[Any] = spacing if many else [spacing] * len(axes)
    return [(axis, _slope(input, axis, step, edge_order)) for axis, step in zip(axes, steps)]


def _slope(x: Tensor, axis: int, step: Any, edge_order: int) -> list[Tensor]:
    n = x.shape[axis]
    if n < edge_order + 1:
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")

    def at(k: int) -> Tensor:
        return x.narrow(axis, k % n, 1)

    if isinstance(step, Tensor) and step.ndim:
        gaps = step.diff().reshape([-1 if k == axis else 1 for k in range(x.ndim)])
        before, behind = gaps.narrow(axis, 0, n - 2), gaps.narrow(axis, 1, n - 2)
        first, last = gaps.narrow(axis, 0, 1), gaps.narrow(axis, n - 2, 1)
        second, second_last = gaps.narrow(axis, min(1, n - 2), 1), gaps.narrow(axis, max(n - 3, 0), 1)
    else:
        before = behind = first = last = second = second_last = step
    left, middle, right = (x.narrow(axis, k, max(n - 2, 0)) for k in (0, min(1, n), min(2, n)))
    if before is behind:
        inner = (right - left) / (2 * before)
    else:
        share = before * behind * (before + behind)
        inner = (right * before**2 - left * behind**2 + middle * (behind**2 - before**2)) / share
    if edge_order == 1:
        ends = (at(1) - at(0)) / first, (at(-1) - at(-2)) / last
    else:
        ends = _edge(at(0), at(1), at(2), first, second), -_edge(at(-1), at(-2), at(-3), last, second_last)
    return [ends[0], inner, ends[1]] if n > 2 else list(ends)


def _edge(a: Tensor, b: Tensor, c: Tensor, near: Any, far: Any) -> Tensor:
    """The slope at the first of three elements, of the parabola through them."""
    whole = near + far
    return b * whole / (near * far) - a * (near + whole) / (near * whole) - c * near / (far * whole)


@operation(inplace=True, out="exact")
@one_node("RenormBackward0")
@computed_in_double
def renorm(input: Tensor, p: Scalar, dim: int, maxnorm: Scalar) -> Tensor:
    """Slices of ``dim`` whose ``p``-norm exceeds ``maxnorm`` scaled down to it."""
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    from .choice import where

    axis = wrap_dim(dim, input.ndim)
    sizes = input.norm(p, [k for k in range(input.ndim) if k != axis], True)
    return input * where(sizes > maxnorm, maxnorm / (sizes + 1e-7), 1.0)
