"""Plans on native threads: order, errors, several runs at once, forks and the end of the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kernel_calls import run_plan

from flambeau.cpu.ir import Kernel, KernelBuilder, Module
from flambeau.cpu.jit import KernelCompiler
from flambeau.cpu.object_cache import ObjectCache
from flambeau.cpu.runner import Runner, default_runner
from flambeau.cpu.threads import ThreadPool, default_num_threads
from flambeau.cpu.values import INDEX, Pointer
from flambeau.cpu.workers import GENERATION, POSIX
from flambeau.kernels.contract import NEW_PHASE, STEP_BYTES, STOP_ON_ERROR

SUM, COUNT, ERROR, SLEEPY, SCRATCH = range(5)


def _address(b: KernelBuilder, argument: int) -> Pointer:
    """The integers whose address is in the slot that an argument names."""
    return b.slot(b.arguments[argument], INDEX.pointer)


def _emit_sum(module: Module, name: str) -> None:
    """out[tile] = tile + in[0] + ... + in[n - 1]; arguments: slot of in, slot of out, n. One tile needs all inputs."""
    b = KernelBuilder(module, name)
    inputs, total = _address(b, 0), b.variable(b.tile)
    with b.loop(0, b.arguments[2]) as index:
        total.value = total.value + inputs[index]
    _address(b, 1)[b.tile] = total.value
    b.finish()


def _emit_count(module: Module, name: str) -> None:
    """counts[tile] += 1; argument: slot of counts."""
    b = KernelBuilder(module, name)
    (_address(b, 0) + b.tile).add_atomic(1)
    b.finish()


def _emit_error(module: Module, name: str) -> None:
    """Report the error whose number is argument 0."""
    b = KernelBuilder(module, name)
    b.slot(0, INDEX.pointer).store_atomic(b.arguments[0])
    b.finish()


def _emit_sleepy(module: Module, name: str) -> None:
    """counts[tile] += 1 after some tens of microseconds; argument: slot of counts."""
    b = KernelBuilder(module, name)
    wasted = b.array(INDEX, 1)
    with b.loop(0, 30000) as index:
        b.do(f"store volatile {index}, {wasted}")
    (_address(b, 0) + b.tile).add_atomic(1)
    b.finish()


def _emit_scratch(module: Module, name: str) -> None:
    """Write the tile's number all over 4096 bytes of scratch memory; counts[tile] += 1 if it is all there then."""
    b = KernelBuilder(module, name)
    scratch, right = b.scratch.of(INDEX), b.variable(b.index(0))
    with b.loop(0, 512) as index:
        b.do(f"store volatile {b.tile}, {scratch + index}, align 8")
    with b.loop(0, 512) as index:
        there = b.tile.new(INDEX, f"load volatile i64, {scratch + index}, align 8")
        right.value = right.value + there.equals(b.tile).cast("zext", "i64").as_index()
    with b.when(right.value.equals(512)):
        (_address(b, 0) + b.tile).add_atomic(1)
    b.finish()


KERNELS = [
    Kernel("test/sum", _emit_sum),
    Kernel("test/count", _emit_count),
    Kernel("test/error", _emit_error),
    Kernel("test/sleepy", _emit_sleepy),
    Kernel("test/scratch", _emit_scratch),
]


