"""The product of two 1024×1024 matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import normal


def prepare(framework: Any) -> Callable[[], Any]:
    a = normal(framework, 1024, 1024, seed=0)
    b = normal(framework, 1024, 1024, seed=1)

    def step() -> Any:
        result = a @ b
        return result[0, 0].item()

    return step


CASE = Case(prepare, ratio=0.9)

if __name__ == "__main__":
    main(CASE)
