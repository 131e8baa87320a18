"""Where PyTorch has its compiled part: what programs use of it is the package's own, under one more name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import flambeau

TensorBase = flambeau.Tensor


class _Functions(type):
    def __getattr__(cls, name: str) -> Any:
        value = getattr(flambeau, name)
        if not callable(value) or isinstance(value, type):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}", name=name)
        return value


class _VariableFunctionsClass(metaclass=_Functions):
    """Where pickles of PyTorch's look for its functions."""


def __getattr__(name: str) -> Any:
    value = getattr(flambeau, name)
    if isinstance(value, ModuleType):  # those that it has are files here, or tables
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return value
