"""Muon."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import flambeau

from ..core.modes import no_grad
from ..core.tensor import Tensor
from ._formula import number
from .optimizer import Optimizer, ParamsT


def _check_coefficients(coefficients: Sequence[float], steps: int) -> None:
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")


def orthogonalised(x: Tensor, coefficients: Sequence[float], steps: int, eps: float) -> Tensor:
    """Nearly U Vᵀ of a matrix U S Vᵀ, by Newton-Schulz iterations of degree 5 in bfloat16 (K. Jordan, "Muon", 2024)."""
    _check_coefficients(coefficients, steps)
    a, b, c = coefficients
    tall = x.shape[0] > x.shape[1]
    y = x.bfloat16()
    y = y.mT if tall else y
    y = y / y.norm().clamp(min=eps)
    for _ in range(steps):
        gram = y @ y.mT
        y = y.addmm(gram.addmm(gram, gram, beta=b, alpha=c), y, beta=a)
    return y.mT if tall else y


class Muon(Optimizer):
    """Momentum of matrices, made orthogonal, as the step (Jordan 2024; Liu et al. 2025 for "match_rms_adamw").

    ``adjust_lr_fn`` makes the rate fit a matrix of A by B: "original" (the default) by √max(1, A / B), "match_rms_adamw" by
    0.2 √max(A, B). The weight decay is decoupled.
    """

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315), eps: float = 1e-7, ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 <= momentum:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        options = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, options)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {parameter.size()}"
                    )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; ``closure`` computes the loss anew (and its gradients) and returns it."""
        loss = flambeau.enable_grad()(closure)() if closure is not None else None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    @no_grad()
    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        assert gradient is not None
        if parameter.is_complex():
            raise RuntimeError("Muon does not support complex parameters")
        if gradient.is_sparse:
            raise RuntimeError("Muon does not support sparse gradients")
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = flambeau.zeros_like(gradient)
        lr, momentum = number(group["lr"]), group["momentum"]
        average = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        direction = gradient.lerp(average, momentum) if group["nesterov"] else average
        step = orthogonalised(direction, group["ns_coefficients"], group["ns_steps"], group["eps"])
        parameter.mul_(1 - lr * group["weight_decay"])
        parameter.add_(step, alpha=-lr * self._fitted(parameter.shape, group["adjust_lr_fn"]))

    @staticmethod
    def _fitted(shape: Sequence[int], how: str | None) -> float:
        rows, columns = shape
        return 0.2 * math.sqrt(max(rows, columns)) if how == "match_rms_adamw" else math.sqrt(max(1, rows / columns))
