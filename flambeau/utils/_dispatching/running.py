"""An operation of aten's: who is asked about it, and what it is given as a result."""

from __future__ import annotations

from typing import Any

from ..._ops import OpOverload, namespace
from ...graph.trace import local
from ...ops.dispatching import asked, state


def operation(full_name: str) -> OpOverload:
    """An operation by its name and form, ``"add.Tensor"``."""
    name, _, form = full_name.partition(".")
    return getattr(getattr(namespace("aten"), name), form)  # type: ignore[no-any-return]


def run(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What the innermost mode gives, or else a class of the arguments, or else the operation itself; without history.

    ``TypeError`` if all that were asked have answered ``NotImplemented``.
    """
    relevant = asked(args, kwargs)
    types = tuple(map(type, relevant))
    before, local.grad = local.grad, False
    beneath, state.beneath = state.beneath, True
    try:
        if state.modes:
            mode = state.modes.pop()
            try:
                result = mode.__torch_dispatch__(func, types, args, kwargs)
            finally:
                state.modes.append(mode)
            if result is not NotImplemented:
                return result
        elif not relevant:
            return direct(func, args, kwargs)
        for value in relevant:
            result = type(value).__torch_dispatch__(func, types, args, kwargs)
            if result is not NotImplemented:
                return result
    finally:
        local.grad, state.beneath = before, beneath
    classes = ", ".join(f"{cls.__module__}.{cls.__qualname__}" for cls in types)
    asked_classes = f"\n\n  - tensor subclasses: [{classes}]" if classes else ""
    mode_too = f"\n\n  - mode object {state.modes[-1]}" if state.modes else ""
    raise TypeError(
        f"Multiple dispatch failed for 'torch._ops.{func}'; all __torch_dispatch__ handlers returned NotImplemented:"
        f"{asked_classes}{mode_too}"
    )


def direct(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operation itself."""
    pending = state.pending
    if pending is None or pending[0] is not func or not args or args[0] is not pending[1]:
        return func._function(*args, **kwargs)
    state.pending = None
    before, local.grad = local.grad, True
    try:
        return func._function(*args, **kwargs)
    finally:
        local.grad = before
