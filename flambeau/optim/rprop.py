"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from .checks import check_learning_rate
from .optimizer import Optimizer, ParamsT, number
from .state import ParameterState

__all__ = ["Rprop"]


class Rprop(Optimizer):
    """Steps that grow while a gradient keeps its sign and shrink when it changes (Riedmiller and Braun 1993)."""

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "capturable": False}

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        shrink, grow = number(group["etas"][0]), number(group["etas"][1])
        smallest, largest = number(group["step_sizes"][0]), number(group["step_sizes"][1])
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self.state[parameter] = ParameterState(
                    {"step": 0.0},
                    {
                        "prev": flambeau.zeros_like(parameter),
                        "step_size": flambeau.full_like(gradient, number(group["lr"])),
                    },
                )
            state.numbers["step"] += 1.0
            if group["maximize"]:
                gradient = -gradient
            previous, size = state["prev"], state["step_size"]
            agreement = gradient * previous
            turned = agreement < 0
            factor = flambeau.ones_like(size).masked_fill(agreement > 0, grow).masked_fill(turned, shrink)
            size.mul_(factor).clamp_(smallest, largest)
            gradient = gradient.masked_fill(turned, 0.0)
            parameter.addcmul_(gradient.sign(), size, value=-1)
            previous.copy_(gradient)
