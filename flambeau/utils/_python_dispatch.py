"""Modes below autograd: they can be named, derived from and looked for, and say so when they are entered.

There is no dispatcher of aten operations here that could be asked: operations are recorded as primitives.
``torch.overrides.TorchFunctionMode`` sees calls as programs make them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TorchDispatchMode:
    """The base of modes that see operations below autograd. ``NotImplementedError`` when it is entered."""

    supports_higher_order_operators = False

    def __init__(self, _dispatch_key: Any = None) -> None:
        pass

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Any:
        raise NotImplementedError(
            f"torch.utils._python_dispatch.TorchDispatchMode ({type(self).__name__}): operations are not dispatched below "
            "autograd here, so such a mode would see none; torch.overrides.TorchFunctionMode sees the functions that are called"
        )

    def __exit__(self, *exception: object) -> None:
        """Nothing was entered."""

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> Any:
        """The mode itself, to be entered by ``with``."""
        return cls(*args, **kwargs)

    @classmethod
    def is_infra_mode(cls) -> bool:
        """Whether it is one of PyTorch's own."""
        return False


class BaseTorchDispatchMode(TorchDispatchMode):
    """A mode that would change nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def is_in_torch_dispatch_mode(include_infra_modes: bool = True) -> bool:
    """No such mode can be entered."""
    return False


def _get_current_dispatch_mode() -> None:
    return None


def _get_current_dispatch_mode_stack() -> list[Any]:
    return []


@contextmanager
def _disable_current_modes() -> Iterator[list[Any]]:
    yield []


@contextmanager
def _pop_mode_temporarily() -> Iterator[None]:
    yield


def is_traceable_wrapper_subclass(t: object) -> bool:
    """Whether an object is a tensor that wraps others, as its class says by ``__tensor_flatten__`` and its inverse."""
    return is_traceable_wrapper_subclass_type(type(t))


def is_traceable_wrapper_subclass_type(t: type) -> bool:
    """Whether a class is of tensors that wrap others."""
    from ..core.tensor import Tensor

    return issubclass(t, Tensor) and t is not Tensor and hasattr(t, "__tensor_flatten__") and hasattr(t, "__tensor_unflatten__")


__all__ = [
    "BaseTorchDispatchMode", "TorchDispatchMode", "is_in_torch_dispatch_mode", "is_traceable_wrapper_subclass",
    "is_traceable_wrapper_subclass_type",
]  # fmt: skip
