"""What a case is, and measuring one with one framework: the program of a process that the runner starts."""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCH_SECONDS = 0.05
"""Steps are timed in batches that last about this long, so that reading the clock costs nothing."""


@dataclass(frozen=True)
class Case:
    """Something worth doing fast, and how fast Flambeau means to be.

    ``prepare`` is given the framework, as a module, and returns the function that does one step and returns a number
    (or a tensor of one element) that both frameworks should agree on to within a relative ``tolerance``.
    """

    prepare: Callable[[Any], Callable[[], Any]]
    #: PyTorch's time divided by Flambeau's is to be at least this.
    ratio: float
    #: Flambeau's peak memory divided by PyTorch's is to be at most this.
    memory: float | None = None
    #: Seconds that the first three steps are to take at most, with nothing compiled yet and with all kernels on disk.
    cold: float | None = None
    warm: float | None = None
    tolerance: float = 1e-4


def main(case: Case) -> None:
    """Measure ``case`` with the framework named on the command line and print what was found as JSON."""
    parser = argparse.ArgumentParser(description="Measure one case with one framework; print the result as JSON.")
    parser.add_argument("--framework", choices=("torch", "flambeau"), required=True)
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="time to measure for; 0: the first three steps only (default: 2)"
    )
    arguments = parser.parse_args()
    print(json.dumps(measure(case, arguments.framework, arguments.seconds)))


def measure(case: Case, name: str, seconds: float) -> dict[str, Any]:
    """The first three steps' values and time, then the time of a step once warm, and the peak memory in bytes."""
    framework = importlib.import_module(name)
    step = case.prepare(framework)
    start = time.perf_counter()
    values = [number(step()) for _ in range(3)]
    first = time.perf_counter() - start
    batches = timed_batches(step, seconds) if seconds > 0 else []
    return {
        "framework": name,
        "version": framework.__version__,
        "threads": framework.get_num_threads(),
        "values": values,
        "first_seconds": first,
        "step_seconds": statistics.median(batches) if batches else None,
        "fastest_seconds": min(batches) if batches else None,
        "peak_bytes": peak_bytes(),
    }


def timed_batches(step: Callable[[], Any], seconds: float) -> list[float]:
    """Seconds a step, for each of the batches of steps that fit into ``seconds``; a quarter as long is for warming up.

    The last result of each batch is looked at, so that nothing is left undone when the clock is read.
    """
    steps = 0
    start = now = time.perf_counter()
    while steps < 5 or now - start < seconds / 4:
        number(step())
        steps += 1
        now = time.perf_counter()
    batch = max(1, round(BATCH_SECONDS * steps / (now - start)))
    times: list[float] = []
    until = now + seconds
    while now < until or len(times) < 5:
        start = time.perf_counter()
        for _ in range(batch - 1):
            step()
        number(step())
        now = time.perf_counter()
        times.append((now - start) / batch)
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
