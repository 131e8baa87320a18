"""A training step of a GRU written as a loop over time, on sequences and batches of every size."""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.case import Case, main
from benchmarks.models import loop_training


def turn(framework: Any, given: Any, kept: Any, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    given_r, given_z, given_n = given(row).chunk(3, 1)
    kept_r, kept_z, kept_n = kept(h).chunk(3, 1)
    r, z = framework.sigmoid(given_r + kept_r), framework.sigmoid(given_z + kept_z)
    n = framework.tanh(given_n + r * kept_n)
    return (1 - z) * n + z * h, c


CASE = Case(partial(loop_training, gates=3, turn=turn), ratio=0.8, seen=1.5, sizes=(range(20, 61), range(8, 41)))

if __name__ == "__main__":
    main(CASE)
