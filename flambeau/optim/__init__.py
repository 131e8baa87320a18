"""Optimisers, and schedulers of their learning rates: here is every optimiser that a file of this folder defines."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from . import lr_scheduler, optimizer
from .optimizer import Optimizer

__all__ = ["lr_scheduler", "optimizer"]

for _file in iter_modules(__path__):
    if not _file.name.startswith("_"):
        for _name, _value in vars(import_module("." + _file.name, __name__)).items():
            if isinstance(_value, type) and issubclass(_value, Optimizer) and _value.__module__ == f"{__name__}.{_file.name}":
                globals()[_name] = _value
                __all__ += [_name]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
