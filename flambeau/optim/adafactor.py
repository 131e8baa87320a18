"""Adafactor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau

from ..core.modes import no_grad
from ..core.tensor import Tensor
from ..graph.limits import finfo
from ..graph.trace import local, note_change
from ._formula import number
from ._state import FORGOTTEN, ParameterState
from .optimizer import Optimizer, ParamsT


class Adafactor(Optimizer):
    """Adam's second moment of a matrix as the product of one row and one column (Shazeer and Stern 2018), without momentum.

    As in PyTorch, ``lr`` bounds the relative size of a step and scales the decay, and ``eps`` holds the least variance
    (the dtype's epsilon if None) and the least scale of a parameter; ``d`` bounds the root mean square of an update.
    """

    def __init__(
        self, params: ParamsT, lr: Any = 1e-2, beta2_decay: float = -0.8, eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0, weight_decay: float = 0.0, *, foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        options = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, options)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("foreach", None)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; ``closure`` computes the loss anew (and its gradients) and returns it."""
        loss = flambeau.enable_grad()(closure)() if closure is not None else None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def _begin(self, parameter: Tensor) -> ParameterState:
        """What is remembered about a parameter: of a matrix, means of squares over rows and over columns."""
        known = self.state[parameter]
        if type(known) is ParameterState and known.numbers is not FORGOTTEN:
            return known
        if known:
            state = ParameterState.of(known, ("step",))
        else:
            state = ParameterState({"step": 0.0})
            shape = parameter.shape
            if parameter.ndim > 1:
                state["row_var"] = parameter.new_zeros((*shape[:-1], 1))
                state["col_var"] = parameter.new_zeros((*shape[:-2], 1, shape[-1]))
            else:
                state["variance"] = flambeau.zeros_like(parameter)
            note_change(state, "begun", False)
        self.state[parameter] = state
        return state

    @no_grad()
    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self._begin(parameter)
        gradient: Any = -parameter.grad if group["maximize"] else parameter.grad  # type: ignore[operator]
        least, least_scale = group["eps"]
        least = finfo(parameter.dtype).eps if least is None else least
        lr = number(group["lr"])
        if parameter.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        if gradient.is_sparse:
            raise RuntimeError("Adafactor does not support sparse gradients")
        before: Any = state.numbers
        step = before["step"] + 1.0
        if local.trace.sites:  # what was recorded before may turn out to be wrong, and the step be undone
            note_change(state, "numbers", before)
        state["step"] = step
        fresh = step ** group["beta2_decay"]
        root = math.sqrt(parameter.numel())
        scale = (parameter.norm() / root).clamp(min=least_scale) * min(lr, 1 / math.sqrt(step))
        if group["weight_decay"] != 0:
            parameter.mul_(1 - lr * group["weight_decay"])
        squares = gradient * gradient
        if gradient.ndim > 1:
            row, column = state["row_var"], state["col_var"]
            row.lerp_(squares.mean(-1, keepdim=True), fresh)
            column.lerp_(squares.mean(-2, keepdim=True), fresh)
            variance = row * column / row.mean(-2, keepdim=True).clamp(min=least)
        else:
            variance = state["variance"].lerp_(squares, fresh)
        update = variance.clamp(min=least * least).rsqrt() * gradient
        bound = (update.norm() / (root * group["d"])).clamp(min=1.0)
        parameter.sub_(update * (scale / bound))
