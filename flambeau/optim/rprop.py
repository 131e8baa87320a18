"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from ._formula import Formula, Kept, number
from .optimizer import ParamsT


class Rprop(Formula):
    """Steps that grow while a gradient keeps its sign and shrink when it changes (Riedmiller and Braun 1993)."""

    _kept = {"prev": Kept(), "step_size": Kept(first="lr")}

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params, lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
            differentiable=differentiable, capturable=capturable,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return *map(number, group["etas"]), *map(number, group["step_sizes"])

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, previous: Tensor, size: Tensor, shrink: float, grow: float, smallest: float,
        largest: float,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        agreement = gradient * previous
        turned = agreement < 0
        factor = flambeau.ones_like(size).masked_fill(agreement > 0, grow).masked_fill(turned, shrink)
        size = (size * factor).clamp(smallest, largest)
        gradient = gradient.masked_fill(turned, 0.0)
        return parameter.addcmul(-gradient.sign(), size), gradient, size
