"""A mark of PyTorch's on what it promises to keep: nothing here depends on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def compatibility(is_backward_compatible: bool) -> Callable[[_T], _T]:
    """A decorator that gives back what it decorates."""
    return lambda function: function
