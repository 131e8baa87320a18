"""How programs are run to compare the engine's tiers: at once, recorded, again and again, in small tiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import flambeau
from flambeau.graph import steps, trace
from flambeau.kernels.contract import device_called

TIMES = 3
"""The first run is one primitive at a time, the second finds that the trace recurs, the third follows a plan."""


@contextmanager
def eager() -> Iterator[None]:
    """Each operation is evaluated when it is recorded."""
    trace.set_eager(True)
    try:
        yield
    finally:
        trace.set_eager(False)


@contextmanager
def small_tiles() -> Iterator[None]:
    """Cut loops into many tiles, and sums into parts, that would not be worth it for tensors so small."""
    device = device_called(trace.local.trace.device)
    before, threads = device.tiling, flambeau.get_num_threads()
    trace.step_boundary()
    steps.forget_steps()
    device.tiling = before._replace(elements=64, parted=2048)
    try:
        yield
    finally:
        trace.step_boundary()
        steps.forget_steps()
        device.tiling = before
        flambeau.set_num_threads(threads)
