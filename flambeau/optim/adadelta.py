"""Adadelta."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ._formula import Formula, Kept, number, plus, plus_product
from .optimizer import ParamsT


class Adadelta(Formula):
    """Steps whose unit is the running size of earlier steps (Zeiler 2012).

    v ← ρ v + (1 - ρ) g²;  d = g · √(u + eps) / √(v + eps);  u ← ρ u + (1 - ρ) d²;  p ← p - lr · d.
    """

    _kept = {"square_avg": Kept(), "acc_delta": Kept()}

    def __init__(
        self, params: ParamsT, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        super().__init__(
            params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize, capturable=capturable,
            foreach=foreach, differentiable=differentiable,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        rho = number(group["rho"])
        return rho, 1 - rho, number(group["eps"]), -number(group["lr"])

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, square: Tensor, deltas: Tensor, rho: float, fresh: float, eps: float, lr: float
    ) -> tuple[Tensor, ...]:
        square = plus_product(square * rho, gradient, gradient, fresh)
        delta = (deltas + eps).sqrt() / (square + eps).sqrt() * gradient
        return plus(parameter, delta, lr), square, plus_product(deltas * rho, delta, delta, fresh)
