"""Sums along rows, and along columns, of 512×2048 elements as they grow, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import normal


def prepare(framework: Any) -> Callable[[], Any]:
    x = normal(framework, 512, 2048, seed=0).requires_grad_()
    grad = normal(framework, 512, 2048, seed=1)

    def step() -> Any:
        x.grad = None
        result = x.cumsum(1) + x.cumsum(0)
        result.backward(grad)
        return result[5, 5].item() + x.grad[500, 2000].item()

    return step


CASE = Case(prepare, ratio=1.0)

if __name__ == "__main__":
    main(CASE)
