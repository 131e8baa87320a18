"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from .checks import check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT, number

__all__ = ["ASGD"]


class ASGD(Optimizer):
    """Gradient descent that also averages the parameters it passes through, as ``ax`` (Polyak and Juditsky 1992)."""

    _numbers = ("step", "eta", "mu")
    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, lambd, alpha, t0 = (number(group[name]) for name in ("lr", "lambd", "alpha", "t0"))
        weight_decay = number(group["weight_decay"])
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self._new_state(parameter, "ax", eta=_single(lr), mu=1.0)
            numbers = state.numbers
            step = numbers["step"] = numbers["step"] + 1.0
            if group["maximize"]:
                gradient = -gradient
            if weight_decay != 0:
                gradient = gradient.add(parameter, alpha=weight_decay)
            eta, mu, average = numbers["eta"], numbers["mu"], state["ax"]
            parameter.mul_(1 - lambd * eta)
            parameter.add_(gradient, alpha=-eta)
            if mu == 1:
                average.copy_(parameter)
            else:
                average.add_((parameter - average) * mu)
            numbers["eta"] = _single(lr / ((1 + lambd * lr * step) ** alpha))
            numbers["mu"] = _single(1 / max(1, step - t0))


def _single(value: float) -> float:
    """Rounded to single precision, as these numbers are in files."""
    return float(numpy.float32(value))
