"""Causal attention of 8 heads of 64 features over 512 places, two of a batch, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import normal


def prepare(framework: Any) -> Callable[[], Any]:
    shape = (2, 8, 512, 64)
    tensors = [normal(framework, *shape, seed=seed).requires_grad_() for seed in range(3)]
    grad = normal(framework, *shape, seed=3)

    def step() -> Any:
        for x in tensors:
            x.grad = None
        result = framework.nn.functional.scaled_dot_product_attention(*tensors, is_causal=True)
        result.backward(grad)
        return sum(x.grad[0, 0, 0, 0].item() for x in tensors)

    return step


CASE = Case(prepare, ratio=1.5, memory=1.0)

if __name__ == "__main__":
    main(CASE)
