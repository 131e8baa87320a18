"""Where a trace is cut: when so much is pending that it is to be evaluated, at the line where that was done before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .primitives import LEAF
from .sites import user_site
from .steps import ALWAYS, Step

if TYPE_CHECKING:
    from .trace import Trace

SOFT_BUDGET = 768
"""Pending steps from which on a trace is cut where the previous one was cut."""
HARD_BUDGET = 1024
"""Pending steps at which a trace is cut wherever it is."""
LONG_BUDGETS = 6144, 8192
"""The same two where traces are turns of loops: those are planned one by one, so the longer a trace, the less is cut in two."""

last_cut: list[tuple[str, int] | None] = [None]
"""The line at which a trace was cut last."""
_long_at: set[tuple[str, int] | None] = set()
"""Lines at which traces were cut that are turns of loops."""



def note_loop(depth: int) -> None:
    """Note that the trace that is evaluated is mostly turns of a loop: if it was cut, it may become longer the next time."""
    if depth >= SOFT_BUDGET:
        _long_at.add(last_cut[0])


def time_to_cut(trace: Trace, mark: int) -> bool:
    """Whether a trace is to be cut before a step with this mark, which is beyond its limit."""
    if mark >= ALWAYS:
        return True
    site = user_site()
    soft, hard = SOFT_BUDGET, HARD_BUDGET
    if site in _long_at:
        soft, hard = LONG_BUDGETS
        if mark < soft:
            with trace.lock:
                if trace.limit == SOFT_BUDGET:
                    trace.limit = soft
            return False
    if mark < hard:
        return site == last_cut[0]
    last_cut[0] = site
    return True


def only_leaves(step: Step | None) -> bool:
    """Whether nothing is computed up to a step: it leads through values in memory alone."""
    while step is not None and step.depth and step.primitive is LEAF:
        step = step.parent
    return step is None or step.depth == 0
