"""The parts of a trace that are planned alone: primitives, segments of composites, turns of loops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph.primitives import LEAF, OUTPUT
from ..graph.segments import SEGMENT, find_structure, number_of, numbers_of, segment_of, segment_step, spelled
from ..graph.steps import Step, count_kept, count_structure, when_forgotten
from ..graph.structure import SizedStep
from .repeats import turns_of


class Body:
    """What a part consists of: steps that read each other and what is outside. The turns of a loop have one body.

    Its steps are those of one place in the trace, ``places``, and what they read there is at ``outside``.
    """

    __slots__ = ("steps", "structure", "integers", "places", "outside", "numbers", "late", "turn")

    def __init__(
        self, steps: Sequence[Step], structure: Any, integers: tuple[int, ...], places: Sequence[int],
        outside: Sequence[int], turn: bool = False,
    ) -> None:  # fmt: skip
        self.steps = steps
        self.structure = structure
        self.integers = integers
        self.places = places
        self.outside = outside
        self.turn = turn
        facts = [_facts_of(step) for step in steps]
        #: How many numbers it is given anew each time, and whether one of its steps may find errors late.
        self.numbers: int = sum([numbers for numbers, _ in facts])
        self.late: bool = any([late for _, late in facts])

    def metas(self) -> list[tuple[Any, Any]]:
        """Shape and dtype of what is at each of its places."""
        metas: list[tuple[Any, Any]] = []
        for step in self.steps:
            if step.primitive is SEGMENT:
                metas += [(shape, d) for _, _, _, shape, d, _ in step.attributes.steps]
            else:
                metas.append((step.shape, step.dtype))
        return metas

    def spelled(self) -> list[SizedStep]:
        """Its steps, segments spelled out; the places that they read are numbered from what is outside on."""
        number = {place: number for number, place in enumerate((*self.outside, *self.places))}
        steps: list[SizedStep] = []
        for whole in self.steps:
            assert whole.parent is not None
            for step in spelled(whole, range(whole.parent.depth, whole.depth)):
                operands = [(place if type(place) is str else number[place], view) for place, view in step.operands]
                steps.append(
                    SizedStep(step.primitive, step.attributes, operands, step.shape, step.dtype, step.compute, step.site)
                )
        return steps


class Part:
    """A body at the places that it has in the trace, and the first of its numbers among the trace's."""

    __slots__ = ("body", "places", "outside", "first_number", "needed")

    def __init__(self, body: Body, places: Sequence[int], outside: Sequence[int], first_number: int) -> None:
        self.body = body
        self.places = places
        self.outside = outside
        self.first_number = first_number
        self.needed = False


def parts_of(chain: Sequence[Step]) -> tuple[list[Step], list[Part]]:
    """The leaves of a trace, and its parts: steps (further outputs with what they are of), and turns."""
    leaves: list[Step] = []
    steps: list[Step] = []
    firsts: list[int] = []
    numbers = 0
    for step in chain:
        if step.primitive is LEAF:
            leaves.append(step)
            continue
        if step.parent is not None and step.depth == step.parent.depth:
            continue  # a composite that hands its operands on
        if step.structure is None:
            find_structure(step)
        if step.primitive is OUTPUT:
            steps[-1] = _with_output(steps[-1], step)
            continue
        steps.append(step)
        firsts.append(numbers)
        numbers += _facts_of(step)[0]
    loops = _known_loops(steps)
    if not loops:
        return leaves, _single(steps, firsts)
    parts: list[Part] = []
    position = 0
    for first, length, count in loops:
        parts += _between(steps[position:first], firsts[position:first])
        position = first + length * count
        parts += _turns(steps[first:position], firsts[first:position:length])
    parts += _between(steps[position:], firsts[position:])
    return leaves, parts


def _between(steps: Sequence[Step], firsts: Sequence[int]) -> list[Part]:
    """What lies between loops: as it recurs with them it is one part, but for steps that read a value of each turn."""
    parts: list[Part] = []
    position = 0
    for number in [*[k for k, step in enumerate(steps) if len(step.outside) > MOST_READ], len(steps)]:
        stretch, numbers = steps[position:number], firsts[position:number]
        if len(stretch) > 1 and _recurs([step.structure for step in stretch], STRETCHES_BEFORE_FUSION):
            parts += _turns(stretch, numbers[:1], turn=False)
        else:
            parts += _single(stretch, numbers)
        parts += _single(steps[number : number + 1], firsts[number : number + 1])
        position = number + 1
    return parts


def _single(steps: Sequence[Step], firsts: Sequence[int]) -> list[Part]:
    """Each step as a part."""
    parts = []
    for step, first in zip(steps, firsts):
        assert step.parent is not None
        places = range(step.parent.depth, step.depth)
        body = Body((step,), step.structure, step.integers, places, step.outside)
        parts.append(Part(body, places, step.outside, first))
    return parts


def _with_output(step: Step, output: Step) -> Step:
    """A step and a further output of it as one."""
    name = step.structure, step.integers, output.structure, output.integers
    segment = _segments.get(name)
    if segment is None:
        assert step.parent is not None
        count_kept(1000)
        chain = [(step, range(step.parent.depth, step.depth)), (output, (output.depth - 1,))]
        segment = _segments[name] = segment_of(chain, step.outside)
    whole = segment_step(step.parent, segment, step.outside, step.site)  # type: ignore[arg-type]
    find_structure(whole)
    return whole


_segments: dict[Any, Any] = {}
"""Steps with further outputs, by what they are."""

_facts: dict[int, tuple[int, bool]] = {}
"""By structure, how many numbers a step is given anew each time, and whether it may find errors late."""


