"""``Variable``: the old name of tensors that require grad."""

from __future__ import annotations

import warnings
from typing import Any

from ..core.tensor import Tensor
from .engine import queue_callback


class VariableMeta(type):
    """Lets ``isinstance(x, Variable)`` hold for all tensors."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class _Engine:
    """What programs reach as ``Variable._execution_engine``."""

    queue_callback = staticmethod(queue_callback)


class Variable(metaclass=VariableMeta):
    """``Variable(data)`` is another tensor over the memory of ``data``, without its history."""

    _execution_engine = _Engine()

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        if volatile:
            warnings.warn(
                "volatile was removed (Variable.volatile is always False), use torch.no_grad() instead.", stacklevel=2
            )
        if data is None:
            data = Tensor()
        if not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)


__all__ = ["Variable", "VariableMeta"]
