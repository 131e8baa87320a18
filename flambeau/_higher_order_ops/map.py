"""A function of each part of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .scan import slices, stacked

__all__ = ["map"]


def map(f: Callable[..., Any], xs: Any, *args: Any) -> Any:
    """``f(x, *args)`` for each part of ``xs`` along its first dimension, along a new first dimension."""
    return stacked([f(part, *args) for part in slices(xs, 0, "map")])
