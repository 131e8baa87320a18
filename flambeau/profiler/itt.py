"""Marks for Intel's profiler, which are not made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def is_available() -> bool:
    """False: there is no interface to it."""
    return False


def range_push(msg: str) -> None:
    """Does nothing."""


def range_pop() -> None:
    """Does nothing."""


def mark(msg: str) -> None:
    """Does nothing."""


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """Does nothing."""
    yield


__all__ = ["is_available", "mark", "range", "range_pop", "range_push"]
