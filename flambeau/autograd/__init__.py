"""Differentiation: recorded history, the engine that walks it backwards, and what users extend it with.

The history and the modes of recording lie in ``core``, below tensors; everything else lies above them and is imported
when it is first used.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ..core.modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)
from ..interpreter.lazy import lazy_attribute

_LATER = {
    "Function": "function",
    "Variable": "variable",
    "backward": "engine",
    "grad": "engine",
    "gradcheck": "gradcheck",
    "gradgradcheck": "gradcheck",
}
_MODULES = ("forward_ad", "function", "functional", "graph", "profiler", "profiler_util", "variable")


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES, _LATER)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_MODULES})


class _Package(ModuleType):
    """Importing the module ``gradcheck`` must not hide the function of that name, as in PyTorch."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "gradcheck" and isinstance(value, ModuleType):
            value = value.gradcheck
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "grad", "gradcheck", "gradgradcheck",
    "inference_mode", "is_anomaly_enabled", "is_grad_enabled", "is_inference_mode_enabled", "no_grad",
    "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip
