"""Runs of steps that follow each other again and again: the turns of a loop, the layers of a network.

Steps are compared by their structure alone (:mod:`flambeau.graph.structure`), so a turn is found again at another size, and
whatever it reads from before it. Each turn becomes a segment, which the compiler plans once for all.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.steps import Step

LEAST_STEPS = 6
"""Steps of a turn, at least: shorter ones are put together to turns of this length."""
MOST_STEPS = 600
"""Steps of a turn, at most."""
LEAST_TURNS = 3
"""How often a run must follow itself to count as a loop."""
_SAMPLE = 4
"""So many steps in sequence make a place worth a closer look."""


def turns_of(chain: Sequence[Step]) -> list[tuple[int, int]]:
    """The turns of loops in a trace: (first step, number of steps), in order; what belongs to no loop is left out.

    Takes time in proportion to the length of the trace (and of its loops).
    """
    kinds = [step.structure for step in chain]
    turns: list[tuple[int, int]] = []
    seen: dict[tuple[int, ...], int] = {}
    position, count = 0, len(kinds)
    free = 0  # what lies before belongs to a loop already
    while position + _SAMPLE <= count:
        sample = tuple(kinds[position : position + _SAMPLE])
        before = seen.get(sample, -1)
        seen[sample] = position
        period = position - before
        if before < free or period > MOST_STEPS or position < free:
            position += 1
            continue
        end = position
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
        length = period * -(-LEAST_STEPS // period)
        while start + length <= end:
            turns.append((start, length))
            start += length
        free = start
        position = max(position + 1, start)
    return turns
