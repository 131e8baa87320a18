"""A training step of a graph network: messages along edges, gathered at nodes, both of every number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, initialise

WIDTH = 32


def prepare(framework: Any) -> Callable[..., Any]:
    nn = framework.nn

    class Layer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.message, self.update = nn.Linear(WIDTH + 4, WIDTH), nn.Linear(2 * WIDTH, WIDTH)

        def forward(self, nodes: Any, edges: Any, start: Any, end: Any) -> Any:
            messages = nn.functional.relu(self.message(framework.cat([nodes[start], edges], 1)))
            received = framework.zeros(nodes.shape[0], WIDTH).index_add(0, end, messages)
            return nodes + nn.functional.relu(self.update(framework.cat([nodes, received], 1)))

    class Network(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.input, self.output = nn.Linear(8, WIDTH), nn.Linear(WIDTH, 1)
            self.layers = nn.ModuleList([Layer() for _ in range(3)])

        def forward(self, nodes: Any, edges: Any, start: Any, end: Any) -> Any:
            nodes = self.input(nodes)
            for layer in self.layers:
                nodes = layer(nodes, edges, start, end)
            return self.output(nodes.mean(0))

    model = initialise(framework, Network())
    optimiser = framework.optim.Adam(model.parameters(), lr=0.001)
    generator = np.random.default_rng(1)
    features = generator.standard_normal((400, 8), dtype=np.float32)
    weights = generator.standard_normal((2000, 4), dtype=np.float32)
    ends = generator.integers(0, 1 << 30, (2, 2000))

    def step(nodes: int, edges: int) -> Any:
        start, end = framework.tensor(ends[:, :edges] % nodes)
        made = model(framework.tensor(features[:nodes]), framework.tensor(weights[:edges]), start, end)
        return descend(optimiser, (made - nodes / edges).square().mean())

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(20, 400), range(50, 2000)))

if __name__ == "__main__":
    main(CASE)
