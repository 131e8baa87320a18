"""Differentiation: recorded history, the engine that walks it backwards, and what users extend it with.

Recording (``gradient``, ``modes``) lies below tensors, and everything else above them, so what is above is imported
when it is first used.
"""

from __future__ import annotations

import importlib
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

_LATER = {
    "Function": "function",
    "Variable": "variable",
    "backward": "engine",
    "grad": "engine",
    "gradcheck": "gradcheck",
    "gradgradcheck": "gradcheck",
}
_MODULES = ("function", "functional", "graph", "variable")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "forward_ad":
        raise AttributeError(
            "forward-mode differentiation (torch.autograd.forward_ad) is not offered; "
            "torch.autograd.functional.jvp computes Jacobian-vector products by two backward passes",
            name=name,
        )
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'", name=name)


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
