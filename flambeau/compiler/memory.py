"""Where temporaries lie: one arena a plan, places reused as soon as their last reader is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..kernels.contract import ALIGNMENT
from ..kernels.kernel import Operand


class Work(Protocol):
    """A piece of work that reads and writes operands."""

    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]


def plan_arena(work: Sequence[Work], phases: Sequence[int], temporaries: Sequence[Operand]) -> tuple[int, int]:
    """Give each temporary an offset; returns the arena's size, and the sum of all temporaries' sizes.

    A temporary holds its place from the phase that first touches it to the one that last does; within a phase calls
    run side by side, so places change hands only between phases.
    """
    wanted = {id(o) for o in temporaries}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for call, phase in zip(work, phases):
        for operand in (*call.reads, *call.writes):
            if id(operand) in wanted:
                first.setdefault(id(operand), phase)
                last[id(operand)] = phase
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


def _merged(free: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring free places made one."""
    result: list[tuple[int, int]] = []
    for offset, size in sorted(free):
        if result and result[-1][0] + result[-1][1] == offset:
            result[-1] = (result[-1][0], result[-1][1] + size)
        else:
            result.append((offset, size))
    return result
