"""A training step of a classifier of sentences, by the mean of their words' embeddings, batches and sentences of every size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, initialise

WORDS, WIDTH, CLASSES = 1000, 32, 5
MOST = 150


def prepare(framework: Any) -> Callable[..., Any]:
    nn = framework.nn

    class Classifier(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(WORDS, WIDTH, padding_idx=0)
            self.hidden, self.output = nn.Linear(WIDTH, 64), nn.Linear(64, CLASSES)

        def forward(self, words: Any) -> Any:
            present = (words != 0).unsqueeze(-1)
            mean = (self.embedding(words) * present).sum(1) / present.sum(1)
            return self.output(nn.functional.relu(self.hidden(mean)))

    model = initialise(framework, Classifier())
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    generator = np.random.default_rng(1)
    lengths = generator.integers(1, MOST + 1, MOST)
    texts = np.where(np.arange(MOST) < lengths[:, None], generator.integers(1, WORDS, (MOST, MOST)), 0)
    labels = generator.integers(0, CLASSES, MOST)

    def step(batch: int, length: int) -> Any:
        logits = model(framework.tensor(texts[:batch, :length]))
        return descend(optimiser, nn.functional.cross_entropy(logits, framework.tensor(labels[:batch])))

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(8, 72), range(5, 100)))

if __name__ == "__main__":
    main(CASE)
