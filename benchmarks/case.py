"""What a case is, and measuring one with one framework: the program of a process that the runner starts."""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BATCH_SECONDS = 0.05
"""Steps are timed in batches that last about this long, so that reading the clock costs nothing."""
SEEN = 8
"""How many sizes a case of varying sizes goes through by turns when these are to be no news."""


@dataclass(frozen=True)
class Case:
    """Something worth doing fast, and how fast Flambeau means to be.

    ``prepare`` is given the framework, as a module, and returns the function that does one step and returns a number
    (or a tensor of one element) that both frameworks should agree on to within a relative ``tolerance``. The function is
    given the sizes of the step, one of each range of ``sizes``.
    """

    prepare: Callable[[Any], Callable[..., Any]]
    #: PyTorch's time divided by Flambeau's is to be at least this.
    ratio: float
    #: What the sizes of a step are drawn from; no step of a process has the sizes of an earlier one.
    sizes: tuple[range, ...] = ()
    #: That ratio where the sizes of a step are a few that come again and again.
    seen: float | None = None
    #: Flambeau's peak memory divided by PyTorch's is to be at most this.
    memory: float | None = None
    #: Seconds that the first three steps are to take at most, with nothing compiled yet and with all kernels on disk.
    cold: float | None = None
    warm: float | None = None
    #: The same of the first step alone, as multiples of the time that PyTorch's first step takes.
    first_cold: float | None = None
    first_warm: float | None = None
    tolerance: float = 1e-4

    def drawn(self, seen: bool) -> Iterator[tuple[int, ...]]:
        """The sizes of each step: all that there are, in an order that is always the same, or ``SEEN`` of them by turns."""
        counts = [len(sizes) for sizes in self.sizes]
        order = np.random.default_rng(0).permutation(math.prod(counts)).tolist()
        places = (np.unravel_index(number, counts) if counts else () for number in order)
        every = (tuple(sizes[int(k)] for sizes, k in zip(self.sizes, place)) for place in places)
        return itertools.cycle(itertools.islice(every, SEEN)) if seen or not counts else every

    def steps(self, seen: bool) -> float:
        """How many steps there are."""
        return math.inf if seen or not self.sizes else math.prod(len(sizes) for sizes in self.sizes)


def main(case: Case) -> None:
    """Measure ``case`` with the framework named on the command line and print what was found as JSON."""
    parser = argparse.ArgumentParser(description="Measure one case with one framework; print the result as JSON.")
    parser.add_argument("--framework", choices=("torch", "flambeau"), required=True)
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="time to measure for; 0: the first three steps only (default: 2)"
    )
    parser.add_argument("--seen", action="store_true", help=f"{SEEN} sizes by turns instead of a new one in each step")
    arguments = parser.parse_args()
    print(json.dumps(measure(case, arguments.framework, arguments.seconds, arguments.seen)))


def measure(case: Case, name: str, seconds: float, seen: bool = False) -> dict[str, Any]:
    """The first three steps' values and times, then the time of a step once warm, and the peak memory in bytes."""
    framework = importlib.import_module(name)
    step = case.prepare(framework)
    sizes = case.drawn(seen)
    clock = [time.perf_counter()]
    values = []
    for _ in range(3):
        values.append(number(step(*next(sizes))))
        clock.append(time.perf_counter())
    left = case.steps(seen) - 3
    warming = 3 * SEEN if case.sizes else 5
    batches = timed_batches(lambda: step(*next(sizes)), seconds, warming, left) if seconds > 0 else []
    return {
        "framework": name,
        "version": framework.__version__,
        "threads": framework.get_num_threads(),
        "values": values,
        "first_seconds": clock[-1] - clock[0],
        "first_step_seconds": clock[1] - clock[0],
        "step_seconds": statistics.median(batches) if batches else None,
        "fastest_seconds": min(batches) if batches else None,
        "peak_bytes": peak_bytes(),
    }


def timed_batches(step: Callable[[], Any], seconds: float, warming: int, left: float) -> list[float]:
    """Seconds a step, for each of the batches of steps that fit into ``seconds``.

    Before that, a quarter as long (and ``warming`` steps) is for warming up, if that leaves three quarters of the steps
    that are ``left``. The last result of each batch is looked at, so that nothing is left undone when the clock is read.
    """
    steps = 0
    start = now = time.perf_counter()
    while steps < left / 4 and (steps < warming or now - start < seconds / 4):
        number(step())
        steps += 1
        now = time.perf_counter()
    left -= steps
    batch = int(max(1, min(round(BATCH_SECONDS * steps / (now - start)), left / 5)))
    times: list[float] = []
    until = now + seconds
    while (now < until or len(times) < 5) and left >= batch:
        start = time.perf_counter()
        for _ in range(batch - 1):
            step()
        number(step())
        now = time.perf_counter()
        times.append((now - start) / batch)
        left -= batch
    return times


def number(value: Any) -> float:
    """What a step returned, looked at if it is a tensor."""
    return float(value) if isinstance(value, (int, float)) else float(value.item())


def peak_bytes() -> int:
    """The largest part of this process that was ever in memory."""
    status = Path("/proc/self/status")
    if status.exists():  # what ``getrusage`` says may be left over from the process that started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
