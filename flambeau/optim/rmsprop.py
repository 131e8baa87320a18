"""RMSprop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from .optimizer import Optimizer, ParamsT, check_one_element, number
from .state import ParameterState

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Steps in units of the gradient's running root mean square (Hinton), about its mean if ``centered``.

    v ← α v + (1 - α) g²;  p ← p - lr · g / (√v + eps), with momentum on the quotient if asked.
    """

    _later_options = {
        "momentum": 0, "centered": False, "foreach": None, "maximize": False, "differentiable": False,
        "capturable": False,
    }  # fmt: skip

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_one_element(lr)
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        if not 0.0 <= momentum:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not 0.0 <= alpha:
            raise ValueError(f"Invalid alpha value: {alpha}")
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, alpha, eps = number(group["lr"]), number(group["alpha"]), number(group["eps"])
        weight_decay, momentum = number(group["weight_decay"]), number(group["momentum"])
        centered, maximize = group["centered"], group["maximize"]
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self.state[parameter] = ParameterState(
                    {"step": 0.0}, {"square_avg": flambeau.zeros_like(parameter)}
                )
                if momentum > 0:
                    state["momentum_buffer"] = flambeau.zeros_like(parameter)
                if centered:
                    state["grad_avg"] = flambeau.zeros_like(parameter)
            state.numbers["step"] += 1.0
            square = state["square_avg"]
            if maximize:
                gradient = -gradient
            if weight_decay != 0:
                gradient = gradient.add(parameter, alpha=weight_decay)
            square.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
            if centered:
                average = state["grad_avg"].lerp_(gradient, 1 - alpha)
                size = square.addcmul(average, average, value=-1).sqrt() + eps
            else:
                size = square.sqrt() + eps
            if momentum > 0:
                buffer = state["momentum_buffer"].mul_(momentum).addcdiv_(gradient, size)
                parameter.add_(buffer, alpha=-lr)
            else:
                parameter.addcdiv_(gradient, size, value=-lr)
