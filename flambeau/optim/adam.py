"""Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..core.tensor import Tensor
from .checks import check_betas, check_implementation, check_learning_rate, check_not_negative
from .optimizer import Entry, Optimizer, ParamsT, number

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
        check_learning_rate(lr)
        check_not_negative(epsilon=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay)
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
        entries: list[Entry] = []
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = self._state_of(parameter)
            if state is None:
                state = self._new_state(parameter, "exp_avg", "exp_avg_sq")
                if amsgrad:
                    state["max_exp_avg_sq"] = flambeau.zeros_like(parameter)
            step = state.count()
            largest = (state["max_exp_avg_sq"],) if amsgrad else ()
            corrections = (1 - beta2**step) ** 0.5, -lr / (1 - beta1**step)
            entries.append((parameter, state["exp_avg"], state["exp_avg_sq"], *largest, gradient, *corrections))
        decay = None
        if weight_decay != 0:
            decay = "decoupled" if decoupled else "added"
        new1 = 1 - beta1
        numbers = 1 - new1, new1, beta2, 1 - beta2, eps, 1 - lr * weight_decay if decoupled else weight_decay
        self._apply(_update, (group["maximize"], decay, new1 < 0.5, amsgrad), numbers, 4 if amsgrad else 3, entries)


def _update(
    flags: tuple[bool, str | None, bool, bool], beta1: float, new1: float, beta2: float, new2: float, eps: float,
    decay: float, parameter: Tensor, average: Tensor, square: Tensor, *rest: Any,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The parameter, both averages and, with ``amsgrad``, the largest square so far after a step.

    ``rest`` are that square, the gradient, √(1 - β₂ᵗ) and -lr / (1 - β₁ᵗ).
    """
    maximize, kind, near, amsgrad = flags
    *largest, gradient, correction, lr = rest
    if maximize:
        gradient = -gradient
    if kind == "decoupled":
        parameter = parameter * decay
    elif kind == "added":
        gradient = gradient + parameter * decay
    change = gradient - average
    average = average + change * new1 if near else gradient - change * beta1  # from the nearer end, as lerp does
    square = square * beta2 + gradient * new2 * gradient
    if amsgrad:
        largest = [flambeau.maximum(largest[0], square)]
    size = (largest[0] if amsgrad else square).sqrt() / correction + eps
    return parameter + average * lr / size, average, square, *largest


def _check_tensor(name: str, value: Any, foreach: bool | None, capturable: bool) -> None:
    """A hyperparameter given as a tensor: one element, and not together with ``foreach``."""
    if isinstance(value, Tensor):
        if foreach and not capturable:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
