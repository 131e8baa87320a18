"""Fifty multiply-adds on ten elements, each of the result of the one before, looked at once at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import normal


def prepare(framework: Any) -> Callable[[], Any]:
    start = normal(framework, 10, seed=0)
    b = normal(framework, 10, seed=1).abs() / 4
    a = normal(framework, 10, seed=2)

    def step() -> Any:
        x = start
        for _ in range(50):
            x = x * b + a
        return x[0].item()

    return step


CASE = Case(prepare, ratio=1.0)

if __name__ == "__main__":
    main(CASE)
