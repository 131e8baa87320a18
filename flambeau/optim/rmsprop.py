"""RMSprop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..core.tensor import Tensor
from .checks import check_learning_rate, check_not_negative
from .optimizer import Entry, Optimizer, ParamsT, number

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
        check_learning_rate(lr)
        check_not_negative(epsilon=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
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
        centered = group["centered"]
        entries: list[Entry] = []
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self._new_state(parameter, "square_avg")
                if momentum > 0:
                    state["momentum_buffer"] = flambeau.zeros_like(parameter)
                if centered:
                    state["grad_avg"] = flambeau.zeros_like(parameter)
            state.count()
            targets: tuple[Tensor, ...] = parameter, state["square_avg"]
            if centered:
                targets = *targets, state["grad_avg"]
            if momentum > 0:
                targets = *targets, state["momentum_buffer"]
            entries.append((*targets, gradient))
        flags = group["maximize"], weight_decay != 0, centered, momentum > 0, 1 - alpha < 0.5
        self._apply(_update, flags, (-lr, alpha, 1 - alpha, eps, weight_decay, momentum), 2 + centered + (momentum > 0), entries)


def _update(
    flags: tuple[bool, bool, bool, bool, bool], lr: float, alpha: float, fresh: float, eps: float, decay: float,
    momentum: float, parameter: Tensor, square: Tensor, *rest: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The parameter, the average square and, of ``rest``, the average gradient and the momentum after a step.

    ``rest`` ends with the gradient; ``lr`` is negative.
    """
    maximize, decays, centered, has_momentum, near = flags
    gradient = rest[-1]
    if maximize:
        gradient = -gradient
    if decays:
        gradient = gradient + parameter * decay
    square = square * alpha + gradient * fresh * gradient
    kept = []
    variance = square
    if centered:
        change = gradient - rest[0]
        average = rest[0] + change * fresh if near else gradient - change * alpha  # from the nearer end, as lerp does
        kept.append(average)
        variance = square - average * average
    size = variance.sqrt() + eps
    if not has_momentum:
        return parameter + gradient * lr / size, square, *kept
    buffer = rest[-2] * momentum + gradient / size
    return parameter + buffer * lr, square, *kept, buffer
