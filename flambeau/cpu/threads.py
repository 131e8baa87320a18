"""Native worker threads: asleep on a condition variable, never in the interpreter.

The pool is one *control block* of memory, on which three parties work: native workers, the thread that runs a plan
(it takes part as worker 0), and this module, which stops the workers before a fork and at exit. Workers are created
by the first run that has work for them (:mod:`flambeau.cpu.runner`).

**Taking tiles.** The work at hand is one *phase*: steps whose tiles may run in any order. Its tiles are cut into one
range for each thread; a thread works through its own range and then helps with the others'. So consecutive phases
over the same data find it in the cache of the same core, and still nobody idles. Ranges decide who computes a tile,
never what is computed.

The *generation* is even while a phase is open and odd while the next is described. Each range has a word, ``generation
of the last taking << 32 | tiles left then``; a word of an earlier generation means that nothing was taken yet. A worker
reads the generation, the description, and the generation again, and then takes a tile by a compare-and-swap on the
word. A worker delayed before its swap cannot act on a phase that has ended: no phase ends before the tiles that are
left in its words are taken, so the word has changed and the swap fails. Nobody looks at the plan itself before that.

**Sleeping.** A worker that found nothing for :data:`SPIN_NANOSECONDS` counts itself among the sleepers and then looks
for work once more; a runner opens the phase and then looks at the number of sleepers. Both orders are
sequentially consistent, so at least one of them notices the other. A wake-up is a token, as in a semaphore.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import signal
import time
from collections import deque
from itertools import chain, starmap
from operator import call
from typing import Any

import numpy as np

from ..interpreter.forks import before_fork, without_native_code
from .ir import Module
from .target import host

SPIN_NANOSECONDS = 50_000
"""How long an idle worker looks for work before it sleeps: longer than the serial steps between parallel ones, shorter
than what would be missed by others who share the processor."""

MAX_THREADS = 1024

POSIX = os.name == "posix"
"""Whether there are POSIX threads. Without, plans run on the calling thread."""

# The control block: offsets in bytes. The generation and the description of its phase share one cache line, because
# whoever reads the one needs the other; what others write lies on other lines.
GENERATION = 0
PHASE_STEPS = 8  # address of the phase's first step record
PHASE_TOTAL = 16  # its number of tiles
PHASE_TABLE = 24
PHASE_SCRATCH = 32
PHASE_STRIDE = 40  # bytes of scratch memory for each thread
PHASE_THREADS = 48  # threads with this number or a greater one keep out
DONE = 64  # tiles that workers have finished since the block was made
SLEEPERS = 192  # workers asleep, less the tokens
TOKENS = 200  # wake-ups handed out and not yet taken
STOP = 208  # not zero: workers return
WANTED = 256  # workers there should be
STARTED = 264  # workers there are
RUN_MUTEX = 320  # held by the one run that uses the workers
SLEEP_MUTEX = 448  # guards sleepers, tokens, and sleep itself
WAKE = 576  # condition variable
RECORDS = 704  # for each worker: address of this block, its number, its pthread_t, unused
WORDS = RECORDS + 32 * MAX_THREADS  # for each range: its word, on a cache line of its own
_BYTES = WORDS + 64 * MAX_THREADS

_consume: Any = deque(maxlen=0).extend


def add_clock(module: Module) -> None:
    """Add ``i64 pool_nanoseconds()``, a clock that only runs forward."""
    if module.has_function("pool_nanoseconds"):
        return
    module.declare("clock_gettime", "i32", "i32", "ptr")
    text = f"""
