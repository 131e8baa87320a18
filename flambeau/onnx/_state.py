"""Whether something is being exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_running: ContextVar[bool] = ContextVar("exporting", default=False)


def is_in_onnx_export() -> bool:
    """Whether ``torch.onnx.export`` is in the middle of calling a module."""
    return _running.get()


@contextmanager
def exporting() -> Iterator[None]:
    """A block in which something is exported."""
    token = _running.set(True)
    try:
        yield
    finally:
        _running.reset(token)
