"""Settings of the whole process: default dtype and device, determinism, precision of products, threads."""

from __future__ import annotations

import warnings
from typing import Any

from ..core.device import device
from ..cpu.runner import default_runner
from ..graph import dtypes
from ..graph.dtypes import dtype
from ..graph.notices import warn
from ..graph.steps import forget_steps
from ..graph.trace import step_boundary
from .default_device import current

# --- defaults --------------------------------------------------------------------------------------------------------


def set_default_dtype(d: dtype) -> None:
    """Set the floating-point dtype of new tensors made from Python floats; ``TypeError`` for other dtypes."""
    step_boundary()  # what is pending was recorded under the old default
    dtypes.set_default_dtype(d)
    forget_steps()


def set_default_tensor_type(t: Any) -> None:
    """:func:`set_default_dtype` by an old tensor type (``torch.DoubleTensor``) or its name."""
    from .storages import dtype_of

    warn(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use torch.set_default_dtype() and "
        "torch.set_default_device() as alternatives."
    )
    d = dtype_of(t)
    if d.kind != "float":
        raise TypeError("only floating-point types are supported as the default type")
    set_default_dtype(d)


def get_default_device() -> device:
    """Where tensors are made, if nobody says otherwise."""
    return current()


# --- determinism: results never depend on threads or order, so these are only remembered -----------------------------

_deterministic: dict[str, Any] = {"mode": False, "warn_only": False}
_DEBUG_MODES = ("default", "warn", "error")


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Every operation is deterministic anyway; what is asked for is remembered."""
    if not isinstance(mode, bool):
        raise TypeError(
            "_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not " + type(mode).__name__
        )
    _deterministic.update(mode=mode, warn_only=warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` was told."""
    return bool(_deterministic["mode"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` was told."""
    return bool(_deterministic["warn_only"])


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """:func:`use_deterministic_algorithms` by name or number: "default" (0), "warn" (1), "error" (2)."""
    if isinstance(debug_mode, str):
        if debug_mode not in _DEBUG_MODES:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got " + debug_mode
            )
        debug_mode = _DEBUG_MODES.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    _deterministic.update(mode=debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2; see :func:`set_deterministic_debug_mode`."""
    if not _deterministic["mode"]:
        return 0
    return 1 if _deterministic["warn_only"] else 2


# --- precision -------------------------------------------------------------------------------------------------------

_precision = ["highest"]


def set_float32_matmul_precision(precision: str) -> None:
    """Products of float32 matrices are computed in float32 always; what is asked for is remembered."""
    if precision in ("highest", "high", "medium"):
        _precision[0] = precision
    else:
        warnings.warn(f"{precision} is not one of 'highest', 'high', or 'medium'; the call has no effect.", stacklevel=2)


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was told ("highest" at first)."""
    return _precision[0]


def set_flush_denormal(mode: bool) -> bool:
    """Whether subnormal numbers could be made to count as zero: never, so False."""
    return False


# --- threads -------------------------------------------------------------------------------------------------------

_interop = [1]


def _count(count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    return count


def set_num_threads(num: int) -> None:
    """Let ``num`` threads work on a plan from now on. Results do not depend on it."""
    default_runner().set_num_threads(_count(num))


def get_num_threads() -> int:
    """Threads that work on a plan, the calling one included."""
    return default_runner().num_threads()


def set_num_interop_threads(num: int) -> None:
    """Kept for programs that call it: plans run one at a time, each on all threads."""
    _interop[0] = _count(num)


def get_num_interop_threads() -> int:
    """What was set last (1 at first)."""
    return _interop[0]
