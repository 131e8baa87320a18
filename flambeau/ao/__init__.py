"""What PyTorch calls architecture optimisation: quantization of networks (:mod:`.quantization`), and its layers (:mod:`.nn`)."""

import importlib
from typing import Any

__all__ = ["nn", "quantization"]


def __getattr__(name: str) -> Any:
    if name in __all__:  # imported when they are first used
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
