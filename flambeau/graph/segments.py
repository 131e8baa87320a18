"""Segments: steps that recur together, wherever in a trace they are recorded.

A step of the trie belongs to one place of one trace. What a composite records (:mod:`flambeau.core.composite`) is the same
steps each time that its operands have the same shapes, dtypes and views: a :class:`Segment`, which knows its steps by their
distance. In the trie it is one step, so that the same optimiser's update behind a forward pass that is new costs what one step
costs, whatever it consists of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .dtypes import DType, scalar_dtype
from .primitives import Primitive
from .rules import Meta, Result
from .shapes import Size, View
from .steps import Operand, Step
from .structure import SizedStep, spread


def _no_rule(attributes: Any, metas: list[Meta]) -> Result:
    raise AssertionError("segments are recorded whole")


SEGMENT = Primitive("segment", "segment", _no_rule)
"""What the step of a segment has in place of a primitive: its attributes are the segment, its operands those from outside."""

_structures: dict[Any, object] = {}
"""One object for each structure of segments."""


class Segment:
    """Steps in which places from 0 on are their own, and the complement of a number names an operand from outside."""

    __slots__ = ("steps", "own", "structure", "integers")

    def __init__(self, steps: list[tuple[Primitive, Any, tuple[Operand, ...], Size, DType, DType]], own: int) -> None:
        self.steps = steps
        #: Bytes that they count against the budget.
        self.own = own
        spreads = [spread(SizedStep(*step, None)) for step in steps]
        structure = tuple([structure for structure, _ in spreads])
        #: What it has in common with segments of other sizes (by identity), and the integers in which it differs.
        self.structure = _structures.setdefault(structure, object())
        self.integers = tuple([n for _, integers in spreads for n in integers])


def segment_of(chain: Sequence[Step], start: int, outside: Sequence[int]) -> Segment | None:
    """The segment of the steps from place ``start`` on; None if they read others than each other and the places ``outside``."""
    numbers: dict[Any, int] = {place: ~number for number, place in enumerate(outside)}
    steps = []
    for step in expanded(chain):
        operands: list[Operand] = []
        for place, view in step.operands:
            if type(place) is int:
                place = place - start if place >= start else numbers.get(place)
                if place is None:
                    return None
            operands.append((place, view))
        steps.append((step.primitive, step.attributes, tuple(operands), step.shape, step.dtype, step.compute))
    return Segment(steps, sum(step.own for step in chain))


def segment_step(parent: Step, segment: Segment, places: Sequence[int], site: tuple[str, int] | None) -> Step:
    """The step that stands for a segment behind ``parent``, its operands being at these places."""
    operands: tuple[tuple[Any, View | None], ...] = tuple([(place, None) for place in places])
    none = scalar_dtype("b")
    return Step(parent, SEGMENT, segment, operands, Size(), none, none, site, len(segment.steps), segment.own)


def expanded(chain: Sequence[Step]) -> list[Any]:
    """The steps with segments spelled out: one for each place."""
    if all(step.primitive is not SEGMENT for step in chain):
        return list(chain)
    steps: list[Any] = []
    for step in chain:
        if step.primitive is not SEGMENT:
            steps.append(step)
            continue
        segment: Segment = step.attributes
        start = step.depth - len(segment.steps)
        outside = [place for place, _ in step.operands]
        for primitive, attributes, operands, shape, d, compute in segment.steps:
            spelled = [
                (place if type(place) is str else start + place if place >= 0 else outside[~place], view)
                for place, view in operands
            ]
            steps.append(SizedStep(primitive, attributes, spelled, shape, d, compute, step.site))
    return steps


def structure_of(step: Step) -> tuple[Any, tuple[int, ...]]:
    """As :func:`.structure.spread`, also for the step of a segment."""
    if step.primitive is not SEGMENT:
        return spread(step)
    segment: Segment = step.attributes
    return (segment.structure, *[place for place, _ in step.operands]), segment.integers


def forget_segments() -> None:
    """Let go what segments have in common."""
    _structures.clear()
