"""The parts of a trace that are planned alone: primitives, segments of composites, turns of loops."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, chain, compress, pairwise
from typing import Any

import numpy as np

from ..graph.primitives import LEAF, OUTPUT
from ..graph.segments import SEGMENT, find_structure, number_of, numbers_of, segment_of, segment_step, spelled
from ..graph.steps import Step, count_kept, count_structure, when_forgotten
from ..graph.structure import SizedStep
from .arrays import packed
from .repeats import LEAST_PLACES, MOST_STEPS, loops_in


class Row:
    """Parts of one structure that follow each other: turns of a loop, or one part alone (a step, or steps that recur together).

    Each consists of so many ``steps``, which read each other and what is outside, and differs from the others in places, and
    perhaps in integers: what a turn of a growing text reads is longer than what the one before did.
    """

    __slots__ = ("structure", "steps", "integers", "outside", "entries", "width", "first_numbers", "late", "turns")

    def __init__(
        self, structure: int, steps: Sequence[Step], integers: Sequence[tuple[int, ...]], outside: Sequence[int], width: int,
        first_numbers: Sequence[int], late: bool, turns: bool,
    ) -> None:  # fmt: skip
        self.structure = structure
        #: The steps of all parts, one after the other; for each part its integers, and the first of its numbers in the trace.
        self.steps = steps
        self.integers = integers
        self.first_numbers = first_numbers
        #: The places that are read outside: so many ``entries`` of each part, one after the other.
        self.outside = outside
        self.entries = len(outside) // len(integers)
        #: The places that each part takes.
        self.width = width
        #: Whether its steps may find errors late, and whether it is turns of a loop.
        self.late = late
        self.turns = turns

    def steps_of(self, part: int) -> Sequence[Step]:
        """The steps of one of its parts."""
        length = len(self.steps) // len(self.integers)
        return self.steps[part * length : (part + 1) * length]

    def metas(self, part: int, columns: Sequence[int]) -> list[tuple[Any, Any]]:
        """Shape and dtype of what is at some of a part's places."""
        steps = self.steps_of(part)
        begins = [*accumulate([step.attributes.count if step.primitive is SEGMENT else 1 for step in steps], initial=0)]
        metas: list[tuple[Any, Any]] = []
        for column in columns:
            at = bisect_right(begins, column) - 1
            step = steps[at]
            segment = step.primitive is SEGMENT
            metas.append(step.attributes.meta(column - begins[at]) if segment else (step.shape, step.dtype))
        return metas

    def spelled(self, part: int, outside: Sequence[int], places: Sequence[int]) -> list[SizedStep]:
        """A part's steps, segments spelled out; the places that they read are numbered from what is outside on."""
        number = {place: number for number, place in enumerate((*outside, *places))}
        steps: list[SizedStep] = []
        for whole in self.steps_of(part):
            assert whole.parent is not None
            for step in spelled(whole, range(whole.parent.depth, whole.depth)):
                operands = [(place if type(place) is str else number[place], view) for place, view in step.operands]
                steps.append(
                    SizedStep(step.primitive, step.attributes, operands, step.shape, step.dtype, step.compute, step.site)
                )
        return steps


def parts_of(trace: Sequence[Step], depth: int) -> tuple[list[Step], list[Row]]:
    """The leaves of a trace of so many places, and its parts: steps (further outputs with what they are of), and turns. They
    take all other places, in order."""
    for step in trace:
        if step.structure is None:
            find_structure(step)
    if OUTPUT in [step.primitive for step in trace]:
        trace = _with_outputs(trace)
    leaves = [step for step in trace if step.primitive is LEAF]
    steps = [step for step in trace if step.primitive is not LEAF]
    return leaves, _Rows(steps, places_behind(leaves, depth)).found()


def places_behind(leaves: Sequence[Step], depth: int) -> Any:
    """The places of a trace that are no leaves'."""
    others = np.ones(depth, np.bool_)
    others[[leaf.depth - 1 for leaf in leaves]] = False
    return others.nonzero()[0]


