"""What names mean in packages and their files: attributes imported when they are first used, ``__all__``, and annotations."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .naming import internal_module

NONE: Mapping[str, str] = {}


def lazy_attribute(package: str, name: str, modules: Collection[str], names: Mapping[str, str] = NONE) -> Any:
    """What a package's ``__getattr__`` gives: one of its ``modules``, or what ``names`` says in which of them it lies.

    ``AttributeError`` for other names, and for modules that are not there. ``package`` may go by PyTorch's name.
    """
    internal = internal_module(package)
    if name in modules:
        try:
            return importlib.import_module(f"{internal}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{internal}.{name}":
                raise
    elif name in names:
        value = getattr(importlib.import_module(f"{internal}.{names[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value
    raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)


def name_below(value: type, *files: str) -> None:
    """Let annotations in files beside that of ``value``, which are imported before it, name it when they are evaluated."""
    package = value.__module__.rpartition(".")[0]
    for file in files:
        vars(sys.modules[f"{package}.{file}"])[value.__name__] = value


def export_where_defined(classes: Iterable[type]) -> None:
    """Put the names of classes into ``__all__`` of the files that define them: all else there is the file's own affair."""
    for cls in classes:
        exported = vars(sys.modules[cls.__module__]).setdefault("__all__", [])
        if cls.__name__ not in exported:
            exported.append(cls.__name__)
