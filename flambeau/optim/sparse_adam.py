"""Adam for sparse gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau

from ..core.modes import no_grad
from ..core.tensor import Tensor
from ._formula import number
from .optimizer import Optimizer, ParamsT


class SparseAdam(Optimizer):
    """Adam of which only the elements move, and only their moments, that a sparse gradient holds.

    Parameters are dense; a gradient that is dense is refused.
    """

    def __init__(
        self, params: ParamsT, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for place, beta in enumerate(betas):
            if not 0.0 <= beta < 1.0:
                raise ValueError(f"Invalid beta parameter at index {place}: {beta}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        for kind, named in (("Sparse", "is_sparse"), ("Complex", "is_complex")):
            found = [
                [place, number]
                for place, group in enumerate(self.param_groups)
                for number, parameter in enumerate(group["params"])
                if (parameter.is_sparse if named == "is_sparse" else parameter.is_complex())
            ]
            if found:
                wanted = "requires dense parameter tensors" if kind == "Sparse" else "does not support complex parameters"
                raise ValueError(f"{kind} params at indices {found}: SparseAdam {wanted}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change the parameters once; ``closure`` computes the loss anew (and its gradients) and returns it."""
        loss = flambeau.enable_grad()(closure)() if closure is not None else None
        for group in self.param_groups:
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                if not gradient.is_sparse:
                    raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
                self._update(parameter, group)
        return loss

    @no_grad()
    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state.update(step=0, exp_avg=flambeau.zeros_like(parameter), exp_avg_sq=flambeau.zeros_like(parameter))
        state["step"] += 1
        gradient: Any = parameter.grad
        gradient = gradient.coalesce()
        values = gradient.values()
        if values.numel() == 0:
            return
        places = tuple(gradient.indices().unbind(0))
        beta1, beta2 = map(number, group["betas"])
        fresh = -values if group["maximize"] else values
        moments = []
        for name, new, beta in (("exp_avg", fresh, beta1), ("exp_avg_sq", fresh * fresh, beta2)):
            old = state[name][places]
            now = old + (new - old) * (1 - beta)
            state[name].index_put_(places, now)
            moments.append(now)
        mean, square = moments
        step = number(group["lr"]) * math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        change = mean * -step / (square.sqrt() + group["eps"])
        parameter.index_put_(places, change, accumulate=True)
