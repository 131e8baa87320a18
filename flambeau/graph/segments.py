"""Segments: steps that recur together, wherever in a trace they are recorded.

A step of the trie belongs to one place of one trace. What a composite records (:mod:`flambeau.core.composite`) is the same
steps each time that its operands have the same shapes, dtypes and views: a :class:`Segment`, which knows its steps by their
distance. In the trie it is one step, so that the same optimiser's update behind a forward pass that is new costs what one step
costs, whatever it consists of.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, count
from typing import Any

from .dtypes import DType, scalar_dtype
from .primitives import Primitive
from .rules import Meta, Result
from .shapes import MOVED, Size
from .steps import Operand, Step, count_structure, when_forgotten
from .structure import SizedStep, spread, with_integers


def _no_rule(attributes: Any, metas: list[Meta]) -> Result:
    raise AssertionError("segments are recorded whole")


SEGMENT = Primitive("segment", "segment", _no_rule)
"""What the step of a segment has in place of a primitive: its attributes are the segment, its operands those from outside."""

_structures: dict[Any, int] = {}
_numbers = count()


def number_of(structure: Any) -> int:
    """A number that stands for a structure."""
    found = _structures.get(structure)
    if found is None:
        count_structure(400)
        found = _structures[structure] = next(_numbers)  # never one that was used before
    return found


_Step = tuple[Primitive, Any, Sequence[tuple[Any, Any]], Sequence[int], DType, DType]
"""A step of a segment: primitive, attributes, operands, shape, dtype, and the dtype in which it computes."""


class Segment:
    """Steps in which places from 0 on are their own, and the complement of a number names an operand from outside."""

    __slots__ = ("_steps", "_like", "_begins", "count", "own", "structure", "integers", "numbers", "late")

    def __init__(self, steps: list[_Step], own: int) -> None:
        self._steps: list[_Step] | None = steps
        self._like: Segment | None = None
        self.count = len(steps)
        #: Bytes that they count against the budget.
        self.own = own
        spreads = [spread(SizedStep(*step, None)) for step in steps]
        #: How many numbers they are given anew each time, and whether one of them may find errors late.
        self.numbers = sum([numbers_of(operands) for _, _, operands, *_ in steps])
        self.late = any([primitive.late for primitive, *_ in steps])
        #: What it has in common with segments of other sizes, and the integers in which it differs from them.
        self.structure = number_of(tuple([(structure, outside) for structure, _, outside in spreads]))
        self.integers = tuple([n for _, integers, _ in spreads for n in integers])
        #: Where among them those of each step begin, with its shape.
        self._begins = [*accumulate([len(integers) for _, integers, _ in spreads], initial=0)]

    def at(self, integers: tuple[int, ...], own: int) -> Segment:
        """The segment of the same structure with other integers."""
        made: Segment = object.__new__(Segment)
        made._steps, made._like, made._begins, made.count = None, self, self._begins, self.count
        made.own, made.structure, made.integers = own, self.structure, integers
        made.numbers, made.late = self.numbers, self.late
        return made

    @property
    def steps(self) -> list[_Step]:
        """The steps, spelled out when somebody asks for them."""
        if self._steps is None:
            assert self._like is not None
            following = iter(self.integers)
            sized = [with_integers(SizedStep(*step, None), following) for step in self._like.steps]
            self._steps = [step[:-1] for step in sized]
        return self._steps


    def meta(self, number: int) -> tuple[Sequence[int], DType]:
        """Shape and dtype of what one of the steps gives."""
        if self._steps is not None:
            _, _, _, shape, d, _ = self._steps[number]
            return shape, d
        assert self._like is not None
        shape, d = self._like.meta(number)
        begin = self._begins[number]
        return self.integers[begin : begin + len(shape)], d


def numbers_of(operands: Sequence[Operand]) -> int:
    """How many numbers a step's operands are given anew each time."""
    return sum([type(place) is str or view is not None and view.offset == MOVED for place, view in operands])


def segment_of(chain: Sequence[tuple[Step, Sequence[int]]], outside: Sequence[int]) -> Segment | None:
    """The segment of steps, each with the places that it takes; None if they read others than each other's and the places
    ``outside``."""
    numbers: dict[int, Any] = {place: ~number for number, place in enumerate(outside)}
    for _, places in chain:
        for place in places:
            numbers[place] = len(numbers) - len(outside)
    steps: list[_Step] = []
    for whole, places in chain:
        for step in spelled(whole, places):
            operands: list[Operand] = []
            for place, view in step.operands:
                if type(place) is int and place not in numbers:
                    return None
                operands.append((numbers[place] if type(place) is int else place, view))
            steps.append((step.primitive, step.attributes, tuple(operands), step.shape, step.dtype, step.compute))
    return Segment(steps, sum(step.own for step, _ in chain))


_all_of: list[Operand] = []
"""The operand that reads all of the value at each place: most steps have some, and share them."""


def segment_step(parent: Step, segment: Segment, places: Sequence[int], site: tuple[str, int] | None) -> Step:
    """The step that stands for a segment behind ``parent``, its operands being at these places."""
    global _all_of
    known = _all_of
    if len(known) < parent.depth:  # in a list of its own: other threads do the same
        known = _all_of = [*known, *[(place, None) for place in range(len(known), 2 * parent.depth)]]
    operands = tuple([known[place] for place in places])
    none = scalar_dtype("b")
    return Step(parent, SEGMENT, segment, operands, Size(), none, none, site, segment.count, segment.own)


def spelled(step: Step, places: Sequence[int]) -> list[Any]:
    """The steps that one stands for, at these places of a trace: itself, unless it is a segment's."""
    if step.primitive is not SEGMENT:
        return [step]
    segment: Segment = step.attributes
    outside = [place for place, _ in step.operands]
    steps = []
    for primitive, attributes, given, shape, d, compute in segment.steps:
        operands = [
            (place if type(place) is str else places[place] if place >= 0 else outside[~place], view) for place, view in given
        ]
        steps.append(SizedStep(primitive, attributes, operands, shape, d, compute, step.site))
    return steps


def expanded(chain: Sequence[Step]) -> list[Any]:
    """The steps of a trace from its beginning with segments spelled out: one for each place."""
    steps: list[Any] = []
    for step in chain:
        if step.primitive is SEGMENT:
            steps += spelled(step, range(len(steps), step.depth))
        else:
            steps.append(step)
    return steps


def find_structure(step: Step) -> None:
    """Note with a step its structure, its integers and the places that it reads (see :func:`.structure.spread`)."""
    if step.primitive is SEGMENT:
        segment: Segment = step.attributes
        step.outside = tuple([place for place, _ in step.operands])
        step.structure, step.integers = segment.structure, segment.integers  # last: it tells that all is there, and signals come
    else:
        structure, step.integers, step.outside = spread(step)
        step.structure = number_of(structure)


when_forgotten(_structures.clear, structure=True)
