"""Where PyTorch has its compiled part: what programs use of it is the package's own, under one more name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import flambeau


def __getattr__(name: str) -> Any:
    value = getattr(flambeau, name)
    if isinstance(value, ModuleType):  # those that it has are files here, or tables
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return value
