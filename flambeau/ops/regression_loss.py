"""Losses of the distance between a prediction and its target, each one history node however it is reduced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.composite import composite
from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from .activation import hardtanh
from .choice import where
from .conversion import check_floating, check_holds, converted, in_common_dtype
from .dispatch import attach, tracked
from .precision import rounded_once


class DistanceBackward(Gradient):
    """Gradient of a loss of the difference of two tensors; ``context`` (reduction, parameter)."""

    saves = INPUTS

    def slope(self, difference: Tensor, parameter: float) -> Tensor:
        """The derivative of each element's loss by the difference."""
        raise NotImplementedError

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        reduction, parameter = self.context
        slope = self.slope(self.input(0) - self.input(1), parameter)
        if reduction == "mean":
            slope = slope * (1 / max(slope.numel(), 1))
        first = slope * grad
        return first, -first if self.needs(1) else None


class MseLossBackward0(DistanceBackward):
    def slope(self, difference: Tensor, parameter: float) -> Tensor:
        return difference * 2


class SmoothL1LossBackward0(DistanceBackward):
    def slope(self, difference: Tensor, parameter: float) -> Tensor:
        return hardtanh(difference, -parameter, parameter) / parameter


class HuberLossBackward0(DistanceBackward):
    def slope(self, difference: Tensor, parameter: float) -> Tensor:
        return hardtanh(difference, -parameter, parameter)


def mse_loss(input: Tensor, target: Tensor, reduction: str) -> Tensor:
    """``(input - target)²``, broadcast."""
    return _loss("mse_cpu", _squares, MseLossBackward0, *in_common_dtype(input, target), reduction, 0.0)


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str, beta: float) -> Tensor:
    """With d = ``|input - target|``: ``0.5 d² / beta`` below ``beta`` and ``d - 0.5 beta`` from there on."""
    return _loss("smooth_l1_cpu", _smooth, SmoothL1LossBackward0, *in_common_dtype(input, target), reduction, beta)


def huber_loss(input: Tensor, target: Tensor, reduction: str, delta: float) -> Tensor:
    """With d = ``|input - target|``: ``0.5 d²`` below ``delta`` and ``delta (d - 0.5 delta)`` from there on."""
    first, second = in_common_dtype(input, target)
    check_holds(input.dtype, first.dtype)
    return converted(_loss("huber_cpu", _huber, HuberLossBackward0, first, second, reduction, delta), input.dtype)


@rounded_once
def _loss(
    kernel: str, define: Callable[..., tuple[Tensor]], gradient: type[Gradient], input: Tensor, target: Tensor, reduction: str,
    parameter: float,
) -> Tensor:  # fmt: skip
    check_floating(kernel, input.dtype)
    (result,) = composite(define, (reduction, parameter), input, target)
    if tracked(input, target):
        attach(result, gradient, [input, target], None, (reduction, parameter))
    return result  # type: ignore[no-any-return]


def _reduced(loss: Tensor, reduction: str) -> tuple[Tensor]:
    return (loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum(),)


def _squares(how: tuple[str, float], input: Tensor, target: Tensor) -> tuple[Tensor]:
    return _reduced((input - target).square(), how[0])


def _smooth(how: tuple[str, float], input: Tensor, target: Tensor) -> tuple[Tensor]:
    reduction, beta = how
    d: Any = (input - target).abs()
    return _reduced(where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta), reduction)


def _huber(how: tuple[str, float], input: Tensor, target: Tensor) -> tuple[Tensor]:
    reduction, delta = how
    d: Any = (input - target).abs()
    return _reduced(where(d < delta, 0.5 * d * d, delta * (d - 0.5 * delta)), reduction)
