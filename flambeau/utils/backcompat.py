"""Warnings of what meant something else before PyTorch's first version: they can be turned on, but nothing is warned of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

_on = {"broadcast": False, "keepdim": False}


class Warning:
    """A warning that is turned on and off by its attribute ``enabled``, through two functions."""

    def __init__(self, setter: Callable[[Any], None], getter: Callable[[], bool]) -> None:
        self.setter, self.getter = setter, getter

    @property
    def enabled(self) -> bool:
        """Whether it is on; ``RuntimeError`` for what is no bool."""
        return self.getter()

    @enabled.setter
    def enabled(self, value: bool) -> None:
        self.setter(value)


def _turn(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise RuntimeError(f"set_backcompat_{name}_warn expects a bool, but got {type(value).__name__}")
    _on[name] = value


broadcast_warning = Warning(partial(_turn, "broadcast"), partial(_on.__getitem__, "broadcast"))
keepdim_warning = Warning(partial(_turn, "keepdim"), partial(_on.__getitem__, "keepdim"))
