"""Names of types as error messages give them."""

from __future__ import annotations

from typing import Any

from ..core.tensor import Tensor


def typename(obj: Any) -> str:
    """``"torch.FloatTensor"`` for tensors, else the class's name with its module unless that is built in."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    cls = obj if isinstance(obj, type) else type(obj)
    module = getattr(obj, "__module__", None) or cls.__module__
    name = getattr(obj, "__qualname__", None) or cls.__qualname__
    return name if module in ("builtins", "__builtin__") else f"{module}.{name}"
