"""The parts that a trace is assembled of: its steps, segments of composites, and turns of loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph.primitives import LEAF, OUTPUT
from ..graph.segments import SEGMENT, find_structure, numbers_of, segment_of, segment_step
from ..graph.steps import Step, chain_to, count_kept, count_structure, when_forgotten
from .repeats import turns_of


class Part:
    """A part of the trace: what stands for its steps, the places that they have in the trace, and its first number."""

    __slots__ = ("step", "places", "first_number", "turn", "late", "needed")

    def __init__(self, step: Step, places: Sequence[int], first_number: int, turn: bool = False) -> None:
        self.step = step
        self.places = places
        self.first_number = first_number
        self.turn = turn
        segment = step.primitive is SEGMENT
        self.late: bool = step.attributes.late if segment else step.primitive.late
        self.needed = False


def parts_of(last: Step) -> list[Part]:
    """The parts of the trace that ends in ``last``: leaves, steps (further outputs with what they are of), and turns."""
    leaves: list[Part] = []
    parts: list[Part] = []
    numbers = 0
    for step in chain_to(last):
        assert step.parent is not None
        part = Part(step, range(step.parent.depth, step.depth), numbers)
        if step.primitive is LEAF:
            leaves.append(part)
        elif step.primitive is OUTPUT:
            parts[-1] = _together([parts[-1], part])
        else:
            if step.structure is None:
                find_structure(step)
            parts.append(part)
            numbers += step.attributes.numbers if step.primitive is SEGMENT else numbers_of(step.operands)
    whole = leaves
    position = 0
    for first, length in _known_turns([part.step for part in parts]):
        turn = _together(parts[first : first + length])
        turn.turn = True
        whole += parts[position:first]
        whole.append(turn)
        position = first + length
    return whole + parts[position:]


def _together(parts: Sequence[Part]) -> Part:
    """Parts that follow each other as one."""
    own: dict[int, int] = {}
    outside: dict[int, int] = {}
    key: list[Any] = []
    for part in parts:
        for place in part.places:
            own[place] = len(own)
        step = part.step
        key += (step.structure, step.integers)
        for place in step.outside:
            inner = own.get(place)
            key.append(~outside.setdefault(place, len(outside)) if inner is None else inner)
    name = tuple(key)
    segment = _segments.get(name)
    if segment is None:
        count_kept(500 * len(own))
        segment = _segments[name] = segment_of([(part.step, part.places) for part in parts], tuple(outside))
        assert segment is not None
    whole = segment_step(parts[0].step, segment, tuple(outside), parts[0].step.site)
    find_structure(whole)
    return Part(whole, tuple(own), parts[0].first_number)


_segments: dict[Any, Any] = {}
"""Parts put together, by what they consist of."""

_turns_seen: dict[Any, int] = {}
"""How many turns of a loop there were in traces, by what they consist of."""

TURNS_BEFORE_FUSION = 12
"""A loop's turn is fused when there were so many: what does not go on is not worth it."""


def _known_turns(chain: Sequence[Step]) -> list[tuple[int, int]]:
    """The turns of loops that are worth being planned as one."""
    turns: list[tuple[int, int]] = []
    for first, length in turns_of(chain):
        key = tuple([step.structure for step in chain[first : first + length]])
        if key not in _turns_seen:
            count_structure(200 + 16 * length)
        seen = _turns_seen[key] = _turns_seen.get(key, 0) + 1
        if seen > TURNS_BEFORE_FUSION:
            turns.append((first, length))
    return turns


def last_uses(parts: Sequence[Part], live: Sequence[int]) -> dict[int, int]:
    """The last part that reads each place; notes which parts are needed."""
    last: dict[int, int] = {}
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        needed = part.late
        for place in part.places:
            if place in last or live[place]:
                needed = True
                break
        part.needed = needed
        if needed:
            for place in part.step.outside:
                last.setdefault(place, number)
    return last


when_forgotten(_segments.clear)
when_forgotten(_turns_seen.clear, structure=True)
