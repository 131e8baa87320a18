"""A training step on 32 words, which a data set writes letter by letter into small tensors that are then collated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, initialise

BATCH, LONGEST, LETTERS, CLASSES = 32, 12, 27, 18


def prepare(framework: Any) -> Callable[..., Any]:
    nn, data = framework.nn, framework.utils.data
    generator = np.random.default_rng(1)
    words = ["".join(map(chr, generator.integers(97, 123, generator.integers(3, LONGEST + 1)))) for _ in range(5000)]
    labels = generator.integers(0, CLASSES, len(words)).tolist()

    class Words(data.Dataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return len(words)

        def __getitem__(self, index: int) -> Any:
            letters = framework.zeros(LONGEST, dtype=framework.int64)
            for place, letter in enumerate(words[index]):
                letters[place] = ord(letter) - 96
            return letters, framework.tensor(labels[index])

    model = nn.Sequential(nn.Embedding(LETTERS, 16), nn.Flatten(), nn.Linear(16 * LONGEST, CLASSES))
    initialise(framework, model)
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    dataset = Words()

    def step(number: int) -> Any:
        chosen = np.random.default_rng(number).integers(0, len(words), BATCH).tolist()
        letters, classes = data.default_collate([dataset[index] for index in chosen])
        return descend(optimiser, nn.functional.cross_entropy(model(letters), classes))

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(10000),))

if __name__ == "__main__":
    main(CASE)
