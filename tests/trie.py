"""What the trie of steps holds."""

from __future__ import annotations

from typing import Any

from flambeau.graph import steps


def reached() -> set[Any]:
    """All steps that can be reached from where traces begin."""
    found: set[Any] = set(steps._roots.values())
    waiting = list(found)
    while waiting:
        step = waiting.pop()
        followers = [following for following in step.next.values() if following is not None]
        new = {*step.aside, *[getattr(following, "last", following) for following in followers]} - found
        found |= new
        waiting += new
    return found


def bytes_reached() -> int:
    """What all that can be reached counts against the budget."""
    plans = {id(end.plans): end.plans for end in steps._ends}
    size: int = sum([getattr(plan, "kept_bytes", 0) for known in plans.values() for plan in known.values()])
    return size + steps.STEP_BYTES * (len(reached()) - len(steps._roots))
