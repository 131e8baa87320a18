"""Running a plan: one native call walks an array of step records (see :mod:`flambeau.kernels.contract`).

Phases of one tile run on the calling thread and wake nobody.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from ..interpreter.forks import native
from ..kernels.contract import NEW_PHASE, STEP_BYTES, STOP_ON_ERROR
from .ir import Module
from .jit import KernelCompiler, default_compiler
from .kernel import Kernel
from .threads import (
    DONE,
    PHASE_SCRATCH,
    PHASE_STEPS,
    PHASE_STRIDE,
    PHASE_TABLE,
    PHASE_THREADS,
    PHASE_TOTAL,
    POSIX,
    RUN_MUTEX,
    SLEEPERS,
    STARTED,
    WANTED,
    ThreadPool,
    add_clock,
    add_pool_functions,
    default_pool,
)


def _emit_run(module: Module, name: str) -> None:
    """``i64 run(pool, table, steps, count, scratch, stride, threads)``; returns the error cell's last value."""
    if POSIX:
        add_pool_functions(module)
        module.declare("pthread_mutex_trylock", "i32", "ptr")
        module.declare("llvm.smin.i64", "i64", "i64", "i64")
    decision, release = (_PARALLEL, _RELEASE) if POSIX else (_SERIAL, "")
    module.add(name, _RUN.replace("@NAME", "@" + name).replace("DECISION", decision).replace("RELEASE", release))


def _emit_run_timed(module: Module, name: str) -> None:
    """``i64 run_timed(table, steps, count, scratch, nanoseconds)``: serial, with a clock reading between steps."""
    add_clock(module)
    module.add(name, _RUN_TIMED.replace("@NAME", "@" + name))


_RUN = f"""
define i64 @NAME(ptr %pool, ptr %table, ptr %steps, i64 %count, ptr %scratch, i64 %stride, i64 %threads) nounwind {{
entry:
  %holds = alloca i1
  store i1 false, ptr %holds
  %waited = alloca i64
  %seen = alloca i64
  store i64 0, ptr %seen
  %expected = alloca i64 ; what the workers' count of finished tiles will be at the phase's end
  %error.cell = load ptr, ptr %table, align 8
  %run.mutex = getelementptr i8, ptr %pool, i64 {RUN_MUTEX}
  %bytes = mul i64 %count, {STEP_BYTES}
  %steps.end = getelementptr i8, ptr %steps, i64 %bytes
  br label %phase

phase:
  %first = phi ptr [%steps, %entry], [%end, %phase.done]
  %finished = icmp eq ptr %first, %steps.end
  br i1 %finished, label %finish, label %check
check:
  %flags.at = getelementptr i8, ptr %first, i64 24
  %flags = load i64, ptr %flags.at, align 8
  %careful = and i64 %flags, {STOP_ON_ERROR}
  %look = icmp ne i64 %careful, 0
  br i1 %look, label %error, label %extent
error:
  %error.now = load atomic i64, ptr %error.cell monotonic, align 8
  %wrong = icmp ne i64 %error.now, 0
  br i1 %wrong, label %finish, label %extent

extent: ; the phase's end and its number of tiles
  %last = phi ptr [%first, %check], [%first, %error], [%end, %joins]
  %so.far = phi i64 [0, %check], [0, %error], [%total, %joins]
  %tiles.at = getelementptr i8, ptr %last, i64 16
  %tiles = load i64, ptr %tiles.at, align 8
  %total = add i64 %so.far, %tiles
  %end = getelementptr i8, ptr %last, i64 {STEP_BYTES}
  %at.end = icmp eq ptr %end, %steps.end
  br i1 %at.end, label %decide, label %joins
joins:
  %end.flags.at = getelementptr i8, ptr %end, i64 24
  %end.flags = load i64, ptr %end.flags.at, align 8
  %end.new = and i64 %end.flags, {NEW_PHASE}
  %new = icmp ne i64 %end.new, 0
  br i1 %new, label %decide, label %extent

decide:
DECISION

serial:
  %step = phi ptr [%first, %alone], [%step.next, %step.done]
  %number.at = getelementptr i8, ptr %step, i64 16
  %number = load i64, ptr %number.at, align 8
  %kernel = load ptr, ptr %step, align 8
  %arguments.at = getelementptr i8, ptr %step, i64 8
  %arguments = load ptr, ptr %arguments.at, align 8
  br label %tile
tile:
  %index = phi i64 [0, %serial], [%index.next, %call]
  %remains = icmp slt i64 %index, %number
  br i1 %remains, label %call, label %step.done
call:
  call void %kernel(ptr %table, ptr %arguments, i64 %index, ptr %scratch)
  %index.next = add i64 %index, 1
  br label %tile
step.done:
  %step.next = getelementptr i8, ptr %step, i64 {STEP_BYTES}
  %all = icmp eq ptr %step.next, %end
  br i1 %all, label %phase.done, label %serial

phase.done:
  br label %phase

finish:
  %error.last = load atomic i64, ptr %error.cell monotonic, align 8
RELEASE
  ret i64 %error.last
}}
"""

