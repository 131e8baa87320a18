"""The native side of a thread pool: workers that take tiles, sleep on a condition variable, and are woken.

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

import os
import signal
import time
from typing import Any

from ..kernels.contract import STEP_BYTES
from .ir import KERNEL_PARAMETERS, Builder, Function
from .target import host
from .values import BYTE, FLAG, INDEX, Pointer, Type, Value, where

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
RECORD_BYTES = 32
WORDS = RECORDS + RECORD_BYTES * MAX_THREADS  # for each range: its word, on a cache line of its own
WORD_BYTES = 64
BLOCK_BYTES = WORDS + WORD_BYTES * MAX_THREADS

PATIENCE = 1000
"""How often a thread that waits for another one pauses before it gives up its time slice: then the other thread is probably
waiting for this very processor."""

REFRESH = 1 << 30
"""After so many generations every word is stamped anew, so that no word is ever so old that it seems to be new."""

STEP_WORDS = STEP_BYTES // 8
INT = Type.of("i32")
_KERNEL = Function("kernel", KERNEL_PARAMETERS)


def field(pool: Pointer, offset: int) -> Pointer:
    """A number of the control block."""
    return (pool + offset).of(INDEX)


def run_tile(b: Builder, step: Pointer, table: Pointer, tile: Value, scratch: Pointer) -> None:
    """Call the kernel of a step record."""
    kernel, arguments = step.of(BYTE.pointer).load(), (step + 1).of(INDEX.pointer).load()
    _KERNEL(b, at=kernel, table=table, arguments=arguments, tile=tile, scratch=scratch)


def nanoseconds(b: Builder) -> Value:
    """The time of a clock that only runs forward."""

    def write(b: Builder, given: Any) -> Value:
        time_ = b.array(INDEX, 2)
        b.external("clock_gettime", INT, b.constant(INT, time.CLOCK_MONOTONIC), time_)
        now: Value = time_[0] * 1_000_000_000 + time_[1]
        return now

    now: Value = b.module.function("pool_nanoseconds", {}, write, "nounwind", INDEX)(b)
    return now


def pause(b: Builder) -> None:
    """Tell the processor that this loop waits for another core."""
    if instruction := host().spin_hint:
        name, arguments = instruction
        b.module.declare(name, "void", *(type for type, _ in arguments))
        b.do(f"call void @{name}({', '.join(f'{type} {value}' for type, value in arguments)})")


def wait_for(b: Builder, place: Pointer, value: Value) -> None:
    """Wait until another thread has set a number."""
    turns = b.variable(b.index(0))
    with b.repeat() as proceed:
        proceed(place.load_atomic("acquire").differs(value))
        turn = turns.value
        turns.value = turn + 1
        for patient in b.either(turn < PATIENCE):
            if patient:
                pause(b)
            else:
                b.external("sched_yield", INT)


def work(b: Builder, pool: Pointer, me: Value | int, seen: Pointer) -> Value:
    """Take and run tiles of a phase that is open until none is left; how many it ran. Notes in ``seen`` the generation of the
    phase that has nothing left."""
    parameters = {"pool": BYTE.pointer, "me": INDEX, "seen": INDEX.pointer}
    count: Value = b.module.function("pool_work", parameters, _write_work, "nounwind", INDEX)(
        b, pool=pool, me=me, seen=seen
    )
    return count


def _write_work(b: Builder, given: Any) -> Value:
    pool, me, seen = given.pool, given.me, given.seen
    count = b.variable(b.index(0))
    generation = field(pool, GENERATION).load_atomic("acquire")
    even = (generation & 1).equals(0)
    with b.when(generation.differs(seen[0]) & even):
        steps = (pool + PHASE_STEPS).of(INDEX.pointer).load_atomic()
        table = (pool + PHASE_TABLE).of(INDEX.pointer).load_atomic()
        scratch = (pool + PHASE_SCRATCH).of(BYTE.pointer).load_atomic()
        total, stride, threads = (
            field(pool, offset).load_atomic() for offset in (PHASE_TOTAL, PHASE_STRIDE, PHASE_THREADS)
        )
        b.fence("acquire")
        with b.when(field(pool, GENERATION).load_atomic().equals(generation)):
            with b.when(me.compare("ult", threads)):
                ours = scratch + me * stride
                ranges = total.call("umin", threads)
                here, tried = b.variable(me % ranges), b.variable(b.index(0))
                with b.repeat() as proceed:
                    proceed(tried.value < ranges)
                    number = here.value
                    start, stop = number * total // ranges, (number + 1) * total // ranges
                    word = field(pool, WORDS) + number * (WORD_BYTES // 8)
                    over = _take_range(b, word, generation, start, stop, count, steps, table, ours)
                    tried.value = where(over, ranges, tried.value + 1)
                    here.value = where((number + 1).equals(ranges), 0, number + 1)
            seen[0] = generation
    done: Value = count.value
    return done


def _take_range(
    b: Builder, word: Pointer, generation: Value, start: Value, stop: Value, count: Any, steps: Pointer, table: Pointer,
    scratch: Pointer,
) -> Value:  # fmt: skip
    """Take and run tiles of one range until none is left; whether the whole phase is over."""
    over = b.variable(FLAG)
    with b.repeat() as proceed:
        before = word.load_atomic()
        age = generation.truncate("i32") - (before >> 32).truncate("i32")
        over.value = age < 0
        left = where(age.equals(0), before & 0xFFFFFFFF, stop - start)
        proceed(~over.value & left.differs(0))
        with b.when(word.swap_if(before, generation << 32 | (left - 1), "acq_rel monotonic")):
            # Tiles are numbered through all the steps of the phase.
            step, tile = b.variable(steps), b.variable(stop - left)
            with b.repeat() as search:
                tiles = step.value[2]
                search(tile.value >= tiles)
                tile.value = tile.value - tiles
                step.value = step.value + STEP_WORDS
            run_tile(b, step.value, table, tile.value, scratch)
            count.value = count.value + 1
    result: Value = over.value
    return result


def refresh(b: Builder, pool: Pointer, generation: Value) -> None:
    """Stamp every word anew."""

    def write(b: Builder, given: Any) -> None:
        words = field(given.pool, WORDS)
        with b.loop(0, MAX_THREADS) as number:
            (words + number * (WORD_BYTES // 8)).store_atomic(given.generation << 32)

    parameters = {"pool": BYTE.pointer, "generation": INDEX}
    b.module.function("pool_refresh", parameters, write)(b, pool=pool, generation=generation)


def start(b: Builder, pool: Pointer) -> None:
    """Create the wanted workers, or as many as the system allows."""
    worker = b.module.function("pool_worker", {"record": INDEX.pointer}, _write_worker, "nounwind", BYTE.pointer)

    def write(b: Builder, given: Any) -> None:
        # They inherit a mask that leaves signals to the interpreter's threads, except those that report a fault of the thread
        # itself.
        blocked, before = b.array(BYTE, 128), b.array(BYTE, 128)
        null, setting = Pointer(b, BYTE.pointer, "null"), b.constant(INT, int(signal.SIG_SETMASK))
        b.external("sigfillset", INT, blocked)
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
            b.external("sigdelset", INT, blocked, b.constant(INT, int(number)))
        b.external("pthread_sigmask", INT, setting, blocked, before)
        started, wanted = b.variable(b.index(0)), field(given.pool, WANTED)[0]
        with b.repeat() as proceed:
            number = started.value
            proceed(number < wanted)
            record = field(given.pool, RECORDS) + number * (RECORD_BYTES // 8)
            record.of(BYTE.pointer).store(given.pool)
            record[1] = number + 1
            thread = record + 2
            proceed(b.external("pthread_create", INT, thread, null, worker.address(b), record).equals(0))
            started.value = number + 1
        field(given.pool, STARTED)[0] = started.value
        b.external("pthread_sigmask", INT, setting, before, null)

    b.module.function("pool_start", {"pool": BYTE.pointer}, write)(b, pool=pool)


def _write_worker(b: Builder, given: Any) -> Value:
    """The life of a worker."""
    pool, me = given.record.of(BYTE.pointer).load(), given.record[1]
    seen, stopped = b.array(INDEX, 1), b.variable(b.constant(FLAG, False))
    seen[0] = 0
    sleepers, tokens, stop = (field(pool, offset) for offset in (SLEEPERS, TOKENS, STOP))
    mutex, wake_up = pool + SLEEP_MUTEX, pool + WAKE
    with b.repeat() as live:
        live(~stopped.value)
        since, turns, tired = b.variable(nanoseconds(b)), b.variable(b.index(0)), b.variable(b.constant(FLAG, False))
        with b.repeat() as look:
            look(~tired.value)
            count = work(b, pool, me, seen)
            for worked in b.either(count.differs(0)):
                if worked:
                    field(pool, DONE).add_atomic(count, "acq_rel")
                    since.value, turns.value = nanoseconds(b), 0
                else:
                    pause(b)
                    turn = turns.value + 1
                    turns.value = turn
                    with b.when((turn & 31).equals(0)):
                        tired.value = nanoseconds(b) - since.value > SPIN_NANOSECONDS
        b.external("pthread_mutex_lock", INT, mutex)
        sleepers.add_atomic(1, "seq_cst")
        b.fence("seq_cst")
        for late in b.either(field(pool, GENERATION).load_atomic("seq_cst").differs(seen[0])):
            if late:
                sleepers.add_atomic(-1, "seq_cst")
            else:
                with b.repeat() as sleep:
                    stopped.value = stop[0].differs(0)
                    sleep(~stopped.value & tokens[0].equals(0))
                    b.external("pthread_cond_wait", INT, wake_up, mutex)
                with b.when(~stopped.value):
                    tokens[0] = tokens[0] - 1
        b.external("pthread_mutex_unlock", INT, mutex)
    return Pointer(b, BYTE.pointer, "null")


def wake(b: Builder, pool: Pointer, needed: Value) -> None:
    """Wake as many sleepers as are needed."""

    def write(b: Builder, given: Any) -> None:
        sleepers, tokens = field(given.pool, SLEEPERS), field(given.pool, TOKENS)
        mutex = given.pool + SLEEP_MUTEX
        b.external("pthread_mutex_lock", INT, mutex)
        asleep = sleepers.load_atomic()
        count = asleep.at_most(given.needed)
        sleepers.store_atomic(asleep - count)
        tokens[0] = tokens[0] + count
        with b.loop(0, count):
            b.external("pthread_cond_signal", INT, given.pool + WAKE)
        b.external("pthread_mutex_unlock", INT, mutex)

    b.module.function("pool_wake", {"pool": BYTE.pointer, "needed": INDEX}, write)(b, pool=pool, needed=needed)
