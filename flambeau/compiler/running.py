"""Running a plan: finding memory, binding addresses, one native call, and giving values their memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, repeat, starmap
from operator import attrgetter
from typing import Any

import numpy as np

from ..cpu.kernel import Operand
from ..cpu.memory import Buffer, allocate
from ..cpu.recurring import Recurring
from ..cpu.runner import STEP_BYTES
from ..graph.trace import Node, Trace, picker
from .lower import Late
from .plan import Plan
from .templates import HostCall

_consume: Any = deque(maxlen=0).extend
_address: Any = attrgetter("address")
_buffer: Any = attrgetter("buffer")
_set_buffer: Any = vars(Node)["buffer"].__set__
_set_ended: Any = vars(Trace)["ended"].__set__
_set_trace: Any = vars(Node)["trace"].__set__


class Arranged:
    """A plan, and where in a trace's list of nodes those are that it reads and binds.

    ``places`` are the nodes' places in the trace: where composites were recorded by one look-up, nodes are missing.
    """

    __slots__ = ("plan", "_leaves", "_bound", "_values", "_ended", "_numbers")

    def __init__(self, plan: Plan, places: Sequence[int]) -> None:
        self.plan = plan
        index = {place: number for number, place in enumerate(places)}
        # A value that nobody can hold is an output too if computing it may find an error.
        outputs = [
            (index[place], output) for place, output in zip(plan.output_places, plan.output_of_place) if place in index
        ]
        self._leaves = picker([index[place] for place in plan.leaf_places])
        self._bound = picker([node for node, _ in outputs])
        self._values = picker([output for _, output in outputs])
        self._ended = picker([*[node for node, _ in outputs], *[index[place] for place in plan.places_of_entry]])
        self._numbers = picker(plan.number_indices)

    def run(self, trace: Trace, nodes: list[Node], timings: list[np.ndarray] | None = None) -> Late | None:
        """Compute and bind the needed values. Returns the error that was found, in which case nothing was bound.

        ``timings`` takes an array for each native run: how long its steps took, one after the other on one thread.
        """
        with self.plan.lock:
            return self._run(trace, nodes, timings)

    def _run(self, trace: Trace, nodes: list[Node], timings: list[np.ndarray] | None) -> Late | None:
        plan = self.plan
        leaves = list(map(_buffer, self._leaves(nodes)))
        threads = plan.runner.pool.num_threads  # read once: memory and run must agree
        buffers, arena = _take_memory(plan, leaves, threads)
        numbers = trace.numbers
        for position, fixed, number, unit in plan.moved:
            plan.arguments[position] = fixed + numbers[number] * unit
        cell = plan.cell_and_table
        plan.table.pack_into(
            cell,  # type: ignore[arg-type]
            0,
            0,
            0,
            plan.cell_address,
            arena.address,
            *map(_address, leaves),
            *map(_address, buffers),
            *self._numbers(numbers),
        )
        bound = self._bound(nodes)
        segments = plan.segments
        if len(segments) > 1:
            for segment in segments[:-1]:
                if _run_segment(plan, segment, leaves, buffers, arena, threads, numbers, timings):
                    return plan.late[int(cell[0]) - 1].found(int(cell[1]))
        # The last run, all bindings and the end of the trace are one call, so that no signal can come in between: what was
        # overwritten in place is bound again, or nothing was overwritten.
        _consume(
            chain(
                _prepared(plan, leaves, buffers, arena, threads, numbers, timings),
                map(_set_buffer, bound, self._values(buffers)),
                map(_set_trace, self._ended(nodes), repeat(None)),
                map(_set_ended, (trace,), (True,)),
            )
        )
        if cell[0]:
            trace.ended = False
            _consume(map(_set_buffer, bound, repeat(None)))
            _consume(map(_set_trace, bound, repeat(trace)))
            return plan.late[int(cell[0]) - 1].found(int(cell[1]))
        return None


def _take_memory(plan: Plan, leaves: list[Any], threads: int) -> tuple[list[Any], Buffer]:
    """Memory of the outputs, some of which take a leaf's, and memory to work in."""
    memory = plan.memory.get(threads)
    if memory is None:
        taking = {output for _, output, _ in plan.donations}
        sizes = [size for output, size in enumerate(plan.outputs) if output not in taking]
        memory = Recurring([*sizes, plan.arena_bytes + plan.scratch_stride * threads])
        plan.memory = {threads: memory}
    buffers: list[Any] = memory.take()
    arena = buffers.pop()
    for leaf, output, content in plan.donations:
        held: Any = leaves[leaf if leaf >= 0 else ~leaf]
        size = plan.outputs[output]
        if leaf < 0 or not held.recyclable or held.ever_exposed and held.exposed():
            held = held.copy(size) if content else allocate(size)
        buffers.insert(output, held)
    return buffers, arena


def _prepared(
    plan: Plan, leaves: list[Any], buffers: list[Any], arena: Buffer, threads: int, numbers: list[float], timings: Any
) -> Iterator[Any]:
    """An iterator that runs the last segment when it is advanced."""
    if not plan.segments:
        return iter(())
    segment = plan.segments[-1]
    if isinstance(segment, HostCall) or timings is not None:
        return starmap(_run_segment, [(plan, segment, leaves, buffers, arena, threads, numbers, timings)])
    return starmap(plan.runner.native, [_arguments(plan, segment, arena, threads)])


def _arguments(plan: Plan, segment: tuple[int, int], arena: Buffer, threads: int) -> tuple[int, ...]:
    """What the native function is given to run a segment."""
    first, count = segment
    return plan.runner.arguments(
        plan.cell_address + 16,
        plan.steps_address + STEP_BYTES * first,
        count,
        arena.address + plan.arena_bytes,
        plan.scratch_stride,
        threads,
    )


def _run_segment(
    plan: Plan,
    segment: tuple[int, int] | HostCall,
    leaves: list[Any],
    buffers: list[Any],
    arena: Buffer,
    threads: int,
    numbers: list[float],
    timings: list[np.ndarray] | None,
) -> int:
    """Run one segment; not zero if that found an error."""
    if isinstance(segment, HostCall):
        segment.run(lambda operand: _memory_of(operand, leaves, buffers, arena), numbers)
        return 0
    if timings is None:
        return plan.runner.native(*_arguments(plan, segment, arena, threads))  # type: ignore[no-any-return]
    first, count = segment
    times = np.zeros(count, dtype=np.int64)
    timings.append(times)
    steps = plan.steps_address + STEP_BYTES * first
    return plan.runner.run_timed(
        plan.cell_address + 16, steps, count, arena.address + plan.arena_bytes, times.ctypes.data
    )


def _memory_of(operand: Operand, leaves: list[Buffer], buffers: list[Buffer], arena: Buffer) -> tuple[Buffer, int]:
    """Buffer and byte offset of an operand, for a host call."""
    slot = operand.slot
    if slot == 1:
        return arena, operand.offset
    if slot - 2 < len(leaves):
        return leaves[slot - 2], 0
    return buffers[slot - 2 - len(leaves)], 0
