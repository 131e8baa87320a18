"""The loss of connectionist temporal classification of 16 recordings of 100 steps, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import normal

LENGTH, BATCH, LETTERS, LONGEST = 100, 16, 30, 20


def prepare(framework: Any) -> Callable[[], Any]:
    functional = framework.nn.functional
    generator = np.random.default_rng(1)
    logits = normal(framework, LENGTH, BATCH, LETTERS).requires_grad_()
    letters = framework.tensor(generator.integers(1, LETTERS, (BATCH, LONGEST)))
    lengths = framework.tensor(generator.integers(60, LENGTH + 1, BATCH))
    sizes = framework.tensor(generator.integers(5, LONGEST + 1, BATCH))

    def step() -> Any:
        logits.grad = None
        loss = functional.ctc_loss(functional.log_softmax(logits, 2), letters, lengths, sizes)
        loss.backward()
        return loss.item() + logits.grad[0, 0, 0].item()

    return step


CASE = Case(prepare, ratio=1.0)

if __name__ == "__main__":
    main(CASE)
