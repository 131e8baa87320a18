"""A training step of a GRU written as a loop over time, on sequences and batches of every size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, initialise, normal

INPUTS, WIDTH, CLASSES = 32, 64, 10


def prepare(framework: Any) -> Callable[..., Any]:
    nn = framework.nn

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.given, self.kept = nn.Linear(INPUTS, 3 * WIDTH), nn.Linear(WIDTH, 3 * WIDTH)
            self.head = nn.Linear(WIDTH, CLASSES)

        def forward(self, x: Any) -> Any:
            h = framework.zeros(x.shape[1], WIDTH)
            outputs = []
            for row in x:
                given_r, given_z, given_n = self.given(row).chunk(3, 1)
                kept_r, kept_z, kept_n = self.kept(h).chunk(3, 1)
                r, z = framework.sigmoid(given_r + kept_r), framework.sigmoid(given_z + kept_z)
                n = framework.tanh(given_n + r * kept_n)
                h = (1 - z) * n + z * h
                outputs.append(h)
            return self.head(framework.stack(outputs))

    model = initialise(framework, Network())
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    inputs = normal(framework, 60, 40, INPUTS)
    labels = framework.tensor(np.random.default_rng(1).integers(0, CLASSES, (60, 40)))

    def step(length: int, batch: int) -> Any:
        logits = model(inputs[:length, :batch])
        wanted = labels[:length, :batch].reshape(-1)
        return descend(optimiser, nn.functional.cross_entropy(logits.view(-1, CLASSES), wanted))

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(20, 61), range(8, 41)))

if __name__ == "__main__":
    main(CASE)