class _Rows:
    """Finds the rows of the steps of a trace, which take these places, one behind the other."""

    def __init__(self, steps: Sequence[Any], places: Any) -> None:
        structures = [step.structure for step in steps]
        widths, numbers, late = _facts_of(steps, structures)
        if not widths.all():  # composites that hand their operands on
            kept = widths > 0
            steps, structures = [*compress(steps, kept)], [*compress(structures, kept)]
            widths, numbers, late = widths[kept], numbers[kept], late[kept]
        self._steps: Sequence[Any] = steps
        self._structures: list[int] = structures
        self._places = places
        #: For each step where its places begin, the first of its numbers, and whether it may find errors late.
        self._begins: list[int] = [0, *widths.cumsum().tolist()]
        self._numbers: list[int] = [0, *numbers.cumsum().tolist()]
        self._late: list[bool] = late.tolist()

    def found(self) -> list[Row]:
        """All rows, in order."""
        rows: list[Row] = []
        position = 0
        loops = self._known_loops()
        if not loops:
            self._alone(rows, 0, len(self._steps))
            return rows
        for first, length, count in loops:
            self._between(rows, position, first)
            position = first + length * count
            self._turns(rows, first, length, count)
        self._between(rows, position, len(self._steps))
        return rows

    def _known_loops(self) -> list[tuple[int, int, int]]:
        """The loops whose turns are worth being planned as one: first step, steps of a turn, and turns."""
        structures, begins = self._structures, self._begins
        loops: list[tuple[int, int, int]] = []
        for first, length, count in loops_in(
            structures, LEAST_PLACES, MOST_STEPS, lambda first, end: begins[end] - begins[first]
        ):
            turn = structures[first : first + length]
            if _recurs(turn, TURNS_BEFORE_FUSION, count):
                loops += self._of_one_reading(first, length, count)
                kinds = _kinds.get(turn[0], [])
                if turn not in kinds:
                    _kinds[turn[0]] = [turn, *kinds][:MOST_KINDS]
        return loops

    def _of_one_reading(self, first: int, length: int, count: int) -> list[tuple[int, int, int]]:
        """A loop, cut where the steps of a turn are given more or fewer values than those of the turn before: a segment may not
        need all of them."""
        reading = [len(step.outside) for step in self._steps[first : first + length * count]]
        turns = [reading[begin : begin + length] for begin in range(0, length * count, length)]
        cuts = [0, *[turn for turn in range(1, count) if turns[turn] != turns[turn - 1]], count]
        return [(first + begin * length, length, end - begin) for begin, end in pairwise(cuts)]

    def _alone(self, rows: list[Row], first: int, end: int) -> None:
        """Each step as a part."""
        begins, numbers, late = self._begins, self._numbers, self._late
        for k, step in enumerate(self._steps[first:end], first):
            width = begins[k + 1] - begins[k]
            rows.append(Row(step.structure, (step,), (step.integers,), step.outside, width, (numbers[k],), late[k], False))

    def _between(self, rows: list[Row], first: int, end: int) -> None:
        """What lies between loops: turns that are known from elsewhere, and stretches."""
        structures = self._structures
        position = first
        while position < end:
            for turn in _kinds.get(structures[position], ()):
                behind = position + len(turn)
                if behind <= end and structures[position:behind] == turn:
                    self._stretch(rows, first, position)
                    self._together(rows, position, behind, True)
                    first = position = behind
                    break
            else:
                position += 1
        self._stretch(rows, first, end)

    def _stretch(self, rows: list[Row], first: int, end: int) -> None:
        """What recurs between loops is one part, but for steps that read a value of each turn."""
        steps = self._steps
        for behind in [*[k for k in range(first, end) if len(steps[k].outside) > MOST_READ], end]:
            if behind - first > 1 and _recurs(self._structures[first:behind], STRETCHES_BEFORE_FUSION):
                self._together(rows, first, behind, False)
            else:
                self._alone(rows, first, behind)
            self._alone(rows, behind, min(behind + 1, end))
            first = behind + 1

    def _together(self, rows: list[Row], first: int, end: int, turns: bool) -> None:
        """Steps as one part."""
        steps = self._steps[first:end]
        own = self._places[self._begins[first] : self._begins[end]].tolist()
        reads = [place for step in steps for place in step.outside]
        pattern, columns = _pattern(reads, own)
        structure = self._structure_of(first, end, pattern)
        if not _recurs((structure,), PATTERNS_BEFORE_FUSION):
            self._alone(rows, first, end)
            return
        integers = tuple([number for step in steps for number in step.integers])
        late = any(self._late[first:end])
        outside = [reads[column] for column in columns]
        rows.append(Row(structure, steps, (integers,), outside, len(own), (self._numbers[first],), late, turns))

    def _structure_of(self, first: int, end: int, pattern: Sequence[int]) -> int:
        """The structure of steps that read each other and what is outside in this pattern."""
        reading = [len(step.outside) for step in self._steps[first:end]]
        return number_of((*self._structures[first:end], *reading, *pattern))

    def _turns(self, rows: list[Row], first: int, length: int, count: int) -> None:
        """The turns of a loop, those that follow each other in one row if they read alike."""
        end = first + length * count
        steps = self._steps[first:end]
        reads = packed([place for step in steps for place in step.outside]).reshape(count, -1)
        own = self._places[self._begins[first] : self._begins[end]].reshape(count, -1)
        marks = np.array([-1]).repeat(int(own[-1, -1]) + 1)
        marks[own] = np.arange(count)[:, None]
        integers = _integers_of_turns(steps, count)
        late = any(self._late[first : first + length])
        numbers = self._numbers[first:end:length]
        turn = 0
        while turn < count:
            behind = min(count, turn + TURNS_COMPARED)
            pattern, columns = _pattern(reads[turn].tolist(), own[turn].tolist())
            outside = reads[turn:behind, packed(columns)]
            if behind > turn + 1:
                same = _alike(reads[turn:behind], own[turn:behind], outside, packed(pattern))
                same &= np.logical_and.reduce(marks[outside] != np.arange(turn, behind)[:, None], 1)
                behind = turn + (len(same) if same.all() else int(same.argmin()))
            begin = first + turn * length
            structure = self._structure_of(begin, begin + length, pattern)
            if not _recurs((structure,), PATTERNS_BEFORE_FUSION, behind - turn):
                self._alone(rows, begin, first + behind * length)
                turn = behind
                continue
            of_row = steps[turn * length : behind * length]
            places = outside[: behind - turn].ravel().tolist()
            rows.append(
                Row(structure, of_row, integers[turn:behind], places, own.shape[1], numbers[turn:behind], late, True)
            )
            turn = behind


