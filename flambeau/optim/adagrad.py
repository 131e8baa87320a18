"""Adagrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..core.tensor import Tensor
from .checks import check_implementation, check_learning_rate, check_not_negative
from .optimizer import Entry, Optimizer, ParamsT, number
from .state import ParameterState

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
    """Steps that shrink with the sum of squared gradients so far (Duchi and others 2011).

    s ← s + g²;  p ← p - lr / (1 + (step - 1) · lr_decay) · g / (√s + eps).
    """

    _later_options = {"foreach": None, "maximize": False, "differentiable": False, "fused": None}

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        check_not_negative(
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            epsilon=eps,
        )
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_implementation(fused, foreach, differentiable)
        for group in self.param_groups:
            for parameter in group["params"]:
                self._begin(parameter)

    def _begin(self, parameter: Any) -> ParameterState:
        start = self.defaults["initial_accumulator_value"]
        state = ParameterState({"step": 0.0}, {"sum": flambeau.full_like(parameter, start)})
        self.state[parameter] = state
        return state

    def share_memory(self) -> None:
        """Move the state to memory that other processes can share."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr, lr_decay, eps = number(group["lr"]), number(group["lr_decay"]), number(group["eps"])
        weight_decay = number(group["weight_decay"])
        entries: list[Entry] = []
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter) or self._begin(parameter)
            step = state.count()
            entries.append((parameter, state["sum"], gradient, -lr / (1 + (step - 1) * lr_decay)))
        self._apply(_update, (group["maximize"], weight_decay != 0), (eps, weight_decay), 2, entries)


def _update(
    flags: tuple[bool, bool], eps: float, decay: float, parameter: Tensor, total: Tensor, gradient: Tensor, lr: float
) -> tuple[Tensor, ...]:
    """The parameter and the sum of squares after a step; ``lr`` is negative."""
    maximize, decays = flags
    if maximize:
        gradient = -gradient
    if decays:
        gradient = gradient + parameter * decay
    total = total + gradient * gradient
    return parameter + gradient * lr / (total.sqrt() + eps), total
