"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .optimizer import Optimizer, ParamsT, check_implementation, check_one_element, number

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, with momentum (Nesterov's if asked) and weight decay.

    g ← g + weight_decay · p;  b ← momentum · b + (1 - dampening) · g;  p ← p - lr · b (or lr · (g + momentum · b)).
    """

    _numbers = ()
    _later_options = {
        "nesterov": False, "maximize": False, "foreach": None, "differentiable": False, "fused": None,
    }  # fmt: skip

    def __init__(
        self, params: ParamsT, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_one_element(lr)
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
            "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_implementation(fused, foreach, differentiable)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr = number(group["lr"])
        momentum = number(group["momentum"])
        dampening = number(group["dampening"])
        weight_decay = number(group["weight_decay"])
        nesterov = group["nesterov"]
        maximize = group["maximize"]
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            if maximize:
                gradient = -gradient
            if weight_decay != 0:
                gradient = gradient.add(parameter, alpha=weight_decay)
            if momentum != 0:
                state = self.state[parameter]
                buffer = state.get("momentum_buffer")
                if buffer is None:
                    buffer = state["momentum_buffer"] = gradient.detach().clone()
                else:
                    buffer.mul_(momentum).add_(gradient, alpha=1 - dampening)
                gradient = gradient.add(buffer, alpha=momentum) if nesterov else buffer
            parameter.add_(gradient, alpha=-lr)
