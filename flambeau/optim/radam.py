"""RAdam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .checks import check_betas, check_learning_rate, check_not_negative
from .optimizer import Optimizer, ParamsT, number

__all__ = ["RAdam"]


class RAdam(Optimizer):
    """Adam that trusts the running size of the gradient only once it is known well enough (Liu and others 2019)."""

    _later_options = {
        "foreach": None, "maximize": False, "differentiable": False, "decoupled_weight_decay": False,
        "capturable": False,
    }  # fmt: skip

    def __init__(
        self, params: ParamsT, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        check_not_negative(epsilon=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
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
                state = self._new_state(parameter, "exp_avg", "exp_avg_sq")
            step = state.numbers["step"] = state.numbers["step"] + 1.0
            if group["maximize"]:
                gradient = -gradient
            if weight_decay != 0:
                if group["decoupled_weight_decay"]:
                    parameter.mul_(1 - lr * weight_decay)
                else:
                    gradient = gradient.add(parameter, alpha=weight_decay)
            average = state["exp_avg"].lerp_(gradient, 1 - beta1)
            square = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            correction2 = 1 - beta2**step
            update = average / (1 - beta1**step) * lr
            # The length of the moving average that is left when its start is allowed for.
            longest = 2 / (1 - beta2) - 1
            length = longest - 2 * step * (beta2**step) / correction2
            if length > 5.0:
                rectified = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
                update = update * (correction2**0.5 / (square.sqrt() + eps)) * rectified
            parameter.add_(update, alpha=-1.0)
