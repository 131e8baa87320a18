"""Running a plan: finding memory, binding addresses, one native call, and giving values their memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import chain, repeat, starmap
from operator import attrgetter
from time import perf_counter_ns
from typing import Any

import numpy as np

from ..graph.trace import Node, Trace, picker
from ..interpreter.forks import native
from ..kernels.contract import STEP_BYTES, Memory
from ..kernels.kernel import Late
from .assemble import AssembledPlan
from .plan import Plan

_consume: Any = deque(maxlen=0).extend
_address: Any = attrgetter("address")
_buffer: Any = attrgetter("buffer")
_set_buffer: Any = vars(Node)["buffer"].__set__
_set_ended: Any = vars(Trace)["ended"].__set__
_set_trace: Any = vars(Node)["trace"].__set__


class PlacedPlan:
    """A plan, and where in a trace's list of nodes those are that it reads and binds.

    ``places`` are the nodes' places in the trace: where composites were recorded by one look-up, nodes are missing. Unless
    the trace ``ends``, its nodes stay in it.
    """

    __slots__ = ("plan", "_ends", "_leaves", "_bound", "_values", "_ended", "_numbers")

    def __init__(self, plan: Plan | AssembledPlan, places: Sequence[int], ends: bool = True) -> None:
        self.plan = plan
        self._ends = (True,) if ends else ()
        index = {place: number for number, place in enumerate(places)}
        # A value that nobody can hold is an output too if computing it may find an error.
        outputs = [
            (index[place], output) for place, output in zip(plan.output_places, plan.output_of_place) if place in index
        ]
        self._leaves = picker([index[place] for place in plan.leaf_places])
        self._bound = picker([node for node, _ in outputs])
        self._values = picker([output for _, output in outputs])
        ended = [*[node for node, _ in outputs], *[index[place] for place in plan.places_of_entry]]
        self._ended = picker(ended if ends else [])
        self._numbers = picker(plan.number_indices)

    def run(self, trace: Trace, nodes: list[Node], timings: list[np.ndarray] | None = None) -> Late | None:
        """Compute and bind the needed values. Returns the error that was found, in which case nothing was bound.

        ``timings`` takes how long its pieces of work took, in ns: an array for each native run, whose steps then run one after
        the other on one thread, and for each host call.
        """
        plan = self.plan
        if plan.lock._is_owned():  # type: ignore[attr-defined]
            # In a signal's handler, or a finaliser, that came in while this thread was running the plan.
            arguments, table = plan.arguments.copy(), plan.cell_and_table.copy()
            try:
                return self._run(trace, nodes, timings)
            finally:
                plan.arguments[:], plan.cell_and_table[:] = arguments, table
        with plan.lock:
            return self._run(trace, nodes, timings)

    def _run(self, trace: Trace, nodes: list[Node], timings: list[np.ndarray] | None) -> Late | None:
        plan = self.plan
        leaves = list(map(_buffer, self._leaves(nodes)))
        threads = plan.runner.num_threads()  # read once: memory and run must agree
        buffers, arena = _take_memory(plan, leaves, threads)
        numbers = trace.numbers
        if plan.check is not None:
            plan.check(leaves, buffers, arena, numbers)
        for position, fixed, number, unit in plan.moved:
            plan.arguments[position] = fixed + numbers[number] * unit
        cell = plan.cell_and_table
        plan.fill(arena.address, map(_address, leaves), map(_address, buffers), self._numbers(numbers))
        bound = self._bound(nodes)
        last: Any = None
        for segment in plan.segments:
            if last is not None:
                with native.lock:
                    last[0](*last[1])
                if cell[0]:
                    return plan.late[int(cell[0]) - 1].found(int(cell[1]))
                last = None
            if isinstance(segment, tuple):
                last = _native_run(plan, segment, arena, threads, timings)
            else:
                began = perf_counter_ns()
                segment.run(lambda operand: plan.memory_of(operand, leaves, buffers, arena), numbers)
                if timings is not None:
                    timings.append(np.array([perf_counter_ns() - began]))
        # The last native run, all bindings and the end of the trace are one call, so that no signal can come in between:
        # what was overwritten in place is bound again, or nothing was overwritten.
        bind = chain(
            map(_set_buffer, bound, self._values(buffers)),
            map(_set_trace, self._ended(nodes), repeat(None)),
            map(_set_ended, (trace,), self._ends),
        )
        if last is None:
            run_and_bind: Any = bind
        elif not plan.late:
            run_and_bind = chain(starmap(last[0], (last[1],)), bind)
        else:
            run_and_bind = chain.from_iterable(map({0: bind}.get, starmap(last[0], (last[1],)), repeat(())))
        with native.lock:
            if trace.ended:  # a signal's handler has looked at one of its values meanwhile
                return None
            _consume(run_and_bind)
        return plan.late[int(cell[0]) - 1].found(int(cell[1])) if cell[0] else None


class _Once:
    """Memory for the first run of a plan: what may never run again keeps none."""

    __slots__ = ("device", "sizes")

    def __init__(self, device: Any, sizes: list[int]) -> None:
        self.device = device
        self.sizes = sizes

    def take(self) -> list[Any]:
        return list(map(self.device.allocate, self.sizes))


def _take_memory(plan: Plan | AssembledPlan, leaves: list[Any], threads: int) -> tuple[list[Any], Memory]:
    """Memory of the outputs, some of which take a leaf's, and memory to work in."""
    memory = plan.memory.get(threads)
    if memory is None:
        taking = {output for _, output, _ in plan.donations}
        sizes = [size for output, size in enumerate(plan.outputs) if output not in taking]
        memory = _Once(plan.device, [*sizes, plan.arena_bytes + plan.scratch_stride * threads])
        plan.memory = {threads: memory}
    elif type(memory) is _Once:
        memory = plan.device.reused(memory.sizes)
        plan.memory = {threads: memory}
    buffers: list[Any] = memory.take()
    arena = buffers.pop()
    for leaf, output, content in plan.donations:
        held: Any = leaves[leaf if leaf >= 0 else ~leaf]
        size = plan.outputs[output]
        if leaf < 0 or not held.recyclable or held.ever_exposed and held.exposed():
            held = held.copy(size) if content else plan.device.allocate(size)
        buffers.insert(output, held)
    return buffers, arena


def _native_run(
    plan: Plan | AssembledPlan, segment: tuple[int, int], arena: Memory, threads: int, timings: list[np.ndarray] | None
) -> tuple[Any, tuple[int, ...]]:
    """The native function that runs a segment, and its arguments."""
    first, count = segment
    table, steps = plan.cell_address + 16, plan.steps_address + STEP_BYTES * first
    scratch = arena.address + plan.arena_bytes
    runner = plan.runner
    if timings is None:
        return runner.native, runner.arguments(table, steps, count, scratch, plan.scratch_stride, threads)
    times = np.zeros(count, dtype=np.int64)
    timings.append(times)
    return runner.native_timed(), (table, steps, count, scratch, times.ctypes.data)

