"""What the last evaluation did: the kernels it ran, what each fused, where that was recorded, bytes, FLOPs and time."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from ..cpu.kernel import Call
from .items import Item

SHOW = os.environ.get("FLAMBEAU_SHOW", "") not in ("", "0")
"""Print a report after every evaluation."""

_last: list[Any] = [None]


def remember(plan: Any, trace: Any) -> None:
    """Keep the plan of the evaluation that is about to run, for :func:`last_evaluation`."""
    _last[0] = plan


def last_evaluation(timings: np.ndarray | None = None) -> str:
    """A table of the last evaluation's kernels, one line each: what it fused, its line, bytes, FLOPs and time."""
    plan = _last[0]
    if plan is None:
        return "nothing was evaluated yet"
    return describe_plan(plan, timings)


def describe_plan(plan: Any, timings: np.ndarray | None = None) -> str:
    """The table for one plan."""
    tier = "fused" if plan.fused else "one primitive at a time (seen for the first time)"
    lines = [f"{len(plan.work)} kernels, {tier}; arena {plan.arena_bytes} bytes of {plan.peak_bytes} temporaries"]
    number = 0
    for index, call in enumerate(plan.work):
        items: list[Item] = plan.groups[plan._index[index]].items
        site = next((i.site for i in items if i.site is not None), None)
        where = "" if site is None else f"{os.path.basename(site[0])}:{site[1]}"
        moved = sum(o.bytes for o in (*call.reads, *call.writes))
        time = ""
        if isinstance(call, Call):
            if timings is not None and number < len(timings):
                time = f"{timings[number] / 1e3:10.1f} us"
            number += 1
        tiles = call.tiles if isinstance(call, Call) else 0
        flops = call.flops if isinstance(call, Call) else 0
        lines.append(f"{index:4d} {where:24s} {moved:12d} B {flops:14d} FLOP {tiles:5d} tiles {time} {call.label}")
    return "\n".join(lines)


def show(text: str) -> None:
    """Print a report where it does not mix with a program's output."""
    print(text, file=sys.stderr)
