"""What is meaningless here, and does nothing: functions that always answer the same, and settings that change nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any

from .answers import functions
from .compilation import COMPILATION, SETTINGS
from .devices import DEVICES
from .internals import INTERNALS

_TABLES = (DEVICES, COMPILATION, INTERNALS)


@cache
def inert(module: str) -> dict[str, Any]:
    """The inert names of a module (by PyTorch's name for it)."""
    answers = {name: answer for table in _TABLES for name, answer in table.get(module, {}).items()}
    calls = {name: answer for name, answer in answers.items() if "(" in name}
    return functions(module, calls) | {name: value for name, value in answers.items() if name not in calls}


class Settings(ModuleType):
    """A module of settings: they can be set and read, and change nothing."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        super().__init__(name, "Settings, which change nothing.")
        vars(self).update({name: SimpleNamespace() if value == {} else value for name, value in values.items()})

    def patch(self, *settings: Any, **others: Any) -> Any:
        """A context, or a decorator, with other settings: a name and a value, a dictionary, or keywords."""
        return self._patched(dict([settings]) if len(settings) == 2 else {**dict(*settings), **others})

    @contextlib.contextmanager
    def _patched(self, given: dict[str, Any]) -> Iterator[None]:
        before = dict(vars(self))
        vars(self).update(given)
        try:
            yield
        finally:
            vars(self).clear()
            vars(self).update(before)


def module_of(name: str) -> ModuleType:
    """The module ``name`` (PyTorch's) of settings, or an empty one."""
    from ..interpreter.naming import internal_module

    internal = internal_module(name)
    return Settings(internal, SETTINGS[name]) if name in SETTINGS else ModuleType(internal)
