"""An episode of a policy's learning (REINFORCE, Williams 1992): an action at a time, of every length; then one backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.case import Case, main
from benchmarks.models import descend, mlp

DISCOUNT = 0.99


def prepare(framework: Any) -> Callable[..., Any]:
    policy = mlp(framework, 4, 64, 2)
    optimiser = framework.optim.Adam(policy.parameters(), lr=0.001)
    generator = np.random.default_rng(1)
    moves = generator.standard_normal((2, 4), dtype=np.float32)
    chances = generator.random(60)

    def step(length: int) -> Any:
        state = np.ones(4, dtype=np.float32)
        likelihoods, rewards = [], []
        for chance in chances[:length]:
            logits = framework.nn.functional.log_softmax(policy(framework.from_numpy(state).unsqueeze(0)), 1)
            action = int(logits[0, 0].exp().item() < chance)
            likelihoods.append(logits[0, action])
            state = np.tanh(state + moves[action])
            rewards.append(float(state[0]))
        returns: list[float] = []
        for reward in reversed(rewards):
            returns.insert(0, reward + DISCOUNT * (returns[0] if returns else 0.0))
        given = framework.tensor(returns)
        given = (given - given.mean()) / (given.std() + 1e-8)
        return descend(optimiser, -(framework.stack(likelihoods) * given).sum())

    return step


CASE = Case(prepare, ratio=0.8, seen=1.5, sizes=(range(10, 61),), tolerance=1e-3)

if __name__ == "__main__":
    main(CASE)