_SERIAL = "  br label %alone\nalone:\n  br label %serial"

_PARALLEL = f"""
  %little = icmp slt i64 %total, 2
  br i1 %little, label %alone, label %may
alone:
  br label %serial
may:
  %wanted.at = getelementptr i8, ptr %pool, i64 {WANTED}
  %wanted = load atomic i64, ptr %wanted.at monotonic, align 8
  %available = add i64 %wanted, 1
  %unlimited = icmp eq i64 %threads, 0
  %fewer = call i64 @llvm.umin.i64(i64 %threads, i64 %available)
  %several = select i1 %unlimited, i64 %available, i64 %fewer
  %single = icmp slt i64 %several, 2
  br i1 %single, label %alone, label %hold
hold:
  %already = load i1, ptr %holds
  br i1 %already, label %publish, label %try
try:
  %busy = call i32 @pthread_mutex_trylock(ptr %run.mutex)
  %ours = icmp eq i32 %busy, 0
  br i1 %ours, label %seize, label %alone
seize:
  store i1 true, ptr %holds
  %done.at = getelementptr i8, ptr %pool, i64 {DONE}
  %done.before = load atomic i64, ptr %done.at acquire, align 8
  store i64 %done.before, ptr %expected
  %started.at = getelementptr i8, ptr %pool, i64 {STARTED}
  %started = load i64, ptr %started.at
  %fresh = icmp eq i64 %started, 0
  br i1 %fresh, label %start, label %publish
start:
  call void @pool_start(ptr %pool)
  br label %publish

publish: ; describe the phase between an odd generation and an even one
  %generation.old = load atomic i64, ptr %pool monotonic, align 8
  %generation.odd = or i64 %generation.old, 1
  %generation = add i64 %generation.odd, 1
  store atomic i64 %generation.odd, ptr %pool monotonic, align 8
  fence release
  %p.steps = getelementptr i8, ptr %pool, i64 {PHASE_STEPS}
  store atomic ptr %first, ptr %p.steps monotonic, align 8
  %p.total = getelementptr i8, ptr %pool, i64 {PHASE_TOTAL}
  store atomic i64 %total, ptr %p.total monotonic, align 8
  %p.table = getelementptr i8, ptr %pool, i64 {PHASE_TABLE}
  store atomic ptr %table, ptr %p.table monotonic, align 8
  %p.scratch = getelementptr i8, ptr %pool, i64 {PHASE_SCRATCH}
  store atomic ptr %scratch, ptr %p.scratch monotonic, align 8
  %p.stride = getelementptr i8, ptr %pool, i64 {PHASE_STRIDE}
  store atomic i64 %stride, ptr %p.stride monotonic, align 8
  %p.threads = getelementptr i8, ptr %pool, i64 {PHASE_THREADS}
  store atomic i64 %several, ptr %p.threads monotonic, align 8
  %recent = and i64 %generation, 1073741823
  %aged = icmp eq i64 %recent, 0
  br i1 %aged, label %refresh, label %open
refresh:
  call void @pool_refresh(ptr %pool, i64 %generation.odd)
  br label %open
open:
  store atomic i64 %generation, ptr %pool seq_cst, align 8
  fence seq_cst
  %sleepers.at = getelementptr i8, ptr %pool, i64 {SLEEPERS}
  %sleepers = load atomic i64, ptr %sleepers.at seq_cst, align 8
  %asleep = icmp sgt i64 %sleepers, 0
  br i1 %asleep, label %wake, label %join
wake:
  %spare = call i64 @llvm.smin.i64(i64 %total, i64 %several)
  %needed = sub i64 %spare, 1
  call void @pool_wake(ptr %pool, i64 %needed)
  br label %join
join:
  %mine = call i64 @pool_work(ptr %pool, i64 0, ptr %seen)
  %others = sub i64 %total, %mine
  %expected.before = load i64, ptr %expected
  %expected.now = add i64 %expected.before, %others
  store i64 %expected.now, ptr %expected
  %nobody = icmp eq i64 %others, 0
  store i64 0, ptr %waited
  br i1 %nobody, label %phase.done, label %wait
wait:
  %w.done = getelementptr i8, ptr %pool, i64 {DONE}
  %done = load atomic i64, ptr %w.done acquire, align 8
  %complete = icmp eq i64 %done, %expected.now
  br i1 %complete, label %phase.done, label %pause
pause:
  call void @pool_wait(ptr %waited)
  br label %wait
"""

