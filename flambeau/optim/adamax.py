"""Adamax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from .checks import check_betas, check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT, number

__all__ = ["Adamax"]


class Adamax(Optimizer):
    """Adam with the largest gradient, decaying, in place of the root mean square (Kingma and Ba 2014)."""

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params: ParamsT, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        check_not_negative(epsilon=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, eps, weight_decay = number(group["lr"]), number(group["eps"]), number(group["weight_decay"])
        beta1, beta2 = number(group["betas"][0]), number(group["betas"][1])
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self._new_state(parameter, "exp_avg", "exp_inf")
            step = state.numbers["step"] = state.numbers["step"] + 1.0
            if group["maximize"]:
                gradient = -gradient
            if weight_decay != 0:
                gradient = gradient.add(parameter, alpha=weight_decay)
            average = state["exp_avg"].lerp_(gradient, 1 - beta1)
            largest = state["exp_inf"]
            largest.copy_(flambeau.maximum(largest * beta2, gradient.abs() + eps))
            parameter.addcdiv_(average, largest, value=-lr / (1 - beta1**step))
