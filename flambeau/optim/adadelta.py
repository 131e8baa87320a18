"""Adadelta."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .checks import check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT, number

__all__ = ["Adadelta"]


class Adadelta(Optimizer):
    """Steps whose unit is the running size of earlier steps (Zeiler 2012).

    v ← ρ v + (1 - ρ) g²;  d = g · √(u + eps) / √(v + eps);  u ← ρ u + (1 - ρ) d²;  p ← p - lr · d.
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params: ParamsT, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative(epsilon=eps, weight_decay=weight_decay)
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, rho, eps = number(group["lr"]), number(group["rho"]), number(group["eps"])
        weight_decay = number(group["weight_decay"])
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self._new_state(parameter, "square_avg", "acc_delta")
            state.numbers["step"] += 1.0
            if group["maximize"]:
                gradient = -gradient
            if weight_decay != 0:
                gradient = gradient.add(parameter, alpha=weight_decay)
            square = state["square_avg"].mul_(rho).addcmul_(gradient, gradient, value=1 - rho)
            deltas = state["acc_delta"]
            delta = (deltas + eps).sqrt() / (square + eps).sqrt() * gradient
            deltas.mul_(rho).addcmul_(delta, delta, value=1 - rho)
            parameter.add_(delta, alpha=-lr)
