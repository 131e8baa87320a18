"""Binary cross-entropy with its own gradient: the composed one is not a number where a probability is 0 or 1."""

from __future__ import annotations

from typing import Any

from ...autograd import Function
from ...tensor import Tensor


class BinaryCrossEntropy(Function):
    """Loss of every element; its gradient keeps ``p (1 - p)`` at least 1e-12, as PyTorch does."""

    @staticmethod
    def forward(ctx: Any, input: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(input, target)
        return (target - 1) * (-input).log1p().clamp(min=-100) - target * input.log().clamp(min=-100)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        input, target = ctx.saved_tensors
        for_input = grad * (input - target) / ((1 - input) * input).clamp(min=1e-12)
        for_target = grad * ((-input).log1p() - input.log()) if ctx.needs_input_grad[1] else None
        return for_input, for_target
