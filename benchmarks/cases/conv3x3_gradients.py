"""A 3×3 convolution from 64 to 64 channels of 100 pictures of 32×32, with the gradients of input and weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import normal


def prepare(framework: Any) -> Callable[[], Any]:
    x = normal(framework, 100, 64, 32, 32, seed=0).requires_grad_()
    weight = normal(framework, 64, 64, 3, 3, seed=1).requires_grad_()
    grad = normal(framework, 100, 64, 32, 32, seed=2)

    def step() -> Any:
        x.grad = weight.grad = None
        result = framework.nn.functional.conv2d(x, weight, padding=1)
        result.backward(grad)
        return result[0, 0, 0, 0].item() + x.grad[0, 0, 0, 0].item() + weight.grad[0, 0, 0, 0].item()

    return step


CASE = Case(prepare, ratio=0.9)

if __name__ == "__main__":
    main(CASE)
