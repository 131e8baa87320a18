"""Running a plan: one native call walks an array of step records (see :mod:`flambeau.kernels.contract`).

Phases of one tile run on the calling thread and wake nobody.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from ..kernels.contract import NEW_PHASE, STOP_ON_ERROR
from .ir import Builder, Kernel, Module
from .jit import KernelCompiler, default_compiler
from .threads import ThreadPool, default_pool
from .values import BYTE, FLAG, INDEX, Pointer, Value, where
from .workers import (
    DONE,
    GENERATION,
    INT,
    PHASE_SCRATCH,
    PHASE_STEPS,
    PHASE_STRIDE,
    PHASE_TABLE,
    PHASE_THREADS,
    PHASE_TOTAL,
    POSIX,
    REFRESH,
    RUN_MUTEX,
    SLEEPERS,
    STARTED,
    STEP_WORDS,
    WANTED,
    field,
    nanoseconds,
    refresh,
    run_tile,
    start,
    wait_for,
    wake,
    work,
)


def _emit_run(module: Module, name: str) -> None:
    """The function that runs a plan; returns the error cell's last value."""
    pointers = {"pool": BYTE.pointer, "table": INDEX.pointer, "steps": INDEX.pointer}
    parameters = {**pointers, "count": INDEX, "scratch": BYTE.pointer, "stride": INDEX, "threads": INDEX}
    b = Builder(module, name, parameters, INDEX)
    given = b.parameters
    error_cell, end = given.table.of(INDEX.pointer).load(), given.steps + given.count * STEP_WORDS
    team = _Team(b) if POSIX else None
    next_phase = b.variable(given.steps)
    with b.repeat() as proceed:
        phase = next_phase.value
        proceed(phase.differs(end))
        proceed(~_stops(b, phase, error_cell))
        # The phase's end and its number of tiles.
        step, tiles = b.variable(phase), b.variable(b.index(0))
        with b.repeat() as joins:
            tiles.value = tiles.value + step.value[2]
            step.value = step.value + STEP_WORDS
            joins(step.value.differs(end))
            joins((step.value[3] & NEW_PHASE).equals(0))
        behind, total = step.value, tiles.value
        if team is None:
            _run_alone(b, phase, behind)
        else:
            for together in b.either(team.gathers(total)):
                if together:
                    team.runs(phase, total)
                else:
                    _run_alone(b, phase, behind)
        next_phase.value = behind
    error = error_cell.load_atomic()
    if team is not None:
        team.parts()
    b.finish(error)


def _stops(b: Builder, step: Pointer, error_cell: Pointer) -> Value:
    """Whether the run ends before a step, because of an error."""
    stops = b.variable(b.constant(FLAG, False))
    with b.when((step[3] & STOP_ON_ERROR).differs(0)):
        stops.value = error_cell.load_atomic().differs(0)
    result: Value = stops.value
    return result


def _run_alone(b: Builder, first: Pointer, behind: Pointer) -> None:
    """Run steps on this thread."""
    table, scratch = b.parameters.table, b.parameters.scratch
    step = b.variable(first)
    with b.repeat() as proceed:
        current = step.value
        proceed(current.differs(behind))
        with b.loop(0, current[2]) as tile:
            run_tile(b, current, table, tile, scratch)
        step.value = current + STEP_WORDS


