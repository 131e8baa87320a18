"""Runs of steps that follow each other again and again: the turns of a loop, the layers of a network.

Steps are compared by their structure alone (:mod:`flambeau.graph.structure`), so a turn is found again at another size, and
whatever it reads from before it. Each turn becomes a part, which the compiler plans once for all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LEAST_PLACES = 6
"""Places of a turn, at least: shorter ones are put together to turns of this length."""
MOST_STEPS = 600
"""Steps of a turn, at most."""
LEAST_TURNS = 3
"""How often a run must follow itself to count as a loop."""
_SAMPLE = 4
"""So many steps in sequence make a place worth a closer look."""


def loops_in(
    kinds: list[Any], least: int, most: int, size: Callable[[int, int], int] = lambda first, end: end - first
) -> list[tuple[int, int, int]]:
    """The loops of a sequence of kinds, which have an order: (first, kinds of a turn, turns), one after the other.

    Turns are of at least ``least`` in ``size``, and of at most so many kinds. Takes time in proportion to the length of the
    sequence (and of its loops).
    """
    loops: list[tuple[int, int, int]] = []
    seen: dict[tuple[int, ...], int] = {}
    position, count = 0, len(kinds)
    free = 0  # what lies before belongs to a loop already
    while position + _SAMPLE <= count:
        sample = tuple(kinds[position : position + _SAMPLE])
        before = seen.get(sample, -1)
        seen[sample] = position
        period = position - before
        if before < free or period > most or position < free:
            position += 1
            continue
        end = position
        while kinds[end : end + period] == kinds[end - period : end]:
            end += period
        while end < count and kinds[end] == kinds[end - period]:
            end += 1
        start = before
        while start > free and kinds[start - 1] == kinds[start - 1 + period]:
            start -= 1
        repeated = (end - start) // period
        if repeated < LEAST_TURNS:
            position = max(position + 1, end - _SAMPLE + 1)  # in between it is the same
            continue
        # Wherever the loop was entered, its turns are the same: they begin where its steps, as numbers, are least.
        start += min(range(period), key=lambda first: kinds[start + first : start + first + period])
        length = period * -(-least // max(1, size(start, start + period)))
        turns = (end - start) // length
        if turns:
            loops.append((start, length, turns))
            start += turns * length
        free = start
        position = max(position + 1, start)
    return loops


def turns_in(kinds: list[Any], least: int, most: int) -> list[tuple[int, int]]:
    """The turns of the loops of a sequence (see :func:`loops_in`): (first, kinds)."""
    return [
        (first + turn * length, length) for first, length, count in loops_in(kinds, least, most) for turn in range(count)
    ]
