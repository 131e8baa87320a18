"""Layer normalisation and softmax over the rows of 4096×1024 elements, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import normal


def prepare(framework: Any) -> Callable[[], Any]:
    functional = framework.nn.functional
    x = normal(framework, 4096, 1024, seed=0).requires_grad_()
    weight = normal(framework, 1024, seed=1).requires_grad_()
    bias = normal(framework, 1024, seed=2).requires_grad_()
    grad = normal(framework, 4096, 1024, seed=3)

    def step() -> Any:
        x.grad = weight.grad = bias.grad = None
        result = functional.softmax(functional.layer_norm(x, (1024,), weight, bias), dim=-1)
        result.backward(grad)
        return x.grad[0, 0].item() + weight.grad[0].item() + bias.grad[0].item()

    return step


CASE = Case(prepare, ratio=1.5)

if __name__ == "__main__":
    main(CASE)
