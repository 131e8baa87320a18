"""Where temporaries lie: one arena a plan, places reused as soon as their last reader is done."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Protocol

from ..kernels.contract import ALIGNMENT
from ..kernels.kernel import Operand
from ..kernels.symbols import largest, value_of


class Work(Protocol):
    """A piece of work that reads and writes operands."""

    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]


def plan_arena(work: Sequence[Work], phases: Sequence[int], temporaries: Sequence[Operand]) -> tuple[int, int]:
    """Give each temporary an offset; returns the arena's size, and the sum of all temporaries' sizes.

    A temporary holds its place from the phase that first touches it to the one that last does; within a phase calls
    run side by side, so places change hands only between phases.
    """
    first, last = _lives(work, phases, temporaries)
    free = FreePlaces()
    busy: list[tuple[int, int, int]] = []  # (last phase, offset, size)
    for operand in sorted(temporaries, key=lambda o: first[id(o)]):
        phase = first[id(operand)]
        for _, offset, size in [b for b in busy if b[0] < phase]:
            free.give(offset, size)
        busy = [b for b in busy if b[0] >= phase]
        size = -(-max(operand.bytes, 1) // ALIGNMENT) * ALIGNMENT + ALIGNMENT
        operand.offset = free.take(size)
        busy.append((last[id(operand)], operand.offset, size))
    return free.end, sum(o.bytes for o in temporaries)


class FreePlaces:
    """The free places of an arena that grows where none fits."""

    __slots__ = ("end", "_places")

    def __init__(self) -> None:
        #: Bytes of the arena.
        self.end = 0
        self._places: list[tuple[int, int]] = []  # (offset, size), by offset; no two adjoin

    def give(self, offset: int, size: int) -> None:
        """Free a place."""
        places = self._places
        at = bisect_left(places, (offset, 0))
        if at < len(places) and places[at][0] == offset + size:
            size += places.pop(at)[1]
        if at and places[at - 1][0] + places[at - 1][1] == offset:
            offset, before = places.pop(at - 1)
            size += before
            at -= 1
        places.insert(at, (offset, size))

    def take(self, size: int) -> int:
        """The offset of a place of ``size`` bytes: in the smallest free one that has so many, or at the end."""
        places = self._places
        if not places:
            offset, self.end = self.end, self.end + size
            return offset
        best = min([(room, at) for at, (_, room) in enumerate(places) if room >= size], default=None)
        if best is not None:
            room, at = best
            offset, _ = places[at]
            places[at : at + 1] = [(offset + size, room - size)] if room > size else []
            return offset
        if sum(places[-1]) == self.end:
            offset, _ = places.pop()
        else:
            offset = self.end
        self.end = offset + size
        return offset


def share_places(
    work: Sequence[Work], phases: Sequence[int], temporaries: Sequence[Operand]
) -> list[list[int]]:
    """Which temporaries (as numbers) take turns in one place, where sizes are symbolic.

    It is decided by the sizes at hand, and holds for all: no two of a place are alive at once.
    """
    first, last = _lives(work, phases, temporaries)
    places: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (size, place), by size
    busy: list[tuple[int, int, int]] = []  # (last phase, size, place), a heap
    for number in sorted(range(len(temporaries)), key=lambda number: first[id(temporaries[number])]):
        operand = temporaries[number]
        size = value_of(operand.bytes)
        while busy and busy[0][0] < first[id(operand)]:
            insort(free, heappop(busy)[1:])
        if free:
            kept, place = free.pop(min(bisect_left(free, (size, 0)), len(free) - 1))
            places[place].append(number)
            size = max(size, kept)
        else:
            place = len(places)
            places.append([number])
        heappush(busy, (last[id(operand)], size, place))
    return places


def lay_out(temporaries: Sequence[Operand], places: Sequence[Sequence[int]]) -> tuple[int, int]:
    """As :func:`plan_arena`, each place being as large as the largest of those that take turns in it."""
    end: int = 0
    for place in places:
        sharing = [temporaries[number] for number in place]
        for operand in sharing:
            operand.offset = end
        end += -(-largest([1, *[operand.bytes for operand in sharing]]) // ALIGNMENT) * ALIGNMENT + ALIGNMENT
    return end, sum(o.bytes for o in temporaries)


def _lives(
    work: Sequence[Work], phases: Sequence[int], temporaries: Sequence[Operand]
) -> tuple[dict[int, int], dict[int, int]]:
    """The first and the last phase that touches each temporary, by its identity."""
    wanted = {id(o) for o in temporaries}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for call, phase in zip(work, phases):
        for operand in (*call.reads, *call.writes):
            if id(operand) in wanted:
                first.setdefault(id(operand), phase)
                last[id(operand)] = phase
    return first, last
