"""Compiles the calls of a template and runs them on NumPy arrays, without a planner or native threads."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence

import llvmlite.binding as llvm
import numpy as np

from flambeau.cpu.ir import Module
from flambeau.cpu.kernel import Call, Kernel, Operand

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()

KernelFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
_compiled: dict[str, KernelFunction] = {}  # type: ignore[valid-type]
_engines: list[llvm.ExecutionEngine] = []


def target_machine() -> llvm.TargetMachine:
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


def compile_kernel(kernel: Kernel) -> KernelFunction:  # type: ignore[valid-type]
    """The native function of a kernel, compiled once per key."""
    if kernel.key not in _compiled:
        module = Module()
        kernel.emit(module, "kernel")
        parsed = llvm.parse_assembly(module.text())
        parsed.verify()
        machine = target_machine()
        builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
        builder.getModulePassManager().run(parsed, builder)
        engine = llvm.create_mcjit_compiler(parsed, machine)
        engine.finalize_object()
        _engines.append(engine)
        _compiled[kernel.key] = KernelFunction(engine.get_function_address("kernel"))
    return _compiled[kernel.key]


def aligned(bytes: int, alignment: int = 64) -> np.ndarray:
    """Fresh memory, filled with 0xAB so that nobody relies on zeros."""
    memory = np.full(bytes + alignment, 0xAB, np.uint8)
    start = -memory.ctypes.data % alignment
    return memory[start : start + bytes]


class Prepared:
    """Calls bound to arrays, ready to run again and again."""

    def __init__(self, calls: Sequence[Call], arrays: Mapping[Operand, np.ndarray], threads: int = 1) -> None:
        self.threads = threads
        self.error = np.zeros(1, np.int64)
        table = [self.error.ctypes.data]
        slots: dict[Operand, int] = {}
        self._keep: list[np.ndarray] = []
        for call in calls:
            for item in (*call.arguments, *call.reads, *call.writes):
                if isinstance(item, Operand) and item not in slots:
                    array = arrays[item] if item in arrays else aligned(item.bytes)
                    self._keep.append(array)
                    slots[item] = len(table)
                    table.append(array.ctypes.data)
        self.table = np.array(table, np.int64)
        scratch = max((call.scratch for call in calls), default=0)
        self._scratch = [aligned(scratch) for _ in range(threads)]
        self.steps = []
        for call in calls:
            flat: list[int] = []
            for item in call.arguments:
                flat += [slots[item], 0] if isinstance(item, Operand) else [item]
            self.steps.append((compile_kernel(call.kernel), np.array(flat, np.int64), call.tiles))

    def run(self, order: int = 1) -> None:
        """Run all calls; ``order`` -1 runs tiles backwards. Raises ``RuntimeError`` if a kernel reported an error."""
        for function, arguments, tiles in self.steps:
            if self.threads == 1:
                self._part(function, arguments, range(tiles)[::order], 0)
                continue
            workers = [
                threading.Thread(
                    target=self._part, args=(function, arguments, range(thread, tiles, self.threads)[::order], thread)
                )
                for thread in range(1, self.threads)
            ]
            for worker in workers:
                worker.start()
            self._part(function, arguments, range(0, tiles, self.threads)[::order], 0)
            for worker in workers:
                worker.join()
        if self.error[0]:
            raise RuntimeError(f"kernel reported error {self.error[0]}")

    def _part(self, function: KernelFunction, arguments: np.ndarray, tiles: range, thread: int) -> None:  # type: ignore[valid-type]
        table, static, scratch = self.table.ctypes.data, arguments.ctypes.data, self._scratch[thread].ctypes.data
        for tile in tiles:
            function(table, static, tile, scratch)


def execute(
    calls: Sequence[Call], arrays: Mapping[Operand, np.ndarray], threads: int = 1, order: int = 1
) -> None:
    """Run calls once on arrays (C-contiguous), one for each operand that is not a temporary."""
    Prepared(calls, arrays, threads).run(order)
