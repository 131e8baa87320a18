"""Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..tensor import Tensor
from .optimizer import Optimizer, ParamsT, check_implementation, number
from .state import ParameterState

__all__ = ["Adam"]


class Adam(Optimizer):
    """Steps in units of the gradient's running size (Kingma and Ba 2014).

    m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²;  p ← p - lr · m̂ / (√v̂ + eps), with m̂ and v̂ corrected for their
    start from zero. ``amsgrad`` divides by the largest v so far; ``decoupled_weight_decay`` shrinks the parameter
    itself (AdamW) instead of adding to the gradient.
    """

    _later_options = {
        "amsgrad": False, "maximize": False, "foreach": None, "capturable": False, "differentiable": False,
        "fused": None, "decoupled_weight_decay": False,
    }  # fmt: skip

    def __init__(
        self, params: ParamsT, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        _check_tensor("lr", lr, foreach, capturable)
        if not 0.0 <= lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for place, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {place}: {beta}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if not (
            (isinstance(betas[0], float) and isinstance(betas[1], float))
            or (isinstance(betas[0], Tensor) and isinstance(betas[1], Tensor))
        ):
            raise ValueError("betas must be either both floats or both Tensors")
        for place, beta in enumerate(betas):
            _check_tensor(f"betas[{place}]", beta, foreach, capturable)
        defaults = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_implementation(fused, foreach, differentiable)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        return self._run(closure)

    def _update_group(self, group: dict[str, Any]) -> None:
        lr = number(group["lr"])
        beta1, beta2 = number(group["betas"][0]), number(group["betas"][1])
        eps = number(group["eps"])
        weight_decay = number(group["weight_decay"])
        decoupled = group["decoupled_weight_decay"]
        amsgrad = group["amsgrad"]
        maximize = group["maximize"]
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self.state[parameter] = ParameterState(
                    {"step": 0.0},
                    {"exp_avg": flambeau.zeros_like(parameter), "exp_avg_sq": flambeau.zeros_like(parameter)},
                )
                if amsgrad:
                    state["max_exp_avg_sq"] = flambeau.zeros_like(parameter)
            step = state.numbers["step"] = state.numbers["step"] + 1.0
            average, square = state["exp_avg"], state["exp_avg_sq"]
            if maximize:
                gradient = -gradient
            if weight_decay != 0:
                if decoupled:
                    parameter.mul_(1 - lr * weight_decay)
                else:
                    gradient = gradient.add(parameter, alpha=weight_decay)
            average.lerp_(gradient, 1 - beta1)
            square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
            if amsgrad:
                largest = state["max_exp_avg_sq"]
                square = largest.copy_(flambeau.maximum(largest, square))
            size = square.sqrt() / (1 - beta2**step) ** 0.5 + eps
            parameter.addcdiv_(average, size, value=-lr / (1 - beta1**step))


def _check_tensor(name: str, value: Any, foreach: bool | None, capturable: bool) -> None:
    """A hyperparameter given as a tensor: one element, and not together with ``foreach``."""
    if isinstance(value, Tensor):
        if foreach and not capturable:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
