"""An elementwise expression over 4096×4096 elements, added up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import normal


def prepare(framework: Any) -> Callable[[], Any]:
    x = normal(framework, 4096, 4096, seed=0)
    y = normal(framework, 4096, 4096, seed=1)

    def step() -> Any:
        result = framework.tanh(x * 1.5 + y) * framework.sigmoid(x) - x.abs().sqrt()
        return result.sum().item()

    return step


CASE = Case(prepare, ratio=6.0)

if __name__ == "__main__":
    main(CASE)
