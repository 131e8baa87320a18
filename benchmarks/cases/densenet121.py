"""A training step of DenseNet-121 on 4 pictures of 64×64, by gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import models
from benchmarks.case import Case, main


def prepare(framework: Any) -> Callable[[], Any]:
    model = models.densenet121(framework, classes=10)
    optimiser = framework.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    return models.classification(framework, model, optimiser, (4, 3, 64, 64))


# Batch normalisation over few values magnifies differences of rounding, most of all from step to step.
CASE = Case(prepare, ratio=0.9, first_cold=2.0, first_warm=1.0, tolerance=1e-2)

if __name__ == "__main__":
    main(CASE)
