"""Neural networks: modules, parameters, and functions on tensors."""

# ruff: noqa: F403
from __future__ import annotations

import importlib
from typing import Any

from . import functional, init, modules, parameter
from .functional.linear_loss import LinearCrossEntropyOptions
from .modules import *
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [  # noqa: F405
    *modules.__all__,
    "Buffer",
    "DataParallel",
    "LinearCrossEntropyOptions",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "attention",
    "functional",
    "init",
    "modules",
    "parallel",
    "parameter",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name in ("attention", "intrinsic", "parallel", "qat", "quantized", "utils"):  # imported when they are first used
        return importlib.import_module("." + name, __name__)
    if name == "DataParallel":
        return importlib.import_module(".parallel", __name__).DataParallel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
