"""Random numbers as transforms want them: Python numbers from the program's generator."""

from __future__ import annotations

import flambeau


def uniform(low: float, high: float) -> float:
    """A float from ``low`` to ``high``."""
    return float(flambeau.empty(1).uniform_(low, high))


def integer(low: int, high: int) -> int:
    """An integer from ``low`` to ``high - 1``."""
    return int(flambeau.randint(low, high, (1,)))


def happens(probability: float) -> bool:
    """True with that probability."""
    return float(flambeau.rand(1)) < probability


def order(count: int) -> list[int]:
    """0 to ``count - 1`` in random order."""
    return [int(position) for position in flambeau.randperm(count).tolist()]
