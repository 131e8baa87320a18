"""A training step of a small convolutional network on four pictures, of every height and width."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, initialise, normal

MOST = 72


def prepare(framework: Any) -> Callable[..., Any]:
    nn = framework.nn
    layers = [nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)]
    model = initialise(framework, nn.Sequential(*layers, *head))
    optimiser = framework.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    pictures = normal(framework, 4, 3, MOST, MOST)
    labels = framework.tensor(np.random.default_rng(1).integers(0, 10, 4))

    def step(height: int, width: int) -> Any:
        logits = model(pictures[:, :, :height, :width].contiguous())
        return descend(optimiser, nn.functional.cross_entropy(logits, labels))

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(24, MOST + 1), range(24, MOST + 1)))

if __name__ == "__main__":
    main(CASE)
