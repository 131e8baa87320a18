"""Random programs of several threads, which share tensors and hand values to each other: what one thread alone would compute."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import Tensor
from flambeau.graph.steps import forget_steps

THREADS = 4

OPERATIONS: list[Callable[[Tensor], Any]] = [
    lambda x: x * 1.5 + 1, lambda x: x.relu(), lambda x: F.softmax(x, -1), lambda x: x.cumsum(0), lambda x: x.flip(0),
    lambda x: F.layer_norm(x, (x.shape[-1],)), lambda x: (x @ x.t()) @ x * 0.01, lambda x: x - x.mean(0, keepdim=True),
    lambda x: x.sort(0).values, lambda x: F.linear(x, x) @ x / 10, lambda x: x.double().float(), lambda x: x.t().clone().t(),
]  # fmt: skip


class World:
    """What the threads of a program share: tensors, leaves, a board with rows of each, and what each has made at each step."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.rows, columns = draw.choice([3, 4, 5]), draw.choice([4, 6, 7])
        base = np.array([[draw.uniform(-2, 2) for _ in range(columns)] for _ in range(self.rows)], np.float32)
        made = [flambeau.tensor(base), flambeau.tensor(base) * 2, flambeau.from_numpy(base), flambeau.tensor(base) * 1]
        made[3].tolist()
        self.shared = made
        self.leaves = [flambeau.full((self.rows, columns), 0.5 + k, requires_grad=True) for k in range(2)]
        self.board = flambeau.zeros(THREADS * self.rows, columns)
        self.array = self.board.numpy() if draw.random() < 0.3 else None
        self.own: list[Tensor] = [made[k] * (k + 1) for k in range(THREADS)]
        self.made: dict[tuple[int, int], Tensor] = {}

    def step(self, k: int, number: int, draw: random.Random, of_others: Callable[[int, int], Tensor]) -> None:
        """Step ``number`` of thread ``k``."""
        x = self.own[k]
        first = k * self.rows
        row = first + draw.randrange(self.rows)
        action = draw.randrange(11)
        if action < 3:
            x = draw.choice(OPERATIONS)(x)
        elif action == 3:
            x = x + draw.choice(self.shared) * 0.3
        elif action == 4 and number > 1:
            x = x * 0.5 + of_others(draw.randrange(THREADS), number - 1 - draw.randrange(2)) * 0.5
        elif action == 5:
            self.board[row] = x[0]
            self.board[row, 1] += 1
        elif action == 6:
            self.board[first : first + self.rows] += x * 0.1
        elif action == 7:
            self.board.index_fill_(0, flambeau.tensor([row]), draw.uniform(-1, 1))
        elif action == 8:
            x = x + self.board[first : first + self.rows]
        elif action == 9:
            x = x * (1 + 0.01 * np.tanh(x.sum().item()))
        else:
            leaf = draw.choice(self.leaves)
            x = x + flambeau.autograd.grad((F.softmax(leaf * x, -1) * x).sum(), [leaf])[0]  # type: ignore[operator]
        self.own[k] = self.made[k, number] = x.clamp(-50, 50)

    def results(self) -> str:
        assert self.array is None or self.array.tolist() == self.board.tolist()
        return repr([x.tolist() for x in (*self.own, self.board)])


def alone(seed: int, steps: int) -> str:
    world, draws = World(seed), [random.Random(seed * THREADS + k) for k in range(THREADS)]
    for number in range(steps):
        for k in range(THREADS):
            world.step(k, number, draws[k], lambda other, at: world.made[other, at])
    return world.results()


def together(seed: int, steps: int) -> str:
    world, errors = World(seed), list[BaseException]()

    def of_others(other: int, at: int) -> Tensor:
        while (other, at) not in world.made and not errors:
            time.sleep(0)
        return world.made[other, at]

    def work(k: int) -> None:
        draw = random.Random(seed * THREADS + k)
        try:
            for number in range(steps):
                world.step(k, number, draw, of_others)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return world.results()


@pytest.mark.parametrize("kept", [True, False])
def test_threads_compute_what_one_would(kept: bool, hasty: None) -> None:
    for seed in range(0 if kept else 1000, 30 if kept else 1030):
        if not kept:
            forget_steps()
        steps = random.Random(seed).choice([3, 8, 15, 25])
        ways = [together, alone]
        if seed % 2:
            ways.reverse()
        one, other = [way(seed, steps) for way in ways]
        assert one == other, (seed, steps)