define internal i64 @pool_nanoseconds() nounwind {{
  %time = alloca [2 x i64], align 8
  call i32 @clock_gettime(i32 {time.CLOCK_MONOTONIC}, ptr %time)
  %seconds = load i64, ptr %time
  %rest.at = getelementptr i8, ptr %time, i64 8
  %rest = load i64, ptr %rest.at
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %rest
  ret i64 %now
}}
"""
    module.add("pool_nanoseconds", text)


def add_pool_functions(module: Module) -> None:
    """Add the workers' side: ``pool_work``, ``pool_refresh``, ``pool_start``, ``pool_wake``, ``pool_wait``.

    They are internal functions of the module that runs plans, so that LLVM sees both sides.
    """
    if module.has_function("pool_work"):
        return
    add_clock(module)
    for name, parameters in _LIBRARY.items():
        module.declare(name, "i32", *parameters)
    module.declare("llvm.umin.i64", "i64", "i64", "i64")
    hint = ""
    if instruction := host().spin_hint:
        name, arguments = instruction
        module.declare(name, "void", *(type for type, _ in arguments))
        hint = f"call void @{name}({', '.join(f'{type} {value}' for type, value in arguments)})"
    keep = "\n".join(
        f"  call i32 @sigdelset(ptr %blocked, i32 {int(number)})"
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
    )
    module.add("pool_work", _pool_text(hint, keep))


_LIBRARY = {
    "sched_yield": (),
    "pthread_create": ("ptr", "ptr", "ptr", "ptr"),
    "pthread_sigmask": ("i32", "ptr", "ptr"),
    "sigfillset": ("ptr",),
    "sigdelset": ("ptr", "i32"),
    "pthread_mutex_lock": ("ptr",),
    "pthread_mutex_unlock": ("ptr",),
    "pthread_cond_wait": ("ptr", "ptr"),
    "pthread_cond_signal": ("ptr",),
}


def _pool_text(hint: str, keep: str) -> str:
    """Assembly of the pool; ``hint`` is the pause of a waiting loop, ``keep`` lets a fault's signals through."""
    return f"""
define internal void @pool_wait(ptr %waited) alwaysinline nounwind {{
; one turn of a loop that waits for another thread: a pause at first, the rest of our time slice after 1000 of them,
; because then the other thread is probably waiting for this very processor
  %turns = load i64, ptr %waited
  %more = add i64 %turns, 1
  store i64 %more, ptr %waited
  %patient = icmp ult i64 %turns, 1000
  br i1 %patient, label %pause, label %yield
pause:
  {hint}
  ret void
yield:
  call i32 @sched_yield()
  ret void
}}

define internal void @pool_tile(ptr %steps, i64 %number, ptr %table, ptr %scratch) alwaysinline nounwind {{
; runs one tile, numbered through all the steps of the phase
entry:
  br label %find
find:
  %step = phi ptr [%steps, %entry], [%step.next, %skip]
  %tile = phi i64 [%number, %entry], [%tile.next, %skip]
  %tiles.at = getelementptr i8, ptr %step, i64 16
  %tiles = load i64, ptr %tiles.at, align 8
  %here = icmp slt i64 %tile, %tiles
  br i1 %here, label %call, label %skip
skip:
  %tile.next = sub i64 %tile, %tiles
  %step.next = getelementptr i8, ptr %step, i64 32
  br label %find
call:
  %kernel = load ptr, ptr %step, align 8
  %arguments.at = getelementptr i8, ptr %step, i64 8
  %arguments = load ptr, ptr %arguments.at, align 8
  call void %kernel(ptr %table, ptr %arguments, i64 %tile, ptr %scratch)
  ret void
}}

define internal i64 @pool_work(ptr %pool, i64 %me, ptr %seen) nounwind {{
; takes and runs tiles of a phase that is open until none is left; returns how many it ran, and notes in %seen the
; generation of the phase that has nothing left
entry:
  %steps.at = getelementptr i8, ptr %pool, i64 {PHASE_STEPS}
  %total.at = getelementptr i8, ptr %pool, i64 {PHASE_TOTAL}
  %table.at = getelementptr i8, ptr %pool, i64 {PHASE_TABLE}
  %scratch.at = getelementptr i8, ptr %pool, i64 {PHASE_SCRATCH}
  %stride.at = getelementptr i8, ptr %pool, i64 {PHASE_STRIDE}
  %threads.at = getelementptr i8, ptr %pool, i64 {PHASE_THREADS}
  %generation = load atomic i64, ptr %pool acquire, align 8
  %seen.last = load i64, ptr %seen
  %old = icmp eq i64 %generation, %seen.last
  %odd = trunc i64 %generation to i1
  %nothing = or i1 %old, %odd
  br i1 %nothing, label %idle, label %describe
idle:
  ret i64 0
describe:
  %steps = load atomic ptr, ptr %steps.at monotonic, align 8
  %total = load atomic i64, ptr %total.at monotonic, align 8
  %table = load atomic ptr, ptr %table.at monotonic, align 8
  %scratch = load atomic ptr, ptr %scratch.at monotonic, align 8
  %stride = load atomic i64, ptr %stride.at monotonic, align 8
  %threads = load atomic i64, ptr %threads.at monotonic, align 8
  fence acquire
  %again = load atomic i64, ptr %pool monotonic, align 8
  %same = icmp eq i64 %again, %generation
  br i1 %same, label %admit, label %idle
admit:
  %offset = mul i64 %me, %stride
  %own = getelementptr i8, ptr %scratch, i64 %offset
  %stamp = shl i64 %generation, 32
  %stamp.short = trunc i64 %generation to i32
  %ranges = call i64 @llvm.umin.i64(i64 %total, i64 %threads)
  %home = urem i64 %me, %ranges
  %outside = icmp uge i64 %me, %threads
  br i1 %outside, label %exhausted, label %range
range:
  %tried = phi i64 [0, %admit], [%tried.next, %next]
  %here = phi i64 [%home, %admit], [%here.next, %next]
  %count.range = phi i64 [0, %admit], [%count, %next]
  %upper = add i64 %here, 1
  %start.scaled = mul i64 %here, %total
  %stop.scaled = mul i64 %upper, %total
  %start = udiv i64 %start.scaled, %ranges
  %stop = udiv i64 %stop.scaled, %ranges
  %size = sub i64 %stop, %start
  %line = mul i64 %here, 64
  %words = getelementptr i8, ptr %pool, i64 {WORDS}
  %word.at = getelementptr i8, ptr %words, i64 %line
  br label %take
take:
  %count = phi i64 [%count.range, %range], [%count, %swap], [%count.next, %taken]
  %word = load atomic i64, ptr %word.at monotonic, align 8
  %word.stamp = lshr i64 %word, 32
  %word.short = trunc i64 %word.stamp to i32
  %age = sub i32 %stamp.short, %word.short
  %newer = icmp slt i32 %age, 0
  br i1 %newer, label %exhausted, label %open
open:
  %touched = icmp eq i32 %age, 0
  %word.left = and i64 %word, 4294967295
  %left = select i1 %touched, i64 %word.left, i64 %size
  %none = icmp eq i64 %left, 0
  br i1 %none, label %next, label %swap
swap:
  %left.less = sub i64 %left, 1
  %word.new = or i64 %stamp, %left.less
  %swapped = cmpxchg ptr %word.at, i64 %word, i64 %word.new acq_rel monotonic, align 8
  %won = extractvalue {{i64, i1}} %swapped, 1
  br i1 %won, label %taken, label %take
taken:
  %number = sub i64 %stop, %left
  call void @pool_tile(ptr %steps, i64 %number, ptr %table, ptr %own)
  %count.next = add i64 %count, 1
  br label %take
next:
  %tried.next = add i64 %tried, 1
  %last = icmp eq i64 %upper, %ranges
  %here.next = select i1 %last, i64 0, i64 %upper
  %all = icmp eq i64 %tried.next, %ranges
  br i1 %all, label %exhausted, label %range
exhausted:
  %result = phi i64 [0, %admit], [%count, %take], [%count, %next]
  store i64 %generation, ptr %seen
  ret i64 %result
}}

define internal void @pool_refresh(ptr %pool, i64 %generation) noinline nounwind {{
; stamps every word anew. Done every 2**30 generations, so that no word is ever so old that it seems to be new.
entry:
  %stamp = shl i64 %generation, 32
  %words = getelementptr i8, ptr %pool, i64 {WORDS}
  br label %next
next:
  %index = phi i64 [0, %entry], [%index.next, %next]
  %line = mul i64 %index, 64
  %word.at = getelementptr i8, ptr %words, i64 %line
  store atomic i64 %stamp, ptr %word.at monotonic, align 8
  %index.next = add i64 %index, 1
  %all = icmp eq i64 %index.next, {MAX_THREADS}
  br i1 %all, label %end, label %next
end:
  ret void
}}

define internal ptr @pool_worker(ptr %record) nounwind {{
entry:
  %seen = alloca i64
  store i64 0, ptr %seen
  %pool = load ptr, ptr %record
  %me.at = getelementptr i8, ptr %record, i64 8
  %me = load i64, ptr %me.at
  %done.at = getelementptr i8, ptr %pool, i64 {DONE}
  %sleepers.at = getelementptr i8, ptr %pool, i64 {SLEEPERS}
  %tokens.at = getelementptr i8, ptr %pool, i64 {TOKENS}
  %stop.at = getelementptr i8, ptr %pool, i64 {STOP}
  %mutex = getelementptr i8, ptr %pool, i64 {SLEEP_MUTEX}
  %wake = getelementptr i8, ptr %pool, i64 {WAKE}
  br label %awake
awake:
  %start = call i64 @pool_nanoseconds()
  br label %spin
spin:
  %turn = phi i64 [0, %awake], [%turn.next, %idle], [%turn.next, %clock]
  %count = call i64 @pool_work(ptr %pool, i64 %me, ptr %seen)
  %worked = icmp ne i64 %count, 0
  br i1 %worked, label %report, label %idle
report:
  atomicrmw add ptr %done.at, i64 %count acq_rel, align 8
  br label %awake
idle:
  {hint}
  %turn.next = add i64 %turn, 1
  %some = and i64 %turn.next, 31
  %timely = icmp eq i64 %some, 0
  br i1 %timely, label %clock, label %spin
clock:
  %now = call i64 @pool_nanoseconds()
  %spent = sub i64 %now, %start
  %tired = icmp sgt i64 %spent, {SPIN_NANOSECONDS}
  br i1 %tired, label %bed, label %spin
bed:
  call i32 @pthread_mutex_lock(ptr %mutex)
  atomicrmw add ptr %sleepers.at, i64 1 seq_cst, align 8
  fence seq_cst
  %generation = load atomic i64, ptr %pool seq_cst, align 8
  %seen.last = load i64, ptr %seen
  %late = icmp ne i64 %generation, %seen.last
  br i1 %late, label %up, label %sleep
up:
  atomicrmw sub ptr %sleepers.at, i64 1 seq_cst, align 8
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %awake
sleep:
  %stop = load i64, ptr %stop.at
  %stopped = icmp ne i64 %stop, 0
  br i1 %stopped, label %end, label %token
token:
  %tokens = load i64, ptr %tokens.at
  %called = icmp ne i64 %tokens, 0
  br i1 %called, label %rise, label %wait
wait:
  call i32 @pthread_cond_wait(ptr %wake, ptr %mutex)
  br label %sleep
rise:
  %tokens.less = sub i64 %tokens, 1
  store i64 %tokens.less, ptr %tokens.at
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %awake
end:
  call i32 @pthread_mutex_unlock(ptr %mutex)
  ret ptr null
}}

define internal void @pool_start(ptr %pool) noinline nounwind {{
; creates the wanted workers, or as many as the system allows. They inherit a mask that leaves signals to the
; interpreter's threads, except those that report a fault of the thread itself.
entry:
  %blocked = alloca [128 x i8], align 8
  %before = alloca [128 x i8], align 8
  call i32 @sigfillset(ptr %blocked)
{keep}
  call i32 @pthread_sigmask(i32 {int(signal.SIG_SETMASK)}, ptr %blocked, ptr %before)
  %wanted.at = getelementptr i8, ptr %pool, i64 {WANTED}
  %wanted = load i64, ptr %wanted.at
  br label %next
next:
  %worker = phi i64 [0, %entry], [%number, %create]
  %enough = icmp sge i64 %worker, %wanted
  br i1 %enough, label %end, label %create
create:
  %number = add i64 %worker, 1
  %offset = mul i64 %worker, 32
  %records = getelementptr i8, ptr %pool, i64 {RECORDS}
  %record = getelementptr i8, ptr %records, i64 %offset
  store ptr %pool, ptr %record
  %me.at = getelementptr i8, ptr %record, i64 8
  store i64 %number, ptr %me.at
  %thread.at = getelementptr i8, ptr %record, i64 16
  %failed = call i32 @pthread_create(ptr %thread.at, ptr null, ptr @pool_worker, ptr %record)
  %created = icmp eq i32 %failed, 0
  br i1 %created, label %next, label %end
end:
  %started = phi i64 [%worker, %next], [%worker, %create]
  %started.at = getelementptr i8, ptr %pool, i64 {STARTED}
  store i64 %started, ptr %started.at
  call i32 @pthread_sigmask(i32 {int(signal.SIG_SETMASK)}, ptr %before, ptr null)
  ret void
}}

define internal void @pool_wake(ptr %pool, i64 %needed) noinline nounwind {{
; wakes as many sleepers as are needed
entry:
  %sleepers.at = getelementptr i8, ptr %pool, i64 {SLEEPERS}
  %tokens.at = getelementptr i8, ptr %pool, i64 {TOKENS}
  %mutex = getelementptr i8, ptr %pool, i64 {SLEEP_MUTEX}
  %wake = getelementptr i8, ptr %pool, i64 {WAKE}
  call i32 @pthread_mutex_lock(ptr %mutex)
  %sleepers = load atomic i64, ptr %sleepers.at monotonic, align 8
  %few = icmp slt i64 %sleepers, %needed
  %count = select i1 %few, i64 %sleepers, i64 %needed
  %rest = sub i64 %sleepers, %count
  store atomic i64 %rest, ptr %sleepers.at monotonic, align 8
  %tokens = load i64, ptr %tokens.at
  %tokens.more = add i64 %tokens, %count
  store i64 %tokens.more, ptr %tokens.at
  br label %next
next:
  %woken = phi i64 [0, %entry], [%woken.next, %signal]
  %enough = icmp sge i64 %woken, %count
  br i1 %enough, label %end, label %signal
signal:
  call i32 @pthread_cond_signal(ptr %wake)
  %woken.next = add i64 %woken, 1
  br label %next
end:
  call i32 @pthread_mutex_unlock(ptr %mutex)
  ret void
}}
"""


