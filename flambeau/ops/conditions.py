"""What programs demand to be so: the error that says otherwise, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..graph.notices import warn
from .calls import ACTIVE, under_modes


def _assert(condition: Any, message: str) -> None:
    """``AssertionError`` with ``message`` unless ``condition`` is true."""
    if ACTIVE and under_modes("_assert", _assert, (condition, message), {}, False) is not NotImplemented:
        return
    assert condition, message


def _assert_async(input: Tensor, assert_msg: str | None = None) -> None:
    """``RuntimeError`` with ``assert_msg`` if a tensor of one element is zero; what has no values is not looked at."""
    if not isinstance(input, Tensor):
        raise TypeError(f"_assert_async(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not input.is_meta and not input.is_nonzero():
        raise RuntimeError(assert_msg or "Expected Tensor with single nonzero value, but got zero")


def _check_with(error_type: type[Exception], cond: Any, message: Callable[[], str] | None) -> None:
    """Raise ``error_type`` unless ``cond``, a bool, is True; ``message`` is called for what it says."""
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error_type("Expected cond to be True, but got False.")
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(str(message()))


def _check(cond: Any, message: Callable[[], str] | None = None) -> None:
    """``RuntimeError`` unless ``cond`` is True."""
    _check_with(RuntimeError, cond, message)


def _check_index(cond: Any, message: Callable[[], str] | None = None) -> None:
    """``IndexError`` unless ``cond`` is True."""
    _check_with(IndexError, cond, message)


def _check_value(cond: Any, message: Callable[[], str] | None = None) -> None:
    """``ValueError`` unless ``cond`` is True."""
    _check_with(ValueError, cond, message)


def _check_type(cond: Any, message: Callable[[], str] | None = None) -> None:
    """``TypeError`` unless ``cond`` is True."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond: Any, message: Callable[[], str] | None = None) -> None:
    """``NotImplementedError`` unless ``cond`` is True."""
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i: Any, message: Callable[[], str] | None = None, *, max: int | None = None) -> None:
    """``RuntimeError`` unless ``i`` is an extent: not negative, and at most ``max``."""
    warn("_check_is_size will be removed in a future release. Use _check(i >= 0) instead.", FutureWarning)
    _check(i >= 0 and (max is None or i <= max), message)


def _check_tensor_all_with(error_type: type[Exception], cond: Any, message: Callable[[], str] | None = None) -> None:
    """Raise ``error_type`` unless all elements of ``cond``, a tensor of booleans, are True."""
    if not isinstance(cond, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype.kind != "bool":
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(error_type, bool(cond.all().item()), message)


def _check_tensor_all(cond: Any, message: Callable[[], str] | None = None) -> None:
    """``RuntimeError`` unless all elements of ``cond``, a tensor of booleans, are True."""
    _check_tensor_all_with(RuntimeError, cond, message)
