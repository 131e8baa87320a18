"""A step of deep Q-learning: one action, and learning from 64 transitions with a target network and Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import mlp, normal

TRANSITIONS = 64
DISCOUNT = 0.99


def prepare(framework: Any) -> Callable[[], Any]:
    network = mlp(framework, 4, 128, 128, 2)
    target = mlp(framework, 4, 128, 128, 2)
    optimiser = framework.optim.Adam(network.parameters(), lr=0.001)
    generator = np.random.default_rng(1)
    states = normal(framework, TRANSITIONS, 4, seed=2)
    following = normal(framework, TRANSITIONS, 4, seed=3)
    rewards = normal(framework, TRANSITIONS, seed=4)
    actions = framework.tensor(generator.integers(0, 2, (TRANSITIONS, 1)))
    going_on = framework.tensor((generator.random(TRANSITIONS) < 0.9).astype(np.float32))
    seen = generator.standard_normal((256, 4), dtype=np.float32)
    place = 0

    def act() -> int:
        nonlocal place
        state = framework.from_numpy(seen[place % 256]).unsqueeze(0)
        place += 1
        with framework.no_grad():
            return int(network(state).argmax(1).item())

    def step() -> Any:
        act()
        chosen = network(states).gather(1, actions)
        with framework.no_grad():
            best = target(following).max(1).values
        expected = rewards + DISCOUNT * best * going_on
        loss = framework.nn.functional.smooth_l1_loss(chosen, expected.unsqueeze(1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss

    return step


CASE = Case(prepare, ratio=1.0)

if __name__ == "__main__":
    main(CASE)
