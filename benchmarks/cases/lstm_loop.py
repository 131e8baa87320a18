"""A training step of an LSTM written as a loop over time, on sequences and batches of every size."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import loop_training


def turn(framework: Any, given: Any, kept: Any, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    i, f, g, o = (given(row) + kept(h)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


CASE = Case(partial(loop_training, gates=4, turn=turn), ratio=0.8, seen=1.5, sizes=(range(20, 61), range(8, 41)))

if __name__ == "__main__":
    main(CASE)
