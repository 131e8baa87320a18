"""How calls of the package's functions become nodes: a mode that is active as long as there is a proxy."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from ..ops.calls import ACTIVE, enter_mode, leave_mode
from ._names import is_method, is_written_in_python
from .node import map_aggregate


class Interceptable:
    """What the package's functions hand calls to if it is among their arguments, as nested as it may be."""

    tracer: Any

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        _count(1)
        return made

    def __del__(self, ends: Callable[[], bool] = sys.is_finalizing) -> None:
        if not ends():  # when the interpreter ends, the module's names have gone before
            _count(-1)

    @classmethod
    def __torch_function__(cls, orig_method: Any, types: Any, args: Any = None, kwargs: Any = None) -> Any:
        raise NotImplementedError


_alive = 0


def _count(change: int) -> None:
    """Note that a proxy has come or gone."""
    global _alive
    _alive += change
    if _alive and _intercept not in ACTIVE:
        enter_mode(_intercept, as_given=True)
    elif not _alive and _intercept in ACTIVE:
        leave_mode(_intercept)


def proxies_in(values: Any) -> list[Interceptable]:
    """The proxies in nested containers, in order."""
    found: list[Interceptable] = []
    map_aggregate(values, lambda value: found.append(value) if isinstance(value, Interceptable) else None)
    return found


def _intercept(name: str, call: Callable[..., Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    found = proxies_in((arguments, keywords))
    if not found:
        return NotImplemented
    return found[0].__torch_function__(call, (type(found[0]),), arguments, keywords)


@cache
def _defaults(function: Callable[..., Any]) -> dict[str, Any] | None:
    """{parameter: its default, ``empty`` if it has none} of a function that hands on all of its parameters; else None."""
    parameters = inspect.signature(function).parameters.values()
    if not is_written_in_python(function) or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return {p.name: p.default for p in parameters}


def handed_on(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call as a node has them.

    What PyTorch has in Python is called with all of its parameters, those that have a default by keyword; ``einsum`` gets
    the operands of a list one by one, and ``meshgrid`` of tensors its one keyword.
    """
    if function.__name__ == "einsum" and len(args) == 2 and isinstance(args[1], list | tuple):
        return (args[0], *args[1]), kwargs
    if function.__name__ == "meshgrid" and any(isinstance(value, Interceptable) for value in args):
        return args, {"indexing": None, **kwargs}
    defaults = None if is_method(function) else _defaults(function)
    if defaults is None:
        return args, kwargs
    given = dict(zip(defaults, args)) | kwargs
    positional = [name for name, default in defaults.items() if default is inspect.Parameter.empty and name in given]
    named = {
        name: given.get(name, default) for name, default in defaults.items() if default is not inspect.Parameter.empty
    }
    return tuple(given[name] for name in positional), named
