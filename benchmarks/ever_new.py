"""Steps of ever new sizes: what memory they take in the long run, and how long the program ever stops.

``python -m benchmarks.ever_new [--framework flambeau] [--steps 20000]`` trains the text classifier of ``cases/varied_text.py``,
every step with a batch and a length that were not seen together before, and prints the memory in use after the first
thousand steps and at the end, and the longest steps. Flambeau is to end within 100 MB of the thousandth step, and to stop
for no more than 0.1 s after it.
"""

from __future__ import annotations

import argparse
import heapq
import importlib
import os
import time
from dataclasses import replace
from pathlib import Path

from .case import number, peak_bytes
from .runner import load

MOST_MEGABYTES, MOST_SECONDS = 100, 0.1
FIRST = 1000


def megabytes() -> float:
    """This process's memory."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return peak_bytes() / 1e6
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ever_new", description="Steps of ever new sizes.")
    parser.add_argument("--framework", choices=("torch", "flambeau"), default="flambeau")
    parser.add_argument("--steps", type=int, default=20000, help="how many steps (default: 20000)")
    arguments = parser.parse_args()
    case = replace(load("varied_text"), sizes=(range(1, 151), range(2, 151)))
    step = case.prepare(importlib.import_module(arguments.framework))
    sizes = case.drawn(seen=False)
    if not FIRST < arguments.steps <= case.steps(seen=False):
        parser.error(f"there must be more than {FIRST} steps, and no more than {case.steps(seen=False):.0f}")
    pauses: list[tuple[float, int]] = []
    early = 0.0
    begin = clock = time.perf_counter()
    for count in range(1, arguments.steps + 1):
        number(step(*next(sizes)))
        now = time.perf_counter()
        if count > FIRST:
            pauses = heapq.nlargest(5, [*pauses, (now - clock, count)])
        elif count == FIRST:
            early = megabytes()
            print(f"{FIRST} steps: {early:.0f} MB, {1e3 * (now - begin) / FIRST:.2f} ms a step", flush=True)
            begin = now
        clock = now
    late = megabytes()
    each = 1e3 * (clock - begin) / (arguments.steps - FIRST)
    print(f"{arguments.steps} steps: {late:.0f} MB, {late - early:+.0f} MB, {each:.2f} ms a step")
    print("longest: " + ", ".join(f"{1e3 * seconds:.0f} ms (step {count})" for seconds, count in pauses))
    return int(late - early > MOST_MEGABYTES or pauses[0][0] > MOST_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
