"""What the last evaluation did: the kernels it ran, what each fused, where that was recorded, bytes, FLOPs and time.

``FLAMBEAU_SHOW=1`` prints this after every evaluation, with times (kernels then run one after the other on one thread);
:func:`last_evaluation` gives it for the last evaluation of the process.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from ..graph.trace import SHOW

_last: list[Any] = [None, None]


def remember(plan: Any, timings: list[np.ndarray] | None) -> None:
    """Keep the plan of an evaluation, and what its kernels took if that was measured; prints it if asked to."""
    _last[:] = [plan, timings]
    if SHOW:
        print(describe_plan(plan, timings), file=sys.stderr)


def last_evaluation() -> str:
    """A table of the last evaluation's kernels, one line each: recording line, bytes, FLOPs, tiles, time, contents."""
    plan, timings = _last
    return "nothing was evaluated yet" if plan is None else describe_plan(plan, timings)


def describe_plan(plan: Any, timings: list[np.ndarray] | None = None) -> str:
    """The table for one plan; ``timings`` are nanoseconds of its native calls, one array for each native run."""
    tier = "fused" if plan.fused else "one primitive at a time (seen for the first time)"
    lines = [
        f"{len(plan.work)} kernels, {tier}; {plan.arena_bytes} bytes for temporaries of {plan.peak_bytes} bytes in all",
        f"{'line':>24} {'bytes':>12} {'FLOP':>12} {'tiles':>6} {'time':>12}  kernel",
    ]
    times = iter([] if timings is None else np.concatenate([*timings, np.zeros(0, np.int64)]).tolist())
    for work in plan.work:
        where = "" if work.site is None else f"{os.path.basename(work.site[0])}:{work.site[1]}"
        taken = next(times, None) if work.native else None
        time = "" if taken is None else f"{taken / 1e3:.1f} us"
        lines.append(f"{where:>24} {work.bytes:>12} {work.flops:>12} {work.tiles:>6} {time:>12}  {work.label}")
    return "\n".join(lines)
