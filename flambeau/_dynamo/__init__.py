"""What stands for PyTorch's compiler of programs: everything is compiled while it runs, so most of it does nothing."""

from __future__ import annotations

from typing import Any

from ..interpreter.lazy import lazy_attribute
from ..surface import lookup


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    if name in ("OptimizedModule", "eval_frame"):
        return lazy_attribute(__name__, name, {"eval_frame"}, {"OptimizedModule": "eval_frame"})
    return lookup("torch._dynamo", name)
