"""``autocast``: a context in which PyTorch computes some operations in half precision.

Flambeau computes in the dtypes that tensors have, in there as elsewhere: what PyTorch does on a machine without the
device that is asked for. On the CPU, where PyTorch would go down to bfloat16, results are those of full precision.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any

import flambeau

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

_DEVICES = ("cpu", "cuda", "mps", "xpu", "hpu", "mtia", "xla", "ipu", "privateuseone", "meta")


def is_autocast_available(device_type: str) -> bool:
    """Whether ``autocast`` knows the type of device."""
    return device_type in _DEVICES


class autocast:
    """A context, or a decorator, for mixed precision on ``device_type``. No operation changes its dtype in it."""

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        if enabled and device_type != "cpu":
            warnings.warn(
                f"User provided device_type of '{device_type}', but {device_type.upper()} is not available. Disabling",
                stacklevel=2,
            )
            enabled = False
        self.device = device_type
        self.fast_dtype = (
            dtype if dtype is not None else (flambeau.bfloat16 if device_type == "cpu" else flambeau.float16)
        )
        self._enabled = enabled

    def __enter__(self) -> autocast:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def within(*arguments: Any, **options: Any) -> Any:
            with self:
                return function(*arguments, **options)

        return within


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """Decorator of ``Function.forward``: autocasting changes nothing there."""
    return (lambda function: function) if fwd is None else fwd


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """Decorator of ``Function.backward``."""
    return (lambda function: function) if bwd is None else bwd
