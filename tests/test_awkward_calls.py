"""Calls with awkward arguments: nothing kills the process, and what PyTorch refuses is refused with its type."""

from __future__ import annotations

from collections import Counter

from awkward_calls import PLAIN, RARE, Comparison, awkward, compared

import flambeau

SEED = 20260
COUNT = 500
REFUSED = 0.98
"""Of the calls that PyTorch refuses, how many must be refused with its type."""


def told(found: list[Comparison]) -> str:
    return "\n".join(f"{one.kind}: {one.call}\n  {one.theirs}\n  {one.ours}" for one in found)


def test_awkward_calls() -> None:
    """A sample of those that ``python -m awkward_calls SEED COUNT`` makes, under a checker of memory."""
    found = compared(awkward(SEED, COUNT))
    fatal = [one for one in found if one.kind in ("dies", "takes too long", "changes", "internal error")]
    assert not fatal, told(fatal)
    refused = [one for one in found if one.theirs[0] == "raises"]
    otherwise = [one for one in refused if one.kind != "same error"]
    assert len(otherwise) <= (1 - REFUSED) * len(refused), told(otherwise)


def test_every_operation_takes_part() -> None:
    """There is a plain call of every function that the package and ``nn.functional`` have."""
    called = Counter(name for line in [*PLAIN, *RARE] for name in line.replace("(", " ").replace(".", " ").split())
    modules = (flambeau, flambeau.nn.functional)  # names that are looked up when they are first used, too
    functions = {name for module in modules for name in dir(module) if hasattr(getattr(module, name, None), "__checked__")}
    # PyTorch has no such functions.
    own = set("_segment_reduce accuracy contrastive_loss cross_entropy_loss triplet_loss".split())
    missing = {name for name in functions if not {name, name.rstrip("_")} & (own | called.keys())}
    assert not missing, sorted(missing)