def _facts_of(step: Step) -> tuple[int, bool]:
    known = _facts.get(step.structure)
    if known is None:
        if step.primitive is SEGMENT:
            known = step.attributes.numbers, step.attributes.late
        else:
            known = numbers_of(step.operands), step.primitive.late
        count_structure(150)
        _facts[step.structure] = known
    return known


# --- turns of loops ---------------------------------------------------------------------------------------------------

TURNS_COMPARED = 256
"""So many turns are compared with the first at once."""

_seen: dict[Any, int] = {}
"""How many turns of a loop, and stretches between loops, there were in traces, by the structures of their steps."""

TURNS_BEFORE_FUSION, STRETCHES_BEFORE_FUSION = 12, 3
"""They are fused when there were so many: what does not go on is not worth it."""
MOST_READ = 16
"""Values that a step reads which is part of others."""


def _recurs(structures: Sequence[Any], times: int) -> bool:
    """Note that these steps follow each other; whether they have done so more than so many ``times``."""
    key = tuple(structures)
    if key not in _seen:
        count_structure(200 + 16 * len(key))
    seen = _seen[key] = _seen.get(key, 0) + 1
    return seen > times


def _known_loops(steps: Sequence[Step]) -> list[list[int]]:
    """The loops whose turns are worth being planned as one: first step, steps of a turn, and turns of the same steps."""
    loops: list[list[int]] = []
    last: Any = None
    for first, length in turns_of(steps):
        turn = steps[first : first + length]
        before = turn[0].parent
        if before is not None and before.depth == turn[-1].depth:
            continue  # composites that recorded nothing, only looked at values in another way
        structures = [step.structure for step in turn]
        if not _recurs(structures, TURNS_BEFORE_FUSION):
            continue
        shape = structures, [len(step.outside) for step in turn]
        if loops and shape == last and first == loops[-1][0] + length * loops[-1][2]:
            loops[-1][2] += 1
        else:
            loops.append([first, length, 1])
        last = shape
    return loops


def _turns(steps: Sequence[Step], firsts: Sequence[int], turn: bool = True) -> list[Part]:
    """The turns of a loop as parts, those that follow each other with one body if they differ in nothing but their places."""
    count = len(firsts)
    length = len(steps) // count
    integers = [step.integers for step in steps]
    reads = np.array([place for step in steps for place in step.outside], np.int64).reshape(count, -1)
    ends = np.array([step.depth for step in steps], np.int64).reshape(count, length)
    column: list[int] = []
    back: list[int] = []
    for number, step in enumerate(steps[:length]):
        assert step.parent is not None
        taken = step.depth - step.parent.depth
        column += [number] * taken
        back += range(taken, 0, -1)
    own = ends[:, column] - back
    marks = np.full(steps[-1].depth, -1, np.int64)
    marks[own] = np.arange(count)[:, None]
    parts: list[Part] = []
    first = 0
    while first < count:
        wanted = integers[first * length : (first + 1) * length]
        behind = first + 1
        while behind < min(count, first + TURNS_COMPARED) and integers[behind * length : (behind + 1) * length] == wanted:
            behind += 1
        places = own[first:behind]
        pattern, columns = _pattern(reads[first].tolist(), places[0].tolist())
        outside = reads[first:behind, np.array(columns, np.int64)]
        alike = 1
        if behind > first + 1:
            same = _alike(reads[first:behind], places, outside, np.array(pattern, np.int64))
            same &= (marks[outside] != np.arange(first, behind)[:, None]).all(1)
            alike = len(same) if same.all() else int(same.argmin())
        of_turn = steps[first * length : (first + 1) * length]
        structures, reading = [step.structure for step in of_turn], [len(step.outside) for step in of_turn]
        structure = number_of((*structures, *reading, *pattern))
        of_places, of_outside = places[:alike].tolist(), outside[:alike].tolist()
        body = Body(of_turn, structure, tuple([n for each in wanted for n in each]), of_places[0], of_outside[0], turn)
        parts += [Part(body, *each) for each in zip(of_places, of_outside, firsts[first : first + alike])]
        first += alike
    return parts


def _pattern(reads: Sequence[int], own: Sequence[int]) -> tuple[list[int], list[int]]:
    """What a turn reads: the numbers of its own values, complements of those of others; and where it first reads these."""
    inner = {place: number for number, place in enumerate(own)}
    outside: dict[int, int] = {}
    columns: list[int] = []
    pattern: list[int] = []
    for column, place in enumerate(reads):
        number = inner.get(place)
        if number is None:
            if place not in outside:
                outside[place] = len(outside)
                columns.append(column)
            number = ~outside[place]
        pattern.append(number)
    return pattern, columns


def _alike(reads: Any, own: Any, outside: Any, pattern: Any) -> Any:
    """Which turns (rows) read what the pattern says, each value from outside being another."""
    inner = pattern >= 0
    same = (reads[:, inner] == own[:, pattern[inner]]).all(1)
    same &= (reads[:, ~inner] == outside[:, ~pattern[~inner]]).all(1)
    ordered = np.sort(outside, 1)
    same &= (ordered[:, 1:] != ordered[:, :-1]).all(1)
    return same


def note_uses(parts: Sequence[Part], live: Sequence[int], last: Any) -> None:
    """Note for each place the last part that reads it (in ``last``, where -1 stands for none), and which parts are needed."""
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        needed = part.body.late
        if not needed:
            for place in part.places:
                if last[place] >= 0 or live[place]:
                    needed = True
                    break
        part.needed = needed
        if needed:
            for place in part.outside:
                if last[place] < 0:
                    last[place] = number


when_forgotten(_segments.clear)
when_forgotten(_facts.clear, structure=True)
when_forgotten(_seen.clear, structure=True)
