"""Losses of the distance between a prediction and a value, and of a value's likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import flambeau

from ...core.composite import composite
from ...core.history import INPUTS, Gradient
from ...core.modes import without_history
from ...core.tensor import Tensor
from ...graph.notices import warn
from ...ops.activation import hardtanh
from ...ops.choice import where
from ...ops.conversion import check_floating, check_holds, converted, floating, in_common_dtype, rounded_once
from ...ops.dispatch import with_history
from .. import _reduction
from .._reduction import reduced


def _check_sizes(input: Tensor, target: Tensor) -> None:
    if target.shape != input.shape:
        warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
        )
        flambeau.broadcast_shapes(input.shape, target.shape)  # raises before anything else does


def _weighted(loss: Tensor, input: Tensor, weight: Tensor, reduction: str) -> Tensor:
    """Each element's loss times its weight; the mean is over the weights' sum."""
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == "mean":
        return loss.sum() / weight.sum()
    if reduction in ("none", "sum"):
        return reduced(loss, reduction)
    raise ValueError(f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'.")


# --- distances ----------------------------------------------------------------------------------------------------


class DistanceBackward(Gradient):
    """Gradient of a loss of the difference of two tensors; ``context`` (reduction, parameter).

    ``slope`` is the derivative of each element's loss by the difference, given that and the parameter.
    """

    saves = INPUTS
    slope: ClassVar[Callable[[Tensor, float], Tensor]]

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        reduction, parameter = self.context
        slope = type(self).slope(self.input(0) - self.input(1), parameter)
        if reduction == "mean":
            slope = slope * (1 / max(slope.numel(), 1))
        first = slope * grad
        return first, -first if self.needs(1) else None


def _history(name: str, slope: Callable[[Tensor, float], Tensor]) -> type[Gradient]:
    return type(name, (DistanceBackward,), {"slope": staticmethod(slope)})


MseLossBackward0 = _history("MseLossBackward0", lambda difference, _: difference * 2)
SmoothL1LossBackward0 = _history("SmoothL1LossBackward0", lambda difference, b: hardtanh(difference, -b, b) / b)
HuberLossBackward0 = _history("HuberLossBackward0", lambda difference, delta: hardtanh(difference, -delta, delta))


@rounded_once
def _distance(
    kernel: str, define: Callable[..., tuple[Tensor]], gradient: type[Gradient], input: Tensor, target: Tensor, reduction: str,
    parameter: float,
) -> Tensor:  # fmt: skip
    check_floating(kernel, input.dtype)
    (result,) = composite(define, (reduction, parameter), input, target)
    return with_history(result, gradient, [input, target], (reduction, parameter))


def _squares(how: tuple[str, float], input: Tensor, target: Tensor) -> tuple[Tensor]:
    return (reduced((input - target).square(), how[0]),)


def _smooth(how: tuple[str, float], input: Tensor, target: Tensor) -> tuple[Tensor]:
    reduction, beta = how
    d: Any = (input - target).abs()
    return (reduced(where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta), reduction),)


def _huber(how: tuple[str, float], input: Tensor, target: Tensor) -> tuple[Tensor]:
    reduction, delta = how
    d: Any = (input - target).abs()
    return (reduced(where(d < delta, 0.5 * d * d, delta * (d - 0.5 * delta)), reduction),)


def mse_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """``(input - target)²``."""
    _check_sizes(input, target)
    reduction = _reduction.resolve(size_average, reduce, reduction)
    if weight is not None:
        return _weighted((input - target).square(), input, weight, reduction)
    _reduction.check(reduction)
    return _distance("mse_cpu", _squares, MseLossBackward0, *in_common_dtype(input, target), reduction, 0.0)


def l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """``|input - target|``."""
    _check_sizes(input, target)
    reduction = _reduction.resolve(size_average, reduce, reduction)
    loss = (input - target).abs()
    return reduced(loss, reduction) if weight is None else _weighted(loss, input, weight, reduction)


def smooth_l1_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Tensor:  # fmt: skip
    """With d = ``|input - target|``: ``0.5 d² / beta`` below ``beta`` and ``d - 0.5 beta`` from there on."""
    _check_sizes(input, target)
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    if beta == 0:
        return reduced((input - target).abs(), reduction)
    return _distance("smooth_l1_cpu", _smooth, SmoothL1LossBackward0, *in_common_dtype(input, target), reduction, beta)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """With d = ``|input - target|``: ``0.5 d²`` up to ``delta`` and ``delta (d - 0.5 delta)`` from there on."""
    _check_sizes(input, target)
    if weight is None:
        _reduction.check(reduction)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    if weight is None:
        return _huber_loss(input, target, reduction, delta)
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return reduced(_huber_loss(input, target, "none", delta) * weight, reduction)


def _huber_loss(input: Tensor, target: Tensor, reduction: str, delta: float) -> Tensor:
    first, second = in_common_dtype(input, target)
    check_holds(input.dtype, first.dtype)
    return converted(_distance("huber_cpu", _huber, HuberLossBackward0, first, second, reduction, delta), input.dtype)


# --- likelihoods --------------------------------------------------------------------------------------------------


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Negative log-likelihood of counts ``target`` under Poisson rates ``input`` (or their logarithms).

    ``full`` adds Stirling's approximation of ``log(target!)`` where the target exceeds 1.
    """
    reduction = _reduction.resolve(size_average, reduce, reduction)
    _reduction.check(reduction)
    if not isinstance(full, bool):
        raise TypeError(f"poisson_nll_loss(): argument 'full' (position 4) must be bool, not {type(full).__name__}")
    return _poisson_nll_loss(floating(input), input, target, log_input, full, eps, reduction)


@rounded_once
def _poisson_nll_loss(
    floats: Tensor, input: Tensor, target: Tensor, log_input: bool, full: bool, eps: float, reduction: str
) -> Tensor:
    """Of the input as it was given and as floating-point numbers, which decide the dtype and not the target's."""
    loss = floats.exp() - target * input if log_input else input - target * (floats + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduced(loss, reduction)


@rounded_once
def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """Negative log-likelihood of ``target`` under normal distributions of mean ``input`` and variance ``var``.

    The variance is one number, or one for each element, or one for each row of the last dimension; it is raised to
    ``eps``. ``full`` adds the constant term.
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = flambeau.full_like(input, var)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var.unsqueeze(-1)
        elif input.dim() != var.dim() or sum(b for a, b in zip(input.shape, var.shape, strict=True) if a != b) != 1:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    var = var.clone()
    without_history(lambda: var.clamp_(min=eps))  # not differentiated: a variance that is too small still gets its gradient
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(loss, reduction)