def _integers_of_turns(steps: Sequence[Step], count: int) -> list[tuple[int, ...]]:
    """The integers of each of so many turns; what is the same as of the turn before is the same object."""
    length = len(steps) // count
    of_steps = [step.integers for step in steps]
    before: list[tuple[int, ...]] = []
    integers: list[tuple[int, ...]] = []
    for first in range(0, len(steps), length):
        wanted = of_steps[first : first + length]
        integers.append(integers[-1] if wanted == before else tuple(chain.from_iterable(wanted)))
        before = wanted
    return integers


def _with_outputs(trace: Sequence[Step]) -> list[Step]:
    """The trace with each step that has further outputs, and these, as one."""
    steps: list[Step] = []
    for step in trace:
        if step.primitive is OUTPUT:
            steps[-1] = _with_output(steps[-1], step)
        else:
            steps.append(step)
    return steps


def _with_output(step: Step, output: Step) -> Step:
    """A step and a further output of it as one."""
    name = step.structure, step.integers, output.structure, output.integers
    segment = _segments.get(name)
    if segment is None:
        assert step.parent is not None
        count_kept(1000)
        steps = [(step, range(step.parent.depth, step.depth)), (output, (output.depth - 1,))]
        segment = _segments[name] = segment_of(steps, step.outside)
    whole = segment_step(step.parent, segment, step.outside, step.site)  # type: ignore[arg-type]
    find_structure(whole)
    return whole


_segments: dict[Any, Any] = {}
"""Steps with further outputs, by what they are."""

_facts: dict[int, int] = {}
"""By structure, three numbers in one: how many places a step takes; how many numbers it is given anew each time, in
:data:`_NUMBERS` bits; and whether it may find errors late, in the last bit."""
_NUMBERS = 30


def _facts_of(steps: Sequence[Step], structures: Sequence[int]) -> tuple[Any, Any, Any]:
    """How many places each of the steps takes that have these structures, its numbers, and whether it may find errors late."""
    found = [*map(_facts.get, structures)]
    if None in found:
        found = [_fact_of(step) if fact is None else fact for step, fact in zip(steps, found)]
    facts = packed(found)  # type: ignore[arg-type]
    return facts >> 1 + _NUMBERS, facts >> 1 & (1 << _NUMBERS) - 1, (facts & 1).astype(np.bool_)


def _fact_of(step: Step) -> int:
    segment = step.attributes if step.primitive is SEGMENT else None
    numbers = numbers_of(step.operands) if segment is None else segment.numbers
    late = step.primitive.late if segment is None else segment.late
    width = 1 if segment is None else segment.count
    count_structure(100)
    fact: int = (width << _NUMBERS | numbers) << 1 | late
    _facts[step.structure] = fact
    return fact


# --- turns of loops ---------------------------------------------------------------------------------------------------

TURNS_COMPARED = 256
"""So many turns are compared with the first at once."""

_seen: dict[Any, int] = {}
"""How many turns of a loop, and stretches between loops, there were in traces, by the structures of their steps."""

_kinds: dict[int, list[Sequence[int]]] = {}
"""The structures of turns that are worth it, by that of their first step: where a loop has turns of several kinds, in any order,
there are some that nothing like them follows."""
MOST_KINDS = 8
"""So many kinds of turns that begin alike."""

TURNS_BEFORE_FUSION, STRETCHES_BEFORE_FUSION = 12, 3
"""They are fused when there were so many: what does not go on is not worth it."""
PATTERNS_BEFORE_FUSION = 2
"""And when they have read each other and what is outside in the same way so often: in a tree, each turn may do so in its own."""
MOST_READ = 5
"""Values that a step reads which is part of others."""


def _recurs(structures: Sequence[int], times: int, count: int = 1) -> bool:
    """Note that these steps follow each other, so many times; whether they have done so more than so many ``times``."""
    key = tuple(structures)
    if key not in _seen:
        count_structure(200 + 16 * len(key))
    seen = _seen[key] = _seen.get(key, 0) + count
    return seen > times


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
    inside = own.shape[1]
    expected = np.concatenate([own, outside], 1)[:, np.where(pattern < 0, inside + ~pattern, pattern)]
    same = np.logical_and.reduce(reads == expected, 1)
    ordered = np.sort(outside, 1)
    same &= np.logical_and.reduce(ordered[:, 1:] != ordered[:, :-1], 1)
    return same


when_forgotten(_segments.clear)
when_forgotten(_facts.clear, structure=True)
when_forgotten(_seen.clear, structure=True)
when_forgotten(_kinds.clear, structure=True)
