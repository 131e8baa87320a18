"""A training step of a decoder of text of six layers, on 4 texts of 64 tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import BATCHES, descend, gpt

LENGTH, BATCH, WORDS = 64, 4, 256


def prepare(framework: Any) -> Callable[[], Any]:
    model = gpt(framework, layers=6, width=128, heads=4, vocabulary=WORDS, longest=LENGTH)
    optimiser = framework.optim.AdamW(model.parameters(), lr=0.001)
    texts = framework.tensor(np.random.default_rng(1).integers(0, WORDS, (BATCHES, BATCH, LENGTH + 1)))
    place = 0

    def step() -> Any:
        nonlocal place
        place = (place + 1) % BATCHES
        text = texts[place]
        logits = model(text[:, :-1])
        return descend(
            optimiser, framework.nn.functional.cross_entropy(logits.reshape(-1, WORDS), text[:, 1:].reshape(-1))
        )

    return step


CASE = Case(prepare, ratio=1.3, first_cold=2.0, first_warm=1.0, tolerance=1e-3)

if __name__ == "__main__":
    main(CASE)
