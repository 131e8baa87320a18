"""A training step of two layers of GRU with 128 features, on batches of 32 sequences of 60 steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import BATCHES, descend, initialise, normal

LENGTH, BATCH, INPUTS, WIDTH, CLASSES = 60, 32, 64, 128, 10


def prepare(framework: Any) -> Callable[[], Any]:
    nn = framework.nn

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = nn.GRU(INPUTS, WIDTH, 2), nn.Linear(WIDTH, CLASSES)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x)[0])

    model = initialise(framework, Network())
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    inputs = normal(framework, BATCHES, LENGTH, BATCH, INPUTS)
    labels = framework.tensor(np.random.default_rng(1).integers(0, CLASSES, (BATCHES, LENGTH * BATCH)))
    place = 0

    def step() -> Any:
        nonlocal place
        place = (place + 1) % BATCHES
        logits = model(inputs[place]).view(-1, CLASSES)
        return descend(optimiser, nn.functional.cross_entropy(logits, labels[place]))

    return step


CASE = Case(prepare, ratio=1.5)

if __name__ == "__main__":
    main(CASE)
