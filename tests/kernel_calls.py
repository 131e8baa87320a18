"""Runs the calls of a template on NumPy arrays, without a planner."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Mapping, Sequence

import numpy as np

from flambeau.cpu.jit import KernelCompiler
from flambeau.cpu.object_cache import ObjectCache
from flambeau.cpu.runner import Runner
from flambeau.cpu.threads import default_pool
from flambeau.interpreter.forks import native
from flambeau.kernels.contract import NEW_PHASE
from flambeau.kernels.kernel import Call, Operand

KernelFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)


@functools.cache
def compiler() -> KernelCompiler:
    """A compiler without a cache on disk, so that tests never run yesterday's code."""
    return KernelCompiler(ObjectCache(None))


@functools.cache
def runner() -> Runner:
    return Runner(compiler(), default_pool())


def run_plan(
    runner: Runner, table: int, steps: int, count: int, scratch: int, stride: int, threads: int = 0
) -> int:
    """Run step records with up to ``threads`` threads (0: all that there are); the error cell's last value."""
    arguments = runner.arguments(table, steps, count, scratch, stride, threads)
    with native.lock:
        return int(runner.native(*arguments))


def aligned(bytes: int, alignment: int = 64) -> np.ndarray:
    """Fresh memory, filled with 0xFF (not a number, in either type) so that nobody relies on zeros."""
    memory = np.full(bytes + alignment, 0xFF, np.uint8)
    start = -memory.ctypes.data % alignment
    return memory[start : start + bytes]


class Prepared:
    """Calls bound to arrays (C-contiguous, one for each operand that is not a temporary), ready to run repeatedly."""

    def __init__(self, calls: Sequence[Call], arrays: Mapping[Operand, np.ndarray]) -> None:
        self.error = np.zeros(1, np.int64)
        table = [self.error.ctypes.data]
        slots: dict[Operand, int] = {}
        self.memory: list[np.ndarray] = []
        for call in calls:
            for item in (*call.arguments, *call.reads, *call.writes):
                if isinstance(item, Operand) and item not in slots:
                    array = arrays[item] if item in arrays else aligned(item.bytes)
                    assert array.flags.c_contiguous
                    self.memory.append(array)
                    slots[item] = len(table)
                    table.append(array.ctypes.data)
        self.table = np.array(table, np.int64)
        self.stride = max((call.scratch for call in calls), default=0) + 63 & -64
        self.scratch = aligned(self.stride * runner().num_threads())
        self.arguments = []
        self.addresses = compiler().addresses([call.kernel for call in calls])
        self.tiles = [call.tiles for call in calls]
        for call in calls:
            flat: list[int] = []
            for item in call.arguments:
                flat += [slots[item], 0] if isinstance(item, Operand) else [item]
            self.arguments.append(np.array(flat, np.int64))
        steps = zip(self.addresses, self.arguments, self.tiles, strict=True)
        self.steps = np.array(
            [(address, arguments.ctypes.data, tiles, NEW_PHASE) for address, arguments, tiles in steps], np.int64
        )

    def run(self, threads: int = 0) -> None:
        """Run all calls natively; zero threads means all. Raises ``RuntimeError`` if a kernel reported an error."""
        count = len(self.tiles)
        memory = self.table.ctypes.data, self.steps.ctypes.data, count, self.scratch.ctypes.data, self.stride
        error = run_plan(runner(), *memory, threads)
        if error:
            raise RuntimeError(f"kernel reported error {error}")

    def run_backwards(self) -> None:
        """Run all calls with the tiles of each in reverse order."""
        for address, arguments, tiles in zip(self.addresses, self.arguments, self.tiles, strict=True):
            function = KernelFunction(address)
            for tile in reversed(range(tiles)):
                function(self.table.ctypes.data, arguments.ctypes.data, tile, self.scratch.ctypes.data)


def execute(calls: Sequence[Call], arrays: Mapping[Operand, np.ndarray], threads: int = 0) -> None:
    """Run calls once on arrays."""
    Prepared(calls, arrays).run(threads)
