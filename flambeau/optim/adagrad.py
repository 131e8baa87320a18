"""Adagrad."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor
from ._formula import Entry, Formula, Kept, number
from .optimizer import ParamsT


class Adagrad(Formula):
    """Steps that shrink with the sum of squared gradients so far (Duchi and others 2011).

    s ← s + g²;  p ← p - lr / (1 + (step - 1) · lr_decay) · g / (√s + eps).
    """

    _kept = {"sum": Kept(first="initial_accumulator_value")}
    _rounds_decay = True
    _takes_sparse = True

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize,
            differentiable=differentiable, fused=fused,
        )  # fmt: skip
        for group in self.param_groups:
            for parameter in group["params"]:
                self._begin(parameter, ("sum",), self.defaults)

    def share_memory(self) -> None:
        """Move the state to memory that other processes can share."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def _constants(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (number(group["eps"]),)

    def _step_numbers(self, group: dict[str, Any], kept: dict[str, float]) -> tuple[Any, ...]:
        return (-number(group["lr"]) / (1 + (kept["step"] - 1) * number(group["lr_decay"])),)

    @staticmethod
    def _update(parameter: Tensor, gradient: Tensor, total: Tensor, eps: float, lr: float) -> tuple[Tensor, ...]:
        total = total + gradient * gradient
        return parameter + gradient * lr / (total.sqrt() + eps), total

    def _update_sparse(self, group: dict[str, Any], entry: Entry) -> None:
        """As for a dense gradient, of those elements that the sparse one has. ``RuntimeError`` with weight decay."""
        if group["weight_decay"]:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        parameter, total, gradient, lr = entry
        gradient = (-gradient if group["maximize"] else gradient).coalesce()
        values = gradient._values()
        total.add_(gradient.with_entries(values * values))
        deviation = total.sparse_mask(gradient)._values().sqrt() + number(group["eps"])
        parameter.add_(gradient.with_entries(values / deviation), alpha=lr)
