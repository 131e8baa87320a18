"""RAdam."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from ._formula import Formula, Kept, number, plus_product, towards, weights
from .optimizer import ParamsT


class RAdam(Formula):
    """Adam that trusts the running size of the gradient only once it is known well enough (Liu and others 2019)."""

    _kept = {"exp_avg": Kept(), "exp_avg_sq": Kept()}

    def __init__(
        self, params: ParamsT, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize, foreach=foreach,
            capturable=capturable, decoupled_weight_decay=decoupled_weight_decay, differentiable=differentiable,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        beta1, beta2 = map(number, group["betas"])
        return *weights(1 - beta1), beta2, 1 - beta2, number(group["eps"]), number(group["lr"])

    def _step_numbers(self, group: dict[str, Any], kept: dict[str, float]) -> tuple[Any, ...]:
        """The corrections of both averages, and the rectification once the running size is known well enough."""
        step = kept["step"]
        beta1, beta2 = map(number, group["betas"])
        correction2 = 1 - beta2**step
        # The length of the moving average that is left when its start is allowed for.
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * (beta2**step) / correction2
        rectified = None
        if length > 5.0:
            rectified = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
        return 1 - beta1**step, correction2**0.5, rectified

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, average: Tensor, square: Tensor, from_old: float | None,
        from_new: float | None, beta2: float, fresh2: float, eps: float, lr: float, correction1: float,
        correction2: float, rectified: float | None,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        average = towards(average, gradient, from_old, from_new)
        square = plus_product(square * beta2, gradient, gradient, fresh2)
        change = average / correction1 * lr
        if rectified is not None:
            change = change * flambeau.div(correction2, square.sqrt() + eps) * rectified
        return parameter - change, average, square
