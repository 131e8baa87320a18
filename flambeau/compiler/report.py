"""What the last evaluation did: the kernels it ran, what each fused, where that was recorded, bytes, FLOPs and time.

``FLAMBEAU_SHOW=1`` prints this after every evaluation, with times (kernels then run one after the other on one thread);
:func:`last_evaluation` gives it for the last evaluation of the process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..graph.trace import SHOW

_last: list[Any] = [None, None]


class Evaluation(NamedTuple):
    """One evaluation: its plan, and how long each piece of work took in ns, up to where it ended.

    By the clock, it ``began`` with looking for the plan, which may have been made and compiled, ``started`` to run it, and
    ``ended``.
    """

    plan: Any
    times: list[int]
    began: int
    started: int
    ended: int


listeners: list[Callable[[Evaluation], None]] = []
"""Who is told of each evaluation. If there is anybody, kernels are timed, and run one after the other on one thread."""

if SHOW:
    listeners.append(lambda evaluation: print(describe_plan(evaluation.plan, evaluation.times), file=sys.stderr))


def remember(plan: Any, times: Sequence[int] | None) -> None:
    """Keep the plan of an evaluation, and what its kernels took if that was measured."""
    _last[:] = [plan, times]


def last_evaluation() -> str:
    """A table of the last evaluation's kernels, one line each: recording line, bytes, FLOPs, tiles, time, contents."""
    plan, times = _last
    return "nothing was evaluated yet" if plan is None else describe_plan(plan, times)


def describe_plan(plan: Any, times: Sequence[int] | None = None) -> str:
    """The table for one plan; ``times`` are nanoseconds of its pieces of work."""
    tier = "fused" if plan.fused else "one primitive at a time (seen for the first time)"
    lines = [
        f"{len(plan.work)} kernels, {tier}; {plan.arena_bytes} bytes for temporaries of {plan.peak_bytes} bytes in all",
        f"{'line':>24} {'bytes':>12} {'FLOP':>12} {'tiles':>6} {'time':>12}  kernel",
    ]
    following = iter(times or ())
    for work in plan.work:
        where = "" if work.site is None else f"{os.path.basename(work.site[0])}:{work.site[1]}"
        taken = next(following, None)
        time = "" if taken is None else f"{taken / 1e3:.1f} us"
        lines.append(f"{where:>24} {work.bytes:>12} {work.flops:>12} {work.tiles:>6} {time:>12}  {work.label}")
    return "\n".join(lines)