def default_num_threads() -> int:
    """``FLAMBEAU_NUM_THREADS``, or the number of processors this process may use."""
    if chosen := os.environ.get("FLAMBEAU_NUM_THREADS"):
        if not chosen.isdecimal() or not 1 <= int(chosen) <= MAX_THREADS:
            raise ValueError(f"FLAMBEAU_NUM_THREADS must be a number from 1 to {MAX_THREADS}, not {chosen!r}")
        return int(chosen)
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), MAX_THREADS)
    return min(os.cpu_count() or 1, MAX_THREADS)


class ThreadPool:
    """The control block and the life of the workers. One run at a time uses the workers; others do without."""

    def __init__(self, num_threads: int) -> None:
        memory = np.zeros(_BYTES + 64, np.uint8)
        start = -memory.ctypes.data % 64
        self._words = memory[start : start + _BYTES].view(np.int64)
        self.address: int = self._words.ctypes.data
        #: Threads that work on a plan, the calling one included.
        self.num_threads = num_threads if POSIX else 1
        if not POSIX:
            return
        self._words[WANTED // 8] = num_threads - 1
        self._libc = ctypes.CDLL(None)
        for name in ("pthread_mutex_init", "pthread_cond_init"):
            getattr(self._libc, name).argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        for name in ("pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_broadcast"):
            getattr(self._libc, name).argtypes = (ctypes.c_void_p,)
        self._libc.pthread_join.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self._libc.pthread_mutex_init(self.address + RUN_MUTEX, None)
        self._libc.pthread_mutex_init(self.address + SLEEP_MUTEX, None)
        self._libc.pthread_cond_init(self.address + WAKE, None)
        # Only the forking thread exists in a child: workers must not be running, nor hold a mutex, when it is made.
        before_fork(self._stop)
        atexit.register(self.set_num_threads, 1)

    def set_num_threads(self, count: int) -> None:
        """Let ``count`` threads work on a plan. Waits for runs under way.

        Raises ``ValueError`` if the count is not from 1 to :data:`MAX_THREADS`.
        """
        if not 1 <= count <= MAX_THREADS:
            raise ValueError(f"the number of threads must be from 1 to {MAX_THREADS}, not {count}")
        if not POSIX:
            return
        with without_native_code():
            self._stop()
            self._words[WANTED // 8] = count - 1
            self.num_threads = count

    @property
    def workers_alive(self) -> int:
        """Native threads that exist now, the calling one not included."""
        return int(self._words[STARTED // 8])

    def _stop(self) -> None:
        """End the workers, which no run may be using. What a signal's handler raises meanwhile is raised in the end."""
        raised: BaseException | None = None
        while True:
            try:
                self._end_workers()
                break
            except BaseException as error:
                raised = error
        if raised is not None:
            raise raised

    def _end_workers(self) -> None:
        """End the workers that there are; may be interrupted between calls and begun again."""
        libc, words = self._libc, self._words
        words[STOP // 8] = 1
        sleep = self.address + SLEEP_MUTEX
        broadcast = libc.pthread_cond_broadcast, self.address + WAKE
        _consume(starmap(call, ((libc.pthread_mutex_lock, sleep), broadcast, (libc.pthread_mutex_unlock, sleep))))
        while started := int(words[STARTED // 8]):
            thread = int(words[(RECORDS + 32 * (started - 1) + 16) // 8])
            ended = map(libc.pthread_join, (thread,), (None,))
            _consume(chain(ended, map(words.__setitem__, (STARTED // 8,), (started - 1,))))
        words[[SLEEPERS // 8, TOKENS // 8, STOP // 8]] = 0


@functools.cache
def default_pool() -> ThreadPool:
    """The process's workers."""
    return ThreadPool(default_num_threads())
