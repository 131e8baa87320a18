"""``autocast``: a context in which products and convolutions compute in half precision (:mod:`flambeau.ops.autocast`)."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Literal

import flambeau

from ..graph.dtypes import float16
from ..ops import calls
from ..ops.autocast import LOWER_PRECISIONS, state
from ..ops.autocast import autocast as _cast_arguments

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

_DEVICES = ("cpu", "cuda", "mps", "xpu", "hpu", "mtia", "xla", "ipu", "privateuseone", "meta")


def is_autocast_available(device_type: str) -> bool:
    """Whether ``autocast`` knows the type of device."""
    return device_type in _DEVICES


# --- the state of a thread, which only the CPU has --------------------------------------------------------------------


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether operations on the device are cast in this thread."""
    return state.enabled and device_type == "cpu"


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Have operations on the device cast in this thread, or not. (Given one argument, that is ``enabled``, for CUDA.)"""
    if device_type != "cpu" or bool(enabled) is state.enabled:
        return
    state.enabled = bool(enabled)
    if enabled:
        calls.enter_mode(_cast_arguments)
    else:
        calls.leave_mode(_cast_arguments)


def get_autocast_dtype(device_type: str) -> Any:
    """What operations on the device are cast to: bfloat16 at first on the CPU, float16 elsewhere."""
    return state.dtype if device_type == "cpu" else float16


def set_autocast_dtype(device_type: str, dtype: Any) -> None:
    """Choose what operations on the device are cast to."""
    if device_type == "cpu":
        state.dtype = dtype


def is_autocast_cache_enabled() -> bool:
    """Whether what leaves were cast to is kept until the outermost context is left."""
    return state.cached


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Choose whether what leaves were cast to is kept."""
    state.cached = enabled


def clear_autocast_cache() -> None:
    """Forget what leaves were cast to."""
    state.casts.clear()


def autocast_increment_nesting() -> int:
    """Note that a context is entered; returns how many there are."""
    state.nesting += 1
    return state.nesting


def autocast_decrement_nesting() -> int:
    """Note that a context is left; returns how many remain."""
    state.nesting -= 1
    return state.nesting


def autocast_as_now() -> dict[str, Any]:
    """What makes an :class:`autocast` that has operations cast as they are now."""
    return {"device_type": "cpu", "dtype": state.dtype, "enabled": state.enabled, "cache_enabled": state.cached}


is_autocast_cpu_enabled = functools.partial(is_autocast_enabled, "cpu")
set_autocast_cpu_enabled = functools.partial(set_autocast_enabled, "cpu")
get_autocast_cpu_dtype = functools.partial(get_autocast_dtype, "cpu")
set_autocast_cpu_dtype = functools.partial(set_autocast_dtype, "cpu")
get_autocast_gpu_dtype = functools.partial(get_autocast_dtype, "cuda")
set_autocast_gpu_dtype = functools.partial(set_autocast_dtype, "cuda")


class autocast:
    """A context, or a decorator, for mixed precision on ``device_type``, of which only ``"cpu"`` is there.

    ``dtype``
        what products and convolutions compute in: bfloat16 (as long as nothing else was set) or float16.
    ``cache_enabled``
        whether a leaf that requires grad is cast once for all its uses.

    ``RuntimeError`` for a device that PyTorch does not know, ``ValueError`` for one that is no string.
    """

    def __init__(
        self, device_type: str, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = state.cached if cache_enabled is None else cache_enabled
        if enabled and device_type != "cpu":
            warnings.warn(
                f"User provided device_type of '{device_type}', but {device_type.upper()} is not available. Disabling",
                stacklevel=2,
            )
            enabled = False
        elif enabled and self.fast_dtype not in LOWER_PRECISIONS:
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\nCPU Autocast only supports "
                f"dtypes of {', '.join(map(str, LOWER_PRECISIONS))} currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled

    def __enter__(self) -> autocast:
        self._before = is_autocast_enabled(self.device), get_autocast_dtype(self.device), state.cached
        autocast_increment_nesting()
        self._set(self._enabled, self.fast_dtype, self._cache_enabled)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        self._set(*self._before)
        return False

    def _set(self, enabled: bool, dtype: Any, cached: bool) -> None:
        set_autocast_enabled(self.device, enabled)
        set_autocast_dtype(self.device, dtype)
        set_autocast_cache_enabled(cached)

    def __call__(self, func: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(func):
            raise TypeError(f"autocast()(func) requires a callable, but got {type(func).__name__}.")

        @functools.wraps(func)
        def within(*arguments: Any, **options: Any) -> Any:
            with self:
                return func(*arguments, **options)

        return within


# --- functions with a gradient of their own -----------------------------------------------------------------------------


def _cast(value: Any, device_type: str, d: Any) -> Any:
    """Tensors on the device in another dtype, wherever they are in what a function was given."""
    if isinstance(value, flambeau.Tensor):
        counts = value.is_floating_point() and value.device.type == device_type and value.dtype is not flambeau.float64
        return value.to(d) if counts else value
    if isinstance(value, Mapping):
        return {_cast(key, device_type, d): _cast(member, device_type, d) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)([_cast(member, device_type, d) for member in value])
    return value


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: Any = None) -> Any:
    """Decorator of ``Function.forward``: with ``cast_inputs`` it runs on tensors of that dtype, and casts nothing further."""
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(context: Any, *arguments: Any, **options: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        context._dtype = get_autocast_dtype(device_type)
        context._fwd_used_autocast = enabled and cast_inputs is None
        if cast_inputs is None or not enabled:
            return fwd(context, *arguments, **options)
        with autocast(device_type, enabled=False):
            return fwd(context, *_cast(arguments, device_type, cast_inputs), **_cast(options, device_type, cast_inputs))

    return forward


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """Decorator of ``Function.backward``: it runs under the mixed precision that forward ran under."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(context: Any, *arguments: Any, **options: Any) -> Any:
        with autocast(device_type, dtype=context._dtype, enabled=context._fwd_used_autocast):
            return bwd(context, *arguments, **options)

    return backward
