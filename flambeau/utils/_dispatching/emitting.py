"""Calls of operations of aten's, which whoever is at work is told of."""

from __future__ import annotations

from typing import Any

from ..._ops import OpOverload
from ...ops.dispatching import at_work, state
from . import history
from .history import with_history
from .running import direct, operation


def called(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a call if somebody is to be told of it, with its history; else ``NotImplemented``."""
    if at_work(args, kwargs):
        return with_history(func, args, kwargs)
    return NotImplemented if state.pending is None else direct(func, args, kwargs)


def emit(full_name: str, *args: Any, **kwargs: Any) -> Any:
    """Call an operation by its full name, ``"add.Tensor"``."""
    func = operation(full_name)
    result = called(func, args, kwargs)
    return func._function(*args, **kwargs) if result is NotImplemented else result


history.emit.append(emit)
