"""Hooks that reduce gradients in place of the average over processes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ...core.modes import no_grad
from ...core.tensor import Tensor
from ...distributed._c10d.grad_bucket import GradBucket

__all__ = ["Reduction", "check_hook"]


def check_hook(hook: Any) -> None:
    """``TypeError`` for what cannot be called, and PyTorch's errors for what is annotated otherwise."""
    if not callable(hook):
        raise TypeError("Communication hook must be callable.")
    parameters = inspect.signature(hook).parameters
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    annotation = parameters["bucket"].annotation
    if annotation not in (inspect.Parameter.empty, GradBucket, "GradBucket", "dist.GradBucket"):
        raise ValueError("Communication hook: bucket annotation should be dist.GradBucket.")


class Reduction:
    """Calls ``hook(state, bucket)`` with each parameter's gradient once it is complete, and puts its result there."""

    def __init__(self, parameters: list[Tensor], state: object, hook: Callable[..., Any]) -> None:
        self.state, self.hook = state, hook
        self.enabled = True
        self._count = len(parameters)
        self._done = 0
        for parameter in parameters:
            parameter.register_post_accumulate_grad_hook(self._reduce)

    def begin(self, enabled: bool) -> None:
        """A forward pass begins, whose gradients are to be reduced or not."""
        self._done = 0
        self.enabled = enabled

    def _reduce(self, parameter: Tensor) -> None:
        if not self.enabled or parameter.grad is None:
            return
        self._done += 1
        bucket = GradBucket(self._done - 1, parameter, parameter.grad, self._done == self._count)
        future = self.hook(self.state, bucket)
        if not hasattr(future, "wait"):
            raise RuntimeError(
                "DDP communication hook's callback must return a torch.futures.Future object, but got "
                f"{type(future).__name__}"
            )
        result = future.wait()
        with no_grad():
            parameter.grad.copy_((result[0] if isinstance(result, list) else result).reshape(parameter.shape))
