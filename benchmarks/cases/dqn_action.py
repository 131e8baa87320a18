"""Choosing an action by a Q-network, for one state as an environment gives it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import mlp


def prepare(framework: Any) -> Callable[[], Any]:
    network = mlp(framework, 4, 128, 128, 2)
    states = np.random.default_rng(1).standard_normal((256, 4), dtype=np.float32)
    place = 0

    def step() -> Any:
        nonlocal place
        state = framework.from_numpy(states[place % 256]).unsqueeze(0)
        place += 1
        with framework.no_grad():
            return network(state).argmax(1).item()

    return step


CASE = Case(prepare, ratio=1.0)

if __name__ == "__main__":
    main(CASE)