_RELEASE = """
  %held = load i1, ptr %holds
  br i1 %held, label %release, label %return
release:
  call i32 @pthread_mutex_unlock(ptr %run.mutex)
  br label %return
return:"""

_RUN_TIMED = f"""
define i64 @NAME(ptr %table, ptr %steps, i64 %count, ptr %scratch, ptr %nanoseconds) nounwind {{
entry:
  %error.cell = load ptr, ptr %table, align 8
  %start = call i64 @pool_nanoseconds()
  br label %next
next:
  %index = phi i64 [0, %entry], [%index.next, %measure]
  %before = phi i64 [%start, %entry], [%after, %measure]
  %remains = icmp slt i64 %index, %count
  br i1 %remains, label %check, label %finish
check:
  %offset = mul i64 %index, {STEP_BYTES}
  %step = getelementptr i8, ptr %steps, i64 %offset
  %flags.at = getelementptr i8, ptr %step, i64 24
  %flags = load i64, ptr %flags.at, align 8
  %careful = and i64 %flags, {STOP_ON_ERROR}
  %look = icmp ne i64 %careful, 0
  br i1 %look, label %error, label %begin
error:
  %error.now = load atomic i64, ptr %error.cell monotonic, align 8
  %wrong = icmp ne i64 %error.now, 0
  br i1 %wrong, label %finish, label %begin
begin:
  %kernel = load ptr, ptr %step, align 8
  %arguments.at = getelementptr i8, ptr %step, i64 8
  %arguments = load ptr, ptr %arguments.at, align 8
  %tiles.at = getelementptr i8, ptr %step, i64 16
  %tiles = load i64, ptr %tiles.at, align 8
  br label %tile
tile:
  %number = phi i64 [0, %begin], [%number.next, %call]
  %more = icmp slt i64 %number, %tiles
  br i1 %more, label %call, label %measure
call:
  call void %kernel(ptr %table, ptr %arguments, i64 %number, ptr %scratch)
  %number.next = add i64 %number, 1
  br label %tile
measure:
  %after = call i64 @pool_nanoseconds()
  %spent = sub i64 %after, %before
  %spent.at = getelementptr i64, ptr %nanoseconds, i64 %index
  store i64 %spent, ptr %spent.at, align 8
  %index.next = add i64 %index, 1
  br label %next
finish:
  %error.last = load atomic i64, ptr %error.cell monotonic, align 8
  ret i64 %error.last
}}
"""

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
        self,
        table_address: int,
        steps_address: int,
        step_count: int,
        scratch_address: int,
        scratch_stride: int,
        threads: int,
    ) -> tuple[int, ...]:
        """The arguments of :attr:`native` for a run with up to ``threads`` threads."""
        return self._pool_address, table_address, steps_address, step_count, scratch_address, scratch_stride, threads

    def run(
        self,
        table_address: int,
        steps_address: int,
        step_count: int,
        scratch_address: int,
        scratch_stride: int,
        threads: int = 0,
    ) -> int:
        """Run a plan and return the last value of the error cell, whose address is in slot 0 of the table.

        The calling thread uses the scratch memory at ``scratch_address``, worker number ``k`` that at
        ``scratch_address + k * scratch_stride``. At most ``threads`` threads take part; zero means
        :meth:`num_threads`. If another Python thread's plan is using the workers, this one runs on the calling
        thread alone.
        """
        arguments = self.arguments(
            table_address, steps_address, step_count, scratch_address, scratch_stride, threads
        )
        with native.lock:
            return int(self.native(*arguments))

    def run_timed(
        self, table_address: int, steps_address: int, step_count: int, scratch_address: int, nanoseconds_address: int
    ) -> int:
        """Run a plan on the calling thread alone, and write the duration of each step to an array of ``int64``.

        Durations include one reading of the clock (about 25 ns). Steps after a stop are not written. Raises
        ``OSError`` where there is no POSIX clock.
        """
        timed = self.native_timed()
        with native.lock:
            return int(timed(table_address, steps_address, step_count, scratch_address, nanoseconds_address))

    def native_timed(self) -> Any:
        """The native function behind :meth:`run_timed`, which takes the same arguments."""
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
