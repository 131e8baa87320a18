"""Modes that see what programs call before it runs: the one place where what a call means can be changed.

A mode is a function of (name, the operation as it is exported, arguments, keywords) that gives the result, or
``NotImplemented`` if the call is none of its business. The operation that it calls in turn comes by here again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Mode = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]

ACTIVE: list[Mode] = []
"""The modes that some thread has entered, the innermost last; as long as there are none, calls pay next to nothing."""


def under_modes(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """The result of the innermost mode that has something to say, or ``NotImplemented``."""
    for mode in reversed(ACTIVE.copy()):
        result = mode(name, call, arguments, keywords)
        if result is not NotImplemented:
            return result
    return NotImplemented
