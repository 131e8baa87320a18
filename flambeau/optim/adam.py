"""Adam."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from ._checks import check_options
from ._formula import Formula, Kept, number, weights
from .optimizer import ParamsT


class Adam(Formula):
    """Steps in units of the gradient's running size (Kingma and Ba 2014).

    m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²;  p ← p - lr · m̂ / (√v̂ + eps), with m̂ and v̂ corrected for their
    start from zero. ``amsgrad`` divides by the largest v so far; ``decoupled_weight_decay`` shrinks the parameter
    itself (AdamW) instead of adding to the gradient.
    """

    _kept = {"exp_avg": Kept(), "exp_avg_sq": Kept(), "max_exp_avg_sq": Kept(option="amsgrad")}
    _rounds_decay = True

    def __init__(
        self, params: ParamsT, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        _check_tensor("lr", lr, foreach, capturable)
        options = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        check_options(options)
        if not (
            (isinstance(betas[0], float) and isinstance(betas[1], float))
            or (isinstance(betas[0], Tensor) and isinstance(betas[1], Tensor))
        ):
            raise ValueError("betas must be either both floats or both Tensors")
        for place, beta in enumerate(betas):
            _check_tensor(f"betas[{place}]", beta, foreach, capturable)
        super().__init__(params, **options)

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = map(number, group["betas"])
        return *weights(1 - beta1), beta2, 1 - beta2, number(group["eps"])

    def _no_sparse(self) -> str:
        return "Adam does not support sparse gradients, please consider SparseAdam instead"

    def _step_numbers(self, group: dict[str, Any], kept: dict[str, float]) -> tuple[Any, ...]:
        step = kept["step"]
        beta1, beta2 = map(number, group["betas"])
        return (1 - beta2**step) ** 0.5, -number(group["lr"]) / (1 - beta1**step)

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, average: Tensor, square: Tensor, largest: Tensor | None,
        from_old: float | None, from_new: float | None, beta2: float, fresh2: float, eps: float, correction: float,
        lr: float,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        """``correction`` is √(1 - β₂ᵗ), ``lr`` is -lr / (1 - β₁ᵗ)."""
        change = gradient - average
        average = average + change * from_old if from_new is None else gradient + change * from_new
        square = square * beta2 + gradient * fresh2 * gradient
        if largest is not None:
            largest = flambeau.maximum(largest, square)
        size = (square if largest is None else largest).sqrt() / correction + eps
        return parameter + average * lr / size, average, square, largest


def _check_tensor(name: str, value: Any, foreach: bool | None, capturable: bool) -> None:
    """A hyperparameter given as a tensor: one element, and not together with ``foreach``."""
    if isinstance(value, Tensor):
        if foreach and not capturable:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        if value.numel() != 1:
            raise ValueError(f"Tensor {name} must be 1-element")
