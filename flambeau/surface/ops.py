"""``torch.ops``: operations by their full names, namespace by namespace."""

from __future__ import annotations

from typing import Any

from .._ops import namespace
from .refusals import refuse

loaded_libraries: set[str] = set()


def load_library(path: str) -> None:
    """Libraries of operations are made for PyTorch's binary interface: refused."""
    refuse("torch.ops.load_library")


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.ops' has no attribute '{name}'", name=name)
    return namespace(name)
