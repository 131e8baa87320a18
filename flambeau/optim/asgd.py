"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ._formula import Formula, Kept, number, plus
from ._state import single
from .optimizer import ParamsT


class ASGD(Formula):
    """Gradient descent that also averages the parameters it passes through, as ``ax`` (Polyak and Juditsky 1992)."""

    _kept = {"ax": Kept()}
    _numbers = {"step": 0.0, "eta": "lr", "mu": 1.0}

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, foreach=foreach,
            maximize=maximize, differentiable=differentiable, capturable=capturable,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return ()

    def _step_numbers(self, group: dict[str, Any], kept: dict[str, float]) -> tuple[Any, ...]:
        lr, lambd, alpha, t0 = (number(group[name]) for name in ("lr", "lambd", "alpha", "t0"))
        eta, mu, step = kept["eta"], kept["mu"], kept["step"]
        kept["eta"] = single(lr / ((1 + lambd * lr * step) ** alpha))
        kept["mu"] = single(1 / max(1, step - t0))
        return 1 - lambd * eta, -eta, None if mu == 1 else mu

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, average: Tensor, shrunk: float, lr: float, share: float | None
    ) -> tuple[Tensor, ...]:
        """``share`` is the parameter's in the average; without one the parameter is the average."""
        parameter = plus(parameter * shrunk, gradient, lr)
        return parameter, parameter if share is None else average + (parameter - average) * share
