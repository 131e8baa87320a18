"""A training step of an MLP 32-64-10 with Adam, on batches of every size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, mlp, normal

MOST = 2000


def prepare(framework: Any) -> Callable[..., Any]:
    model = mlp(framework, 32, 64, 10)
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    inputs = normal(framework, MOST, 32)
    labels = framework.tensor(np.random.default_rng(1).integers(0, 10, MOST))

    def step(batch: int) -> Any:
        logits = model(inputs[:batch])
        return descend(optimiser, framework.nn.functional.cross_entropy(logits, labels[:batch]))

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(1, MOST + 1),))

if __name__ == "__main__":
    main(CASE)
