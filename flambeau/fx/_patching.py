"""What is replaced while something is traced: functions of modules, and methods of classes."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ._wrapping import _wrapped_fns_to_patch, _wrapped_methods_to_patch
from .node import map_aggregate
from .proxy import Proxy


def _find_proxy(*values: Any) -> Proxy | None:
    """A proxy in nested containers, the last one if there are several."""
    found: list[Proxy] = []
    map_aggregate(values, lambda value: found.append(value) if isinstance(value, Proxy) else None)
    return found[-1] if found else None


def _create_wrapped_func(orig_fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function that becomes a node if one of its arguments is a proxy."""

    @functools.wraps(orig_fn)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        proxy = _find_proxy(args, kwargs)
        if proxy is None:
            return orig_fn(*args, **kwargs)
        made = proxy.tracer.create_proxy("call_function", orig_fn, args, kwargs)
        made.node.meta["is_wrapped"] = True
        return made

    return wrapped


def _create_wrapped_method(cls: type, name: str) -> Callable[..., Any]:
    """A method that becomes a node if one of its arguments is a proxy."""
    method = getattr(cls, name)

    @functools.wraps(method)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        proxy = _find_proxy(args, kwargs)
        return (
            method(*args, **kwargs) if proxy is None else proxy.tracer.create_proxy("call_method", name, args, kwargs)
        )

    return wrapped


class _Patcher:
    """Functions and methods that are replaced for a while."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._visited: set[int] = set()

    def patch(self, space: dict[str, Any], name: str, new: Callable[..., Any]) -> None:
        """Replace a name of a module, once; a builtin's name is put there."""
        if name not in space and hasattr(builtins, name):
            space[name] = new
            self._undo.append(lambda: space.__delitem__(name))
        elif not getattr(space[name], "__fx_already_patched", False):
            old, space[name] = space[name], new
            self._undo.append(lambda: space.__setitem__(name, old))
        new.__dict__["__fx_already_patched"] = True

    def patch_method(self, cls: type, name: str, new: Callable[..., Any]) -> None:
        """Replace a method; one that is inherited is put beside it."""
        inherited = name not in vars(cls)
        old = getattr(cls, name)
        setattr(cls, name, new)
        self._undo.append((lambda: delattr(cls, name)) if inherited else (lambda: setattr(cls, name, old)))

    def autowrap(self, space: dict[str, Any], functions: set[int]) -> None:
        """Intercept those of some functions that a module names."""
        if id(space) in self._visited:
            return
        self._visited.add(id(space))
        for name, value in [*space.items()]:
            if not name.startswith("_") and callable(value) and id(value) in functions:
                self.patch(space, name, _create_wrapped_func(value))

    def patch_wrapped(self) -> None:
        """Intercept what was given to :func:`wrap`."""
        for (_, name), space in _wrapped_fns_to_patch.copy().items():
            found = getattr(builtins, name) if name not in space and hasattr(builtins, name) else space[name]
            self.patch(space, name, _create_wrapped_func(found))
        for cls, name in _wrapped_methods_to_patch:
            self.patch_method(cls, name, _create_wrapped_method(cls, name))

    def revert(self) -> None:
        """Undo all of it."""
        while self._undo:
            self._undo.pop()()


@contextmanager
def _new_patcher() -> Iterator[_Patcher]:
    patcher = _Patcher()
    try:
        yield patcher
    finally:
        patcher.revert()
