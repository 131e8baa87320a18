"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ..core.modes import without_history
from ..core.tensor import Tensor
from ._checks import check_learning_rate
from ._formula import number
from ._line_search import Point, strong_wolfe
from .optimizer import Optimizer, ParamsT


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last changes of gradient and parameters (Nocedal and Wright, algorithm 7.5).

    One step makes up to ``max_iter`` iterations and ``max_eval`` evaluations of the closure. ``line_search_fn`` is None
    (steps of length lr) or "strong_wolfe".
    """

    def __init__(
        self, params: ParamsT, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        check_learning_rate(lr)
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params: list[Tensor] = self.param_groups[0]["params"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]

    def _gradient(self) -> Tensor:
        """All gradients as one vector."""
        return flambeau.cat(
            [p.new_zeros(p.numel()) if p.grad is None else p.grad.to_dense().reshape(-1) for p in self._params]
        )

    def _move(self, step: float, direction: Tensor) -> None:
        start = 0
        for parameter in self._params:
            count = parameter.numel()
            parameter.add_(direction[start : start + count].view_as(parameter), alpha=step)
            start += count

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Up to ``max_iter`` iterations; ``closure`` clears the gradients, computes loss and gradients, returns it."""
        return without_history(lambda: self._step(flambeau.enable_grad()(closure)))

    def _step(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        lr = number(group["lr"])
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = closure()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        gradient = self._gradient()
        if float(gradient.abs().max()) <= group["tolerance_grad"]:
            return first_loss

        direction, step = state.get("d"), state.get("t")
        previous_gradient, previous_loss = state.get("prev_flat_grad"), state.get("prev_loss")
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
                direction = -gradient
                step = min(1.0, 1.0 / float(gradient.abs().sum())) * lr
            else:
                self._remember(state, gradient - previous_gradient, direction * step, group["history_size"])
                direction = self._direction(state, gradient, group["history_size"])
                step = lr
            previous_gradient, previous_loss = gradient, loss
            slope = float(gradient.dot(direction))
            if slope > -group["tolerance_change"]:
                break

            count = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                point, count = strong_wolfe(
                    self._along(closure, direction), step, Point(0.0, loss, gradient, slope),
                    float(direction.abs().max()), 1e-9, group["max_eval"] - evaluations,
                )  # fmt: skip
                loss, gradient, step = point.loss, point.gradient, point.step
                self._move(step, direction)
            else:
                self._move(step, direction)
                if iteration != group["max_iter"]:
                    # Not after the last iteration: with random batches another evaluation would be of no use.
                    loss = float(closure())
                    gradient = self._gradient()
                    count = 1
            evaluations += count
            state["func_evals"] += count
            if (
                iteration == group["max_iter"]
                or evaluations >= group["max_eval"]
                or float(gradient.abs().max()) <= group["tolerance_grad"]
                or float((direction * step).abs().max()) <= group["tolerance_change"]
                or abs(loss - previous_loss) < group["tolerance_change"]
            ):
                break
        length = step if isinstance(group["lr"], float | int) else flambeau.tensor(step)
        state.update(d=direction, t=length, prev_flat_grad=previous_gradient, prev_loss=previous_loss)
        return first_loss

    def _remember(self, state: dict[str, Any], change: Tensor, step: Tensor, history_size: int) -> None:
        """Keep a change of gradient and the step that led to it, if the loss is convex between them."""
        product = change.dot(step)
        if float(product) <= 1e-10:
            return
        for name, value in (("old_dirs", change), ("old_stps", step), ("ro", 1.0 / product)):
            state[name].append(value)
            if len(state[name]) > history_size:
                state[name].pop(0)
        state["H_diag"] = product / change.dot(change)

    def _direction(self, state: dict[str, Any], gradient: Tensor, history_size: int) -> Tensor:
        """Minus the approximate inverse Hessian times the gradient (the two-loop recursion)."""
        history = list(zip(state["old_dirs"], state["old_stps"], state["ro"], strict=True))
        direction = -gradient
        shares = []
        for change, step, inverse in reversed(history):
            share = step.dot(direction) * inverse
            direction = direction - change * share
            shares.append(share)
        state["al"] = [*reversed(shares), *[None] * (history_size - len(shares))]  # as it is in PyTorch's files
        direction = direction * state["H_diag"]
        for (change, step, inverse), share in zip(history, reversed(shares), strict=True):
            direction = direction + step * (share - change.dot(direction) * inverse)
        return direction

    def _along(self, closure: Callable[[], Any], direction: Tensor) -> Callable[[float], Point]:
        """The loss as a function of the step's length; the parameters stay where they are."""
        start = [parameter.clone() for parameter in self._params]

        def evaluate(step: float) -> Point:
            self._move(step, direction)
            loss = float(closure())
            gradient = self._gradient()
            for parameter, value in zip(self._params, start, strict=True):
                parameter.copy_(value)
            return Point(step, loss, gradient, float(gradient.dot(direction)))

        return evaluate