class _Team:
    """A run's part in the work of the thread pool, of which it is worker 0."""

    def __init__(self, b: Builder) -> None:
        self.b = b
        self.pool: Pointer = b.parameters.pool
        #: Whether this run has the workers.
        self.holds = b.variable(b.constant(FLAG, False))
        #: How many threads take part, and the workers' count of finished tiles at the phase's end.
        self.several, self.expected = b.variable(INDEX), b.variable(INDEX)
        self.seen = b.array(INDEX, 1)
        self.seen[0] = 0

    def gathers(self, total: Value) -> Value:
        """Whether a phase of so many tiles is one for several threads, which are there."""
        b, threads = self.b, self.b.parameters.threads
        together = b.variable(b.constant(FLAG, False))
        with b.when(total >= 2):
            available = field(self.pool, WANTED).load_atomic() + 1
            several = where(threads.equals(0), available, threads.call("umin", available))
            self.several.value = several
            with b.when(several >= 2):
                with b.when(~self.holds.value):
                    with b.when(b.external("pthread_mutex_trylock", INT, self.pool + RUN_MUTEX).equals(0)):
                        self.holds.value = True
                        self.expected.value = field(self.pool, DONE).load_atomic("acquire")
                        with b.when(field(self.pool, STARTED)[0].equals(0)):
                            start(b, self.pool)
                together.value = self.holds.value
        result: Value = together.value
        return result

    def runs(self, first: Pointer, total: Value) -> None:
        """Run a phase with the workers."""
        b, given, pool, several = self.b, self.b.parameters, self.pool, self.several.value
        generation_at = field(pool, GENERATION)
        # The phase is described between an odd generation and an even one.
        odd = generation_at.load_atomic() | 1
        generation = odd + 1
        generation_at.store_atomic(odd)
        b.fence("release")
        (pool + PHASE_STEPS).of(INDEX.pointer).store_atomic(first)
        field(pool, PHASE_TOTAL).store_atomic(total)
        (pool + PHASE_TABLE).of(INDEX.pointer).store_atomic(given.table)
        (pool + PHASE_SCRATCH).of(BYTE.pointer).store_atomic(given.scratch)
        field(pool, PHASE_STRIDE).store_atomic(given.stride)
        field(pool, PHASE_THREADS).store_atomic(several)
        with b.when((generation & (REFRESH - 1)).equals(0)):
            refresh(b, pool, odd)
        generation_at.store_atomic(generation, "seq_cst")
        b.fence("seq_cst")
        with b.when(field(pool, SLEEPERS).load_atomic("seq_cst") > 0):
            wake(b, pool, total.at_most(several) - 1)
        others = total - work(b, pool, 0, self.seen)
        expected = self.expected.value + others
        self.expected.value = expected
        with b.when(others.differs(0)):
            wait_for(b, field(pool, DONE), expected)

    def parts(self) -> None:
        """Let another run have the workers."""
        with self.b.when(self.holds.value):
            self.b.external("pthread_mutex_unlock", INT, self.pool + RUN_MUTEX)


def _emit_run_timed(module: Module, name: str) -> None:
    """The function that runs a plan on this thread, with a reading of the clock between steps."""
    pointers = {"table": INDEX.pointer, "steps": INDEX.pointer, "count": INDEX, "scratch": BYTE.pointer}
    b = Builder(module, name, {**pointers, "nanoseconds": INDEX.pointer}, INDEX)
    given = b.parameters
    error_cell = given.table.of(INDEX.pointer).load()
    before, number = b.variable(nanoseconds(b)), b.variable(b.index(0))
    with b.repeat() as proceed:
        current = number.value
        proceed(current < given.count)
        step = given.steps + current * STEP_WORDS
        proceed(~_stops(b, step, error_cell))
        with b.loop(0, step[2]) as tile:
            run_tile(b, step, given.table, tile, given.scratch)
        after = nanoseconds(b)
        given.nanoseconds[current] = after - before.value
        before.value, number.value = after, current + 1
    b.finish(error_cell.load_atomic())


_RUN_KERNEL = Kernel("flambeau/run", _emit_run)
_RUN_TIMED_KERNEL = Kernel("flambeau/run_timed", _emit_run_timed)


class Runner:
    """Runs plans on the calling thread and a pool of workers, with the interpreter's lock released."""

    def __init__(self, compiler: KernelCompiler, pool: ThreadPool) -> None:
        self.pool = pool
        self._compiler = compiler
        self._pool_address = pool.address
        # Addresses as argument types even for numbers: ctypes converts them fastest by far.
        pointer = ctypes.c_void_p
        (address,) = compiler.addresses([_RUN_KERNEL])
        #: The native function itself, for callers that must not return to the interpreter's loop after it; it takes
        #: what :meth:`arguments` gives, and runs under the thread's ``native.lock``.
        self.native = ctypes.CFUNCTYPE(ctypes.c_int64, *[pointer] * 7)(address)

    def arguments(
        self, table_address: int, steps_address: int, step_count: int, scratch_address: int, scratch_stride: int, threads: int
    ) -> tuple[int, ...]:
        """The arguments of :attr:`native` for a run with up to ``threads`` threads."""
        return self._pool_address, table_address, steps_address, step_count, scratch_address, scratch_stride, threads

    def native_timed(self) -> Any:
        """The native function that runs steps one after the other, and how long each took (in ns, one reading of the clock
        included); see :mod:`flambeau.kernels.contract`. ``OSError`` where there is no POSIX clock."""
        if not POSIX:
            raise OSError("timing the steps of a plan needs a POSIX clock")
        (address,) = self._compiler.addresses([_RUN_TIMED_KERNEL])
        return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_void_p] * 5)(address)

    def num_threads(self) -> int:
        """Threads that work on a plan, the calling one included."""
        return self.pool.num_threads

    def set_num_threads(self, count: int) -> None:
        """Let ``count`` threads (1 to 1024) work on a plan from now on."""
        self.pool.set_num_threads(count)


@functools.cache
def default_runner() -> Runner:
    """The process's runner."""
    return Runner(default_compiler(), default_pool())
