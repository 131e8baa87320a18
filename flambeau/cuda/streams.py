"""Streams and events of CUDA devices: names that cannot be made without a device, and contexts that change nothing."""

from __future__ import annotations

import contextlib
from typing import Any

from ..surface.answers import NO_CUDA


class Stream:
    """A queue of work on a device: raises ``AssertionError`` when made."""

    def __init__(self, device: Any = None, priority: int = 0, **options: Any) -> None:
        NO_CUDA()


class Event:
    """A mark in a stream: raises ``AssertionError`` when made."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        NO_CUDA()


class StreamContext(contextlib.nullcontext[None]):
    """A context with another current stream; ``None`` (the only stream without a device) changes nothing."""

    def __init__(self, stream: Stream | None) -> None:
        super().__init__()
