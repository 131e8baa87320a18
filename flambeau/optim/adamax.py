"""Adamax."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from ._formula import Formula, Kept, number, plus_quotient, towards, weights
from .optimizer import ParamsT


class Adamax(Formula):
    """Adam with the largest gradient, decaying, in place of the root mean square (Kingma and Ba 2014)."""

    _kept = {"exp_avg": Kept(), "exp_inf": Kept()}

    def __init__(
        self, params: ParamsT, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach, maximize=maximize,
            differentiable=differentiable, capturable=capturable,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = map(number, group["betas"])
        return *weights(1 - beta1), beta2, number(group["eps"])

    def _step_numbers(self, group: dict[str, Any], kept: dict[str, float]) -> tuple[Any, ...]:
        return (-number(group["lr"]) / (1 - number(group["betas"][0]) ** kept["step"]),)

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, average: Tensor, largest: Tensor, from_old: float | None,
        from_new: float | None, beta2: float, eps: float, lr: float,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        average = towards(average, gradient, from_old, from_new)
        largest = flambeau.maximum(largest * beta2, gradient.abs() + eps)
        return plus_quotient(parameter, average, largest, lr), average, largest
