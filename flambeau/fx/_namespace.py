"""Names that are unique in a graph or in its code, and that no builtin, keyword or import has."""

from __future__ import annotations

import builtins
import importlib
import keyword
import math
import re
from types import ModuleType
from typing import Any, NamedTuple

import flambeau

from ..core.device import device
from ..interpreter.naming import internal_module

_ILLEGAL = re.compile("[^0-9a-zA-Z_]+")
_NUMBERED = re.compile(r"([a-zA-Z_][0-9a-zA-Z_]*?)(?:_(\d+))?")


class CustomBuiltin(NamedTuple):
    """A name that code uses without defining it: how it is imported, and what it means."""

    import_str: str
    obj: Any


_custom_builtins: dict[str, CustomBuiltin] = {}
_illegal_names: dict[str, Any] = {name: object() for name in keyword.kwlist} | vars(builtins)


def _register_custom_builtin(name: str, import_str: str, obj: Any) -> None:
    """Have a name in the code of every graph."""
    _custom_builtins[name] = CustomBuiltin(import_str, obj)
    _illegal_names[name] = obj


class _PyTorch(ModuleType):
    """What code means by ``torch``: the package, but for PyTorch's modules that are elsewhere here."""

    def __getattr__(self, name: str) -> Any:
        module = internal_module(f"torch.{name}")
        return getattr(flambeau, name) if module == f"flambeau.{name}" else importlib.import_module(module)


_register_custom_builtin("inf", "from math import inf", math.inf)
_register_custom_builtin("nan", "from math import nan", math.nan)
_register_custom_builtin("NoneType", "NoneType = type(None)", type(None))
_register_custom_builtin("torch", "import torch", _PyTorch("torch"))
_register_custom_builtin("device", "from torch import device", device)


class Namespace:
    """Names in use, each for one object (or for none in particular)."""

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}
        self._used: set[str] = set()
        self._numbers: dict[str, int] = {}

    def create_name(self, candidate: str, obj: Any) -> str:
        """The name of an object, or one like ``candidate`` that is not in use."""
        if obj is not None and obj in self._names:
            return self._names[obj]
        match = _NUMBERED.fullmatch(candidate)
        if match is None:
            candidate = _ILLEGAL.sub("_", candidate) or "_unnamed"
            candidate = f"_{candidate}" if candidate[0].isdigit() else candidate
            match = _NUMBERED.fullmatch(candidate)
            assert match is not None
        base, digits = match.groups()
        if digits is None or candidate in self._used:
            number = self._numbers.get(base, 0)
            if _illegal_names.get(candidate, obj) is not obj:
                number += 1
                candidate = f"{base}_{number}"
        else:
            number = int(digits)
        while candidate in self._used:
            number += 1
            candidate = f"{base}_{number}"
        self._used.add(candidate)
        self._numbers[base] = number
        if obj is not None:
            self._names[obj] = candidate
        return candidate

    def associate_name_with_obj(self, name: str, obj: Any) -> None:
        """Let a name that is in use be that of an object which has none."""
        assert self._names.setdefault(obj, name) is name, "obj is already associated"

    def rename(self, obj: Any, name: str) -> None:
        """Give an object another name."""
        self._names[obj] = name
        self._used.add(name)

    _rename_object = rename
