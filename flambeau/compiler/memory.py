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
    free: list[tuple[int, int]] = []  # (offset, size), by offset
    busy: list[tuple[int, int, int]] = []  # (last phase, offset, size)
    end = 0
    for operand in sorted(temporaries, key=lambda o: first[id(o)]):
        phase = first[id(operand)]
        done = [b for b in busy if b[0] < phase]
        if done:
            busy = [b for b in busy if b[0] >= phase]
            free = _merged(free + [(offset, size) for _, offset, size in done])
        size = -(-max(operand.bytes, 1) // ALIGNMENT) * ALIGNMENT + ALIGNMENT
        fitting = [f for f in free if f[1] >= size]
        if fitting:
            offset, room = min(fitting, key=lambda f: f[1])
            free.remove((offset, room))
            if room > size:
                free.append((offset + size, room - size))
        elif free and max(free)[0] + max(free)[1] == end:
            offset, room = max(free)
            free.remove((offset, room))
            end = offset + size
        else:
            offset = end
            end += size
        operand.offset = offset
        busy.append((last[id(operand)], offset, size))
    return end, sum(o.bytes for o in temporaries)


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


def _merged(free: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring free places made one."""
    result: list[tuple[int, int]] = []
    for offset, size in sorted(free):
        if result and result[-1][0] + result[-1][1] == offset:
            result[-1] = (result[-1][0], result[-1][1] + size)
        else:
            result.append((offset, size))
    return result
