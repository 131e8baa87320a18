"""A training step of a Transformer's encoder, two layers of 128 features and 4 heads, on 8 sequences of 64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import models
from benchmarks.case import Case, main


def prepare(framework: Any) -> Callable[[], Any]:
    nn = framework.nn

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(128, 4, 256, dropout=0.0, batch_first=True)
            self.body, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x).mean(1))

    model = models.initialise(framework, Network())
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    return models.classification(framework, model, optimiser, (8, 64, 128))


CASE = Case(prepare, ratio=1.2)

if __name__ == "__main__":
    main(CASE)
