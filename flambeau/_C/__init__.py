"""Where PyTorch has its compiled part: what programs use of it is the package's own, under one more name."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import flambeau

from ..ops.dispatching import _DisableTorchDispatch, _len_torch_dispatch_stack
from ..ops.dispatching import disabled_torch_dispatch as _disabled_torch_dispatch_impl
from ..ops.overriding import disabled_torch_function as _disabled_torch_function_impl

__all__ = [
    "TensorBase", "_DisableTorchDispatch", "_VariableFunctionsClass", "_disabled_torch_dispatch_impl",
    "_disabled_torch_function_impl", "_len_torch_dispatch_stack",
]  # fmt: skip

TensorBase = flambeau.Tensor


class _Functions(type):
    def __getattr__(cls, name: str) -> Any:
        value = getattr(flambeau, name)
        if not callable(value) or isinstance(value, type):
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}", name=name)
        return value


class _VariableFunctionsClass(metaclass=_Functions):
    """Where pickles of PyTorch's look for its functions."""


def __getattr__(name: str) -> Any:
    if name == "_AutoDispatchBelowAutograd":
        from ..core.below_autograd import _AutoDispatchBelowAutograd

        return _AutoDispatchBelowAutograd
    value = getattr(flambeau, name)
    if isinstance(value, ModuleType):  # those that it has are files here, or tables
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return value
