"""A device for tests: NumPy, one call at a time, no machine code.

It implements :mod:`flambeau.kernels.contract` from what stands there and in :mod:`flambeau.kernels.program`, so it shows that
the compiler can do with that, and says what other devices' kernels have to compute.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flambeau.core import device as names
from flambeau.graph import trace
from flambeau.kernels.contract import device_called, register

from .device import Reference
from .memory import NAME

__all__ = ["NAME", "Reference", "computing_there"]

register(NAME, Reference)
names.NAMED[NAME] = names.CPU  # tensors say that they are on the CPU: their memory is


@contextmanager
def computing_there() -> Iterator[Reference]:
    """What this thread records is computed by the reference device."""
    trace.step_boundary()
    before = trace.local.trace.device
    trace.local.trace = trace.Trace(NAME)
    device = device_called(NAME)
    assert isinstance(device, Reference)
    try:
        yield device
        trace.step_boundary()
    finally:
        trace.local.trace = trace.Trace(before)
