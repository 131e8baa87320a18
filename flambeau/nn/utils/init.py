"""Modules that are loaded as soon as they are made.

Here the first values of parameters are recorded and computed when somebody looks: what is loaded over them at once is never
computed at all. So there is nothing to skip.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """A module of a class that takes ``device``; its parameters' first values are of no account."""
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    return module_cls(*args, **kwargs)