@pytest.fixture(scope="module")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> KernelCompiler:
    return KernelCompiler(ObjectCache(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def shared_runner(compiler: KernelCompiler) -> Runner:
    return Runner(compiler, ThreadPool(4))  # more threads than this machine may have processors


@pytest.fixture
def runner(shared_runner: Runner) -> Iterator[Runner]:
    shared_runner.set_num_threads(4)
    yield shared_runner
    shared_runner.set_num_threads(1)


class Plan:
    """Steps as (kernel number, arguments, tiles, flags), with a table of the error cell and some arrays."""

    def __init__(
        self, compiler: KernelCompiler, steps: list[tuple[int, list[int], int, int]], arrays: list[np.ndarray]
    ) -> None:
        addresses = compiler.addresses(KERNELS)
        self.error = np.zeros(1, np.int64)
        self.arrays = arrays
        self.table = np.array([self.error.ctypes.data, *(array.ctypes.data for array in arrays)], np.int64)
        self.arguments = [np.array(arguments, np.int64) for _, arguments, _, _ in steps]
        self.steps = np.array(
            [
                (addresses[kernel], arguments.ctypes.data, tiles, flags)
                for (kernel, _, tiles, flags), arguments in zip(steps, self.arguments, strict=True)
            ],
            np.int64,
        ).reshape(len(steps), 4)
        assert self.steps.strides[0] == STEP_BYTES
        self.scratch = np.zeros(16 * 4096, np.uint8)

    def run(self, runner: Runner, threads: int = 0) -> int:
        return run_plan(
            runner, self.table.ctypes.data, self.steps.ctypes.data, len(self.steps), self.scratch.ctypes.data, 4096, threads
        )


def chain(compiler: KernelCompiler, length: int, width: int) -> tuple[Plan, np.ndarray]:
    """Phases which each need everything of the one before, over two arrays in turn, and what must come out."""
    arrays = [np.zeros(width, np.int64), np.zeros(width, np.int64)]
    steps = [(SUM, [1 + index % 2, 2 - index % 2, width], width, NEW_PHASE) for index in range(length)]
    expected = np.zeros(width, np.int64)
    with np.errstate(over="ignore"):
        for _ in range(length):
            expected = np.arange(width) + expected.sum()
    return Plan(compiler, steps, arrays), expected


def test_an_empty_plan(runner: Runner, compiler: KernelCompiler) -> None:
    assert Plan(compiler, [], []).run(runner) == 0


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_phases_wait_for_each_other(runner: Runner, compiler: KernelCompiler, threads: int) -> None:
    runner.set_num_threads(threads)
    assert runner.num_threads() == threads
    for width in (1, 2, 3, 5, 17, 64):
        plan, expected = chain(compiler, 200, width)
        for _ in range(3):
            for array in plan.arrays:
                array[:] = 0
            assert plan.run(runner) == 0
            np.testing.assert_array_equal(plan.arrays[0], expected)
    assert runner.pool.workers_alive == (threads - 1 if POSIX else 0)


def test_every_tile_runs_once(runner: Runner, compiler: KernelCompiler) -> None:
    """Phases of several steps, with and without tiles, of all sizes."""
    random = np.random.default_rng(0)
    for _ in range(30):
        counts = [np.zeros(200, np.int64) for _ in range(20)]
        tiles = random.choice([0, 0, 1, 1, 2, 3, 7, 50, 200], size=20)
        flags = random.integers(0, 2, size=20)
        steps = [(COUNT, [1 + index], int(tiles[index]), int(flags[index])) for index in range(20)]
        plan = Plan(compiler, steps, counts)
        for _ in range(5):
            assert plan.run(runner) == 0
        for index, count in enumerate(counts):
            np.testing.assert_array_equal(count, np.where(np.arange(200) < tiles[index], 5, 0))


def test_limit_of_threads_for_one_run(runner: Runner, compiler: KernelCompiler) -> None:
    """Scratch memory for two threads is enough for a run of at most two, whatever the pool has."""
    counts = np.zeros(500, np.int64)
    plan = Plan(compiler, [(SCRATCH, [1], 500, NEW_PHASE)] * 5, [counts])
    plan.scratch[2 * 4096 :] = 77
    for _ in range(20):
        plan.run(runner, threads=2)
    assert (counts == 100).all()
    assert (plan.scratch[2 * 4096 :] == 77).all()


def test_scratch_is_private(runner: Runner, compiler: KernelCompiler) -> None:
    counts = np.zeros(1000, np.int64)
    plan = Plan(compiler, [(SCRATCH, [1], 1000, NEW_PHASE)] * 10, [counts])
    plan.run(runner)
    assert (counts == 10).all()


def test_work_is_shared(runner: Runner, compiler: KernelCompiler) -> None:
    """Scratch memory of other threads is used: workers do take part (given time, on any machine)."""
    plan = Plan(compiler, [(SCRATCH, [1], 2000, NEW_PHASE)] * 10, [np.zeros(2000, np.int64)])
    deadline = time.monotonic() + 10
    while not plan.scratch[4096 : 4 * 4096].any():
        plan.run(runner)
        assert time.monotonic() < deadline, "no worker ever took a tile"


def test_sleeping_workers_are_woken(runner: Runner, compiler: KernelCompiler) -> None:
    counts = np.zeros(8, np.int64)
    plan = Plan(compiler, [(SLEEPY, [1], 8, NEW_PHASE)] * 3, [counts])
    for _ in range(40):
        plan.run(runner)
        time.sleep(0.001)  # long enough to fall asleep
    assert (counts == 120).all()


def test_an_error_stops_only_where_it_is_asked_for(runner: Runner, compiler: KernelCompiler) -> None:
    counts = [np.zeros(4, np.int64) for _ in range(3)]
    steps = [
        (COUNT, [1], 4, NEW_PHASE | STOP_ON_ERROR),
        (ERROR, [42], 1, NEW_PHASE),
        (COUNT, [2], 4, NEW_PHASE),
        (COUNT, [3], 4, NEW_PHASE | STOP_ON_ERROR),
    ]
    plan = Plan(compiler, steps, counts)
    assert plan.run(runner) == 42
    assert [count.tolist() for count in counts] == [[1] * 4, [1] * 4, [0] * 4]
    assert plan.run(runner) == 42  # still there: nothing runs
    assert counts[0].tolist() == [1] * 4
    plan.error[0] = 0
    plan.steps[1, 2] = 0  # no tile, no error
    assert plan.run(runner) == 0
    assert [count.tolist() for count in counts] == [[2] * 4, [2] * 4, [1] * 4]


def test_an_error_in_the_last_step_is_returned(runner: Runner, compiler: KernelCompiler) -> None:
    assert Plan(compiler, [(ERROR, [7], 3, 0)], []).run(runner) == 7


def test_several_python_threads_run_plans_at_once(runner: Runner, compiler: KernelCompiler) -> None:
    failures: list[str] = []

    def work(width: int) -> None:
        plan, expected = chain(compiler, 300, width)
        for repeat in range(30):
            for array in plan.arrays:
                array[:] = 0
            plan.run(runner)
            if not np.array_equal(plan.arrays[0], expected):
                failures.append(f"width {width}, run {repeat}")

    threads = [threading.Thread(target=work, args=(width,)) for width in (2, 3, 16)]
    for thread in threads:
        thread.start()
    for count in (2, 4, 1, 3):  # and the number of threads changes meanwhile
        time.sleep(0.01)
        runner.set_num_threads(count)
    for thread in threads:
        thread.join()
    assert failures == []


def test_old_words_never_seem_new(runner: Runner, compiler: KernelCompiler) -> None:
    """Two ranges are used for billions of phases, whose generations wrap, and then four are."""
    narrow, _ = chain(compiler, 50, 2)
    words = runner.pool._words
    for quarter in range(1, 10):
        words[GENERATION // 8] = quarter * 2**30 - 61  # odd: no phase is open
        narrow.run(runner)
        assert words[GENERATION // 8] == quarter * 2**30 + 38
        if quarter % 4 == 0:
            wide, expected = chain(compiler, 4, 4)
            wide.run(runner)
            np.testing.assert_array_equal(wide.arrays[0], expected)


@pytest.mark.skipif(not POSIX, reason="needs a POSIX clock")
def test_run_timed(runner: Runner, compiler: KernelCompiler) -> None:
    counts = np.zeros(20, np.int64)
    plan = Plan(
        compiler,
        [(COUNT, [1], 20, 0), (SLEEPY, [1], 20, 0), (ERROR, [3], 1, 0), (COUNT, [1], 20, NEW_PHASE | STOP_ON_ERROR)],
        [counts],
    )
    spent = np.full(4, -1, np.int64)
    error = runner.native_timed()(
        plan.table.ctypes.data, plan.steps.ctypes.data, 4, plan.scratch.ctypes.data, spent.ctypes.data
    )
    assert error == 3
    assert (counts == 2).all()
    assert 0 <= spent[0] < spent[1] and spent[1] > 20 * 1000 and spent[2] >= 0 and spent[3] == -1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_with_the_pool_running(runner: Runner, compiler: KernelCompiler) -> None:
    plan, expected = chain(compiler, 100, 16)
    stop = threading.Event()

    def busy() -> None:
        other, _ = chain(compiler, 100, 16)
        while not stop.is_set():
            other.run(runner)

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(5):
            plan.run(runner)
            child = os.fork()
            if child == 0:  # only this thread exists here, and no worker
                status = 1
                try:
                    signal.alarm(20)
                    alone = runner.pool.workers_alive == 0
                    for array in plan.arrays:
                        array[:] = 0
                    plan.run(runner)
                    right = np.array_equal(plan.arrays[0], expected)
                    status = 0 if alone and right and runner.pool.workers_alive == 3 else 2
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
            for array in plan.arrays:
                array[:] = 0
            plan.run(runner)
            np.testing.assert_array_equal(plan.arrays[0], expected)
    finally:
        stop.set()
        thread.join()


EXIT_PROGRAM = """
import sys, threading
sys.path[:0] = sys.argv[1], sys.argv[1] + "/.."
from test_runner import chain
from flambeau.cpu.jit import default_compiler
from flambeau.cpu.runner import default_runner
runner = default_runner()
runner.set_num_threads(3)
plan, expected = chain(default_compiler(), 100, 16)
plan.run(runner)
assert (plan.arrays[0] == expected).all()
if sys.argv[2] == "daemon":
    def busy():
        other, _ = chain(default_compiler(), 100, 16)
        while True:
            other.run(runner)
    threading.Thread(target=busy, daemon=True).start()
elif sys.argv[2] == "late":
    class Late:
        def __del__(self, run=plan.run, runner=runner):
            run(runner)
    sys.late = Late()
print("end")
"""


@pytest.mark.parametrize("ending", ["plain", "daemon", "late"])
def test_processes_end(tmp_path: Path, ending: str) -> None:
    environment = {**os.environ, "FLAMBEAU_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", EXIT_PROGRAM, str(Path(__file__).parent), ending],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_number_of_threads(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (0, -1, 1025):
        with pytest.raises(ValueError, match="from 1 to 1024"):
            runner.set_num_threads(count)
    monkeypatch.setenv("FLAMBEAU_NUM_THREADS", "7")
    assert default_num_threads() == 7
    for wrong in ("0", "many", "-2", "99999"):
        monkeypatch.setenv("FLAMBEAU_NUM_THREADS", wrong)
        with pytest.raises(ValueError, match="FLAMBEAU_NUM_THREADS"):
            default_num_threads()
    monkeypatch.delenv("FLAMBEAU_NUM_THREADS")
    assert default_num_threads() == len(os.sched_getaffinity(0))


def test_the_default_runner_is_one() -> None:
    assert default_runner() is default_runner()


def test_calls_are_quick(runner: Runner, compiler: KernelCompiler) -> None:
    """A serial step must cost far less than a Python call: bounds five times what was measured (0.7 and 0.004 us)."""
    plan = Plan(compiler, [(COUNT, [1], 1, NEW_PHASE)] * 1000, [np.zeros(1, np.int64)])
    single = Plan(compiler, [(COUNT, [1], 1, NEW_PHASE)], [np.zeros(1, np.int64)])
    arguments = [(p.table.ctypes.data, p.steps.ctypes.data, len(p.steps), 0, 0) for p in (single, plan)]
    best = [1.0, 1.0]
    for which in (0, 1):
        for _ in range(200):
            start = time.perf_counter()
            run_plan(runner, *arguments[which])
            best[which] = min(best[which], time.perf_counter() - start)
    assert best[0] < 5e-6
    assert best[1] < 1000 * 0.1e-6
