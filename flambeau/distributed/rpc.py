"""Calls of functions in other processes: there are none to be called."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """Whether functions of other processes can be called: no."""
    return False
