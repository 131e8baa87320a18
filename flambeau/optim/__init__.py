"""Optimisers, and schedulers of their learning rates: here is every optimiser that a file of this folder defines."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ..interpreter.lazy import export_where_defined
from ..interpreter.lazy import lazy_attribute as _lazy_attribute
from . import _formula, _state, lr_scheduler, optimizer

_MODULES = {"swa_utils"}
"""What averages models, and so needs them: imported when it is first used."""

_optimisers: dict[str, type] = {}
for _file in iter_modules(__path__):
    if not _file.name.startswith("_") and _file.name not in _MODULES:
        _members = vars(import_module("." + _file.name, __name__))
        _optimisers.update((n, c) for n, c in _members.items() if isinstance(c, type) and issubclass(c, optimizer.Optimizer))
del _optimisers[_formula.Formula.__name__]
globals().update(_optimisers)
export_where_defined(_optimisers.values())
sys.modules[f"{__name__}.state"] = _state  # which older pickles name

__all__ = ["lr_scheduler", "optimizer", *_optimisers]


def __getattr__(name: str) -> Any:
    return _lazy_attribute(__name__, name, _MODULES)
