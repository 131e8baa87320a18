"""A training step of an LSTM on packed sequences, of every number and length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, initialise, normal

INPUTS, WIDTH, CLASSES = 32, 64, 10


def prepare(framework: Any) -> Callable[..., Any]:
    nn = framework.nn
    rnn = nn.utils.rnn

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(INPUTS, WIDTH, batch_first=True, bidirectional=True)
            self.head = nn.Linear(2 * WIDTH, CLASSES)

        def forward(self, x: Any, lengths: Any) -> Any:
            packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            outputs, _ = rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
            return self.head(outputs.sum(1) / lengths.unsqueeze(1))

    model = initialise(framework, Network())
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    sequences = list(normal(framework, 24, 40, INPUTS))
    labels = framework.tensor(np.random.default_rng(1).integers(0, CLASSES, 24))

    def step(batch: int, number: int) -> Any:
        lengths = np.random.default_rng(number).integers(10, 41, batch)
        x = rnn.pad_sequence([sequences[k][: int(length)] for k, length in enumerate(lengths)], batch_first=True)
        logits = model(x, framework.tensor(lengths))
        return descend(optimiser, nn.functional.cross_entropy(logits, labels[:batch]))

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(4, 25), range(100)))

if __name__ == "__main__":
    main(CASE)
