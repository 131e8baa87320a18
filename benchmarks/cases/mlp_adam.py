"""A training step of an MLP 784-128-10 with Adam, on batches of 100."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import classification, mlp


def prepare(framework: Any) -> Callable[[], Any]:
    model = mlp(framework, 784, 128, 10)
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    return classification(framework, model, optimiser, (100, 784))


CASE = Case(prepare, ratio=1.5)

if __name__ == "__main__":
    main(CASE)
