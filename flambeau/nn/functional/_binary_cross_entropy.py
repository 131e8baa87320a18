"""Binary cross-entropy with its own gradient: the composed one is not a number where a probability is 0 or 1.

What is no probability raises ``RuntimeError`` when the loss is computed.
"""

from __future__ import annotations

from typing import Any

from ...autograd import Function
from ...core.composite import composite
from ...core.tensor import Tensor
from ...graph.checks import Check
from ...ops.dispatch import checked

_INPUT = Check(RuntimeError, "all elements of input should be between 0 and 1")
_TARGET = Check(RuntimeError, "all elements of target should be between 0 and 1")


class BinaryCrossEntropy(Function):
    """Loss of every element; its gradient keeps ``p (1 - p)`` at least 1e-12, as PyTorch does."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(input, target)
        (loss,) = composite(_loss, (), input, target)
        return loss  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        input, target = ctx.saved_tensors
        for_input = grad * (input - target) / ((1 - input) * input).clamp(min=1e-12)
        for_target = grad * ((-input).log1p() - input.log()) if ctx.needs_input_grad[1] else None
        return for_input, for_target


def _loss(how: Any, input: Tensor, target: Tensor) -> tuple[Tensor]:
    x = _probabilities(input, _INPUT)
    y = _probabilities(target, _TARGET)
    return ((y - 1) * (-x).log1p().clamp(min=-100) - y * x.log().clamp(min=-100),)


def _probabilities(x: Any, check: Check) -> Tensor:
    return checked(x, (x >= 0) & (x <= 1), check)
