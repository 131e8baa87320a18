"""Layers that compute with quantized tensors; :mod:`.dynamic` has those that quantize what they are given."""

import importlib
from typing import Any

from .modules import *  # noqa: F403
from .modules import __all__ as __all__


def __getattr__(name: str) -> Any:
    if name in ("dynamic", "functional"):  # imported when they are first used
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
