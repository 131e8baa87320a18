"""The modules of libraries that are not used."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from ..surface import lookup
from ..surface.answers import functions


class Library(ModuleType):
    """The module of a library that is not used."""

    def __init__(self, name: str, answers: dict[str, Any], **members: Any) -> None:
        super().__init__(f"flambeau.backends.{name}", f"``torch.backends.{name}``: a library that is not used here.")
        vars(self).update(functions(self.__name__, answers), **members)
        self.__spec__ = ModuleSpec(self.__name__, None)
        sys.modules[self.__name__] = self

    def __getattr__(self, name: str) -> Any:
        return lookup("torch" + self.__name__.removeprefix("flambeau"), name)


class SwitchedLibrary(Library):
    """One with switches that can be set and read, and change nothing."""

    def __init__(self, name: str, answers: dict[str, Any], **switches: Any) -> None:
        values = ", ".join(f"{switch}={False if switch == 'enabled' else value}" for switch, value in switches.items())
        names = ", ".join(f"_{switch}=None" for switch in switches)
        changing = {f"set_flags({names})": self._set_flags, f"flags({values})": self._flags}
        super().__init__(name, {**answers, **changing}, **switches)

    def _set_flags(self, **given: Any) -> tuple[Any, ...]:
        """Set those switches that are not None; returns what they were."""
        before = tuple([getattr(self, name[1:]) for name in given])
        vars(self).update({name[1:]: value for name, value in given.items() if value is not None})
        return before

    @contextlib.contextmanager
    def _flags(self, **given: Any) -> Iterator[None]:
        """A context with these switches."""
        before = {name: getattr(self, name) for name in given}
        vars(self).update(given)
        try:
            yield
        finally:
            vars(self).update(before)
