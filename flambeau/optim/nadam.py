"""NAdam."""

from __future__ import annotations

from typing import Any

import numpy

from ..core.tensor import Tensor
from ._formula import Formula, Kept, number, plus_product, plus_quotient, towards, weights
from .optimizer import ParamsT


class NAdam(Formula):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    _kept = {"exp_avg": Kept(), "exp_avg_sq": Kept()}
    _numbers = {"step": 0.0, "mu_product": 1.0}

    def __init__(
        self, params: ParamsT, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = map(number, group["betas"])
        return *weights(1 - beta1), beta2, 1 - beta2, number(group["eps"])

    def _step_numbers(self, group: dict[str, Any], kept: dict[str, float]) -> tuple[Any, ...]:
        lr, decay, step = number(group["lr"]), number(group["momentum_decay"]), kept["step"]
        beta1, beta2 = map(number, group["betas"])
        mu = beta1 * (1.0 - 0.5 * (0.96 ** (step * decay)))
        mu_next = beta1 * (1.0 - 0.5 * (0.96 ** ((step + 1) * decay)))
        # Rounded to single precision at every step, as it is in the files.
        product = kept["mu_product"] = float(numpy.float32(kept["mu_product"]) * numpy.float32(mu))
        return 1 - beta2**step, -lr * (1.0 - mu) / (1.0 - product), -lr * mu_next / (1.0 - product * mu_next)

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, average: Tensor, square: Tensor, from_old: float | None,
        from_new: float | None, beta2: float, fresh2: float, eps: float, correction: float, lr: float, lr_next: float,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        average = towards(average, gradient, from_old, from_new)
        square = plus_product(square * beta2, gradient, gradient, fresh2)
        size = (square / correction).sqrt() + eps
        parameter = plus_quotient(parameter, gradient, size, lr)
        return plus_quotient(parameter, average, size, lr_next), average, square
