"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ._formula import Entry, Formula, Kept, number
from .optimizer import ParamsT


class SGD(Formula):
    """Gradient descent, with momentum (Nesterov's if asked) and weight decay.

    g ← g + weight_decay · p;  b ← momentum · b + (1 - dampening) · g;  p ← p - lr · b (or lr · (g + momentum · b)).
    """

    _kept = {"momentum_buffer": Kept(first=None, option="momentum")}
    _numbers = {}
    _takes_nan = True
    _rounds_decay = True
    _takes_sparse = True

    def __init__(
        self, params: ParamsT, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params, lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
            maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
        )  # fmt: skip

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        lr = -number(group["lr"])
        if not group["momentum"]:
            return (lr,)
        momentum, fresh = number(group["momentum"]), 1 - number(group["dampening"])
        return (lr, momentum, fresh, momentum) if group["nesterov"] else (lr, momentum, fresh)

    @staticmethod
    def _update(
        parameter: Tensor, gradient: Tensor, buffer: Tensor | None, lr: float, momentum: float | None = None,
        fresh: float | None = None, ahead: float | None = None,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        """The momentum begins as the gradient, undampened; with ``ahead`` the step is one of Nesterov's."""
        if momentum is None:
            return parameter + gradient * lr, None
        buffer = gradient.detach().clone() if buffer is None else buffer * momentum + gradient * fresh
        return parameter + (buffer if ahead is None else gradient + buffer * ahead) * lr, buffer

    def _update_sparse(self, group: dict[str, Any], entry: Entry) -> None:
        """As for a dense gradient, with a sparse momentum; weight decay is refused, for its sum would be dense."""
        parameter, gradient = entry[0], entry[-1]
        if group["maximize"]:
            gradient = -gradient
        if group["weight_decay"]:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        if momentum := group["momentum"]:
            buffer = self.state[parameter]["momentum_buffer"]
            if buffer is None:
                buffer = gradient.detach().clone()
            else:
                buffer = (buffer * momentum).add(gradient, alpha=1 - group["dampening"]).coalesce()
            self.state[parameter]["momentum_buffer"] = buffer
            gradient = gradient.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        parameter.add_(gradient, alpha=-number(group["lr"]))
