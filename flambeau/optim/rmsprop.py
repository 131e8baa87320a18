"""RMSprop."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ._checks import check_not_negative
from ._formula import Formula, Kept, number, weights
from .optimizer import ParamsT


class RMSprop(Formula):
    """Steps in units of the gradient's running root mean square (Hinton), about its mean if ``centered``.

    v ← α v + (1 - α) g²;  p ← p - lr · g / (√v + eps), with momentum on the quotient if asked.
    """

    _kept = {"square_avg": Kept(), "momentum_buffer": Kept(option="momentum"), "grad_avg": Kept(option="centered")}
    _rounds_decay = True

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_not_negative("alpha", alpha)
        super().__init__(
            params, lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered, weight_decay=weight_decay,
            capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        alpha = number(group["alpha"])
        return -number(group["lr"]), alpha, 1 - alpha, *weights(1 - alpha, alpha), number(group["eps"]), number(group["momentum"])

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, square: Tensor, buffer: Tensor | None, average: Tensor | None, lr: float,
        alpha: float, fresh: float, from_old: float | None, from_new: float | None, eps: float, momentum: float,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        square = square * alpha + gradient * fresh * gradient
        variance = square
        if average is not None:
            change = gradient - average
            average = average + change * from_old if from_new is None else gradient + change * from_new
            variance = square - average * average
        size = variance.sqrt() + eps
        if buffer is None:
            return parameter + gradient * lr / size, square, buffer, average
        buffer = buffer * momentum + gradient / size
        return parameter + buffer * lr, square, buffer, average
