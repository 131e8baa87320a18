"""Running a plan: its steps one after the other, each kernel on all of its tiles at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from ctypes import c_int64
from dataclasses import dataclass
from typing import Any

import numpy as np

from flambeau.kernels.contract import STEP_BYTES, STOP_ON_ERROR

from .arguments import Arguments


@dataclass(frozen=True)
class Kernel:
    """A function of a call's arguments; ``key`` determines what it does."""

    key: str
    run: Callable[[Arguments], None]


class Runner:
    """Runs plans of kernels that were loaded (see :class:`flambeau.kernels.contract.Runner`)."""

    def __init__(self) -> None:
        self._kernels: list[Kernel] = []
        self._numbers: dict[str, int] = {}
        #: How many steps were run.
        self.steps = 0

    def load(self, kernel: Kernel) -> int:
        """The number that stands for a kernel."""
        number = self._numbers.get(kernel.key)
        if number is None:
            number = self._numbers[kernel.key] = len(self._kernels)
            self._kernels.append(kernel)
        return number

    def num_threads(self) -> int:
        return 1

    def arguments(
        self, table_address: int, steps_address: int, step_count: int, scratch_address: int, scratch_stride: int, threads: int
    ) -> tuple[int, ...]:
        return table_address, steps_address, step_count

    def native(self, table: int, steps: int, count: int, nanoseconds: int | None = None) -> int:
        """Run a part of a plan. One step at a time, so that phases need no barrier; only errors stop at one."""
        error = c_int64.from_address(c_int64.from_address(table).value)
        for step in range(count):
            number, arguments, tiles, flags = (c_int64 * 4).from_address(steps + STEP_BYTES * step)
            if flags & STOP_ON_ERROR and error.value:
                break
            start = time.perf_counter_ns()
            if tiles:
                with np.errstate(all="ignore"):
                    self._kernels[number].run(Arguments(table, arguments))
            self.steps += 1
            if nanoseconds is not None:
                c_int64.from_address(nanoseconds + 8 * step).value = time.perf_counter_ns() - start
        return error.value

    def native_timed(self) -> Callable[..., int]:
        def timed(table: int, steps: int, count: int, scratch: int, nanoseconds: int) -> Any:
            return self.native(table, steps, count, nanoseconds)

        return timed
