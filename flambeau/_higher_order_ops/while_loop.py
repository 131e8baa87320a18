"""A loop with a condition as a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor

__all__ = ["while_loop"]


def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Any) -> Any:
    """What ``body_fn(*carried)``, called as long as ``cond_fn(*carried)`` is true, makes of the values that it begins with."""
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    if not isinstance(carried_inputs, tuple | list):
        raise RuntimeError(f"Expect carried_inputs to be a tuple of tensors or numbers but got {type(carried_inputs)}")
    carried = tuple(carried_inputs)
    while _holds(cond_fn(*carried)):
        found = body_fn(*carried)
        if not isinstance(found, tuple | list) or len(found) != len(carried):
            raise RuntimeError(f"body_fn should return the same number of elements as carried_inputs, but got {found}")
        carried = tuple(found)
    return carried


def _holds(pred: Any) -> bool:
    if not isinstance(pred, bool) and not (isinstance(pred, Tensor) and pred.numel() == 1):
        raise RuntimeError(f"cond_fn must return a boolean scalar tensor or a boolean but got {pred}")
    return bool(pred)
