"""A training step of LeNet on 32×32 pictures, batches of 100, by gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import models
from benchmarks.case import Case, main


def prepare(framework: Any) -> Callable[[], Any]:
    model = models.lenet(framework)
    optimiser = framework.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    return models.classification(framework, model, optimiser, (100, 3, 32, 32))


CASE = Case(prepare, ratio=1.3, memory=1.0, cold=3.0, warm=0.4)

if __name__ == "__main__":
    main(CASE)
