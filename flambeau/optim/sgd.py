"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..core.tensor import Tensor
from .checks import check_implementation, check_one_element
from .optimizer import Entry, Optimizer, ParamsT, number

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
        first: list[Entry] = []
        entries: list[Entry] = []
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            if momentum == 0:
                entries.append((parameter, gradient))
                continue
            state = self.state[parameter]
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = flambeau.empty_like(parameter)
                first.append((parameter, buffer, gradient))
            else:
                entries.append((parameter, buffer, gradient))
        flags = group["maximize"], weight_decay != 0, group["nesterov"]
        if momentum == 0:
            self._apply(_update, flags, (-lr, weight_decay), 1, entries)
        else:
            numbers = -lr, momentum, 1 - dampening, weight_decay
            self._apply(_first_update, flags, numbers, 2, first)
            self._apply(_update_with_momentum, flags, numbers, 2, entries)


def _slope(flags: tuple[bool, bool, bool], decay: float, parameter: Tensor, gradient: Tensor) -> Tensor:
    maximize, decays, _ = flags
    if maximize:
        gradient = -gradient
    return gradient + parameter * decay if decays else gradient


def _update(
    flags: tuple[bool, bool, bool], lr: float, decay: float, parameter: Tensor, gradient: Tensor
) -> tuple[Tensor, ...]:
    """The parameter after a step; ``lr`` is negative."""
    return (parameter + _slope(flags, decay, parameter, gradient) * lr,)


def _update_with_momentum(
    flags: tuple[bool, bool, bool], lr: float, momentum: float, fresh: float, decay: float, parameter: Tensor,
    buffer: Tensor, gradient: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The parameter and its momentum after a step."""
    gradient = _slope(flags, decay, parameter, gradient)
    buffer = buffer * momentum + gradient * fresh
    return parameter + (gradient + buffer * momentum if flags[2] else buffer) * lr, buffer


def _first_update(
    flags: tuple[bool, bool, bool], lr: float, momentum: float, fresh: float, decay: float, parameter: Tensor,
    buffer: Tensor, gradient: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """As above, for the first time: the momentum begins as the gradient, undampened."""
    buffer = _slope(flags, decay, parameter, gradient).detach()
    return parameter + (buffer + buffer * momentum if flags[2] else buffer) * lr, buffer
