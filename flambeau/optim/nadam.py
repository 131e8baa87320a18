"""NAdam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from .checks import check_betas, check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT, number

__all__ = ["NAdam"]


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (Dozat 2016)."""

    _numbers = ("step", "mu_product")
    _later_options = {
        "maximize": False, "foreach": None, "capturable": False, "differentiable": False,
        "decoupled_weight_decay": False,
    }  # fmt: skip

    def __init__(
        self, params: ParamsT, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        check_not_negative(epsilon=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay, momentum_decay=momentum_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, eps, weight_decay = number(group["lr"]), number(group["eps"]), number(group["weight_decay"])
        beta1, beta2 = number(group["betas"][0]), number(group["betas"][1])
        decay = number(group["momentum_decay"])
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self._new_state(parameter, "exp_avg", "exp_avg_sq", mu_product=1.0)
            numbers = state.numbers
            step = numbers["step"] = numbers["step"] + 1.0
            mu = beta1 * (1.0 - 0.5 * (0.96 ** (step * decay)))
            mu_next = beta1 * (1.0 - 0.5 * (0.96 ** ((step + 1) * decay)))
            # Rounded to single precision at every step, as it is in the files.
            product = numbers["mu_product"] = float(numpy.float32(numbers["mu_product"]) * numpy.float32(mu))
            if group["maximize"]:
                gradient = -gradient
            if weight_decay != 0:
                if group["decoupled_weight_decay"]:
                    parameter.mul_(1 - lr * weight_decay)
                else:
                    gradient = gradient.add(parameter, alpha=weight_decay)
            average = state["exp_avg"].lerp_(gradient, 1 - beta1)
            square = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            size = (square / (1 - beta2**step)).sqrt() + eps
            parameter.addcdiv_(gradient, size, value=-lr * (1.0 - mu) / (1.0 - product))
            parameter.addcdiv_(average, size, value=-lr * mu_next / (1.0 - product * mu_next))
