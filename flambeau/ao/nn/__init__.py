"""Layers of quantized networks: fused ones, ones to train with rounded numbers, and ones that compute with integers."""

import importlib
from typing import Any

__all__ = ["intrinsic", "qat", "quantized"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # imported when they are first used
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
