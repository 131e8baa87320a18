"""Choosing between values (``where``), limiting them (``clamp``), and comparing whole tensors (``allclose``)."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor, method
from ..graph import primitives as p
from ..graph.bounds import check_fits
from ..graph.dtypes import C_NAMES, TYPE_NAMES, float32, get_default_dtype, int64, uint8
from ..graph.limits import finfo
from ..graph.notices import warn_once
from .conversion import converted
from .creation import element_of
from .dispatch import no_slope, not_a_tensor, operand, with_history
from .elementwise import differentiated, gradient_class
from .operation import operation
from .recording_paths import binary, ternary, unary

# --- choice ---------------------------------------------------------------------------------------------------------------

@operation("where(condition, self)", method=False, out="exact")
def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """``input`` where ``condition`` holds, else ``other``; without these, the indices where it holds (a tuple)."""
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype is uint8:
        warn_once(
            "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a future version of "
            "PyTorch. Use a boolean condition instead."
        )
    a, b = operand(input), operand(other)
    result = ternary(p.WHERE, condition, a, b)
    operands = [condition.detach() if condition._tracked else condition, a, b]
    return with_history(result, WhereBackward0, operands, kept=[condition, None, None])


WhereBackward0 = gradient_class(
    "WhereBackward0",
    (
        no_slope,
        lambda grad, condition: where(condition, grad, 0.0),
        lambda grad, condition: where(condition, 0.0, grad),
    ),
    ("condition", "input", "other"),
    3,
)


@method("where")
def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """``self`` where ``condition`` holds, else ``other``."""
    return where(condition, self, other)


MaskedFillBackward0, MaskedFillBackward1 = (
    gradient_class(
        name,
        (lambda grad, mask: where(mask, 0.0, grad), lambda grad, mask: where(mask, grad, 0.0), no_slope),
        ("input", "value", "mask"),
        3,
    )
    for name in ("MaskedFillBackward0", "MaskedFillBackward1")
)


@operation(inplace="part")
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``value`` (a number or zero-dimensional tensor) where ``mask`` holds, else ``input``."""
    if mask.dtype.kind != "bool":
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {C_NAMES[mask.dtype]}")
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
            )
        value = value.to(input.dtype)
    else:
        value = element_of(value, input.dtype)
    result = ternary(p.WHERE, mask, value, input).contiguous()
    result = result if result.dtype is input.dtype else result.to(input.dtype)
    gradient = MaskedFillBackward1 if isinstance(value, Tensor) else MaskedFillBackward0
    return with_history(result, gradient, [input, value, mask], kept=[None, None, mask])


@operation(inplace=True, out="exact")
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below zero, 1 above, ``values`` at zero."""
    if values.dtype is not input.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return where(input == 0, values, (input > 0).to(input.dtype))  # type: ignore[no-any-return]


# --- limits ---------------------------------------------------------------------------------------------------------------


def _within(grad: Tensor, input: Tensor, min: Any, max: Any) -> Tensor:
    """An element that equals a bound keeps its gradient."""
    inside = input <= max if min is None else input >= min if max is None else (input >= min) & (input <= max)
    return where(inside, grad, 0.0)  # type: ignore[no-any-return]


def _below(grad: Tensor, input: Tensor, min: Any, max: Any) -> Tensor:
    return where(input < min if max is None else (input < min) & (min < max), grad, 0.0)  # type: ignore[no-any-return]


def _above(grad: Tensor, input: Tensor, min: Any, max: Any) -> Tensor:
    return where(input > max if min is None else (input > max) | (max < min), grad, 0.0)  # type: ignore[no-any-return]


# Bounds that are tensors get the gradient where they hold.
ClampBackward0, ClampBackward1, ClampMinBackward0, ClampMinBackward1, ClampMaxBackward0, ClampMaxBackward1 = (
    gradient_class(name, (_within, _below, _above), ("input", "min", "max"), 3)
    for name in (
        "ClampBackward0", "ClampBackward1", "ClampMinBackward0", "ClampMinBackward1", "ClampMaxBackward0", "ClampMaxBackward1"
    )
)  # fmt: skip


def _clamped(input: Tensor, low: Any, high: Any, by_tensor: Any, by_number: Any) -> Tensor:
    low = None if low is None else operand(low)
    high = None if high is None else operand(high)
    result = input
    if input.dtype.category < 2 and float in (type(low), type(high)):
        result = converted(input, get_default_dtype())  # before either bound is looked at, which integers may not hold
    for number in (low, high):
        if type(number) in (int, float):
            check_fits(number, int64 if result.dtype.kind == "bool" else result.dtype)
    if low is not None:
        result = binary(p.MAXIMUM, result, low)
    if high is not None:
        result = binary(p.MINIMUM, result, high)
    numbers = not isinstance(low, Tensor) and not isinstance(high, Tensor)
    return with_history(result, by_number if numbers else by_tensor, [input, low, high])


@operation("clip", inplace=True, out="exact")
def clamp(input: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Elements brought between ``min`` and ``max`` (numbers or tensors; either may be missing)."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("clamp", input=input)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    for bound, other in ((min, max), (max, min)):
        if isinstance(bound, Tensor) and bound.ndim and other is not None and not isinstance(other, Tensor):
            raise TypeError(f"clamp(): min and max must be tensors or numbers, both, but got a tensor and {other}")
    return _clamped(input, min, max, ClampBackward0, ClampBackward1)


@operation(inplace=True, out="exact")
def clamp_min(input: Tensor, min: Any) -> Tensor:
    """Elements not below ``min``."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("clamp_min", input=input)
    return _clamped(input, min, None, ClampMinBackward1, ClampMinBackward0)


@operation(inplace=True, out="exact")
def clamp_max(input: Tensor, max: Any) -> Tensor:
    """Elements not above ``max``."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("clamp_max", input=input)
    return _clamped(input, None, max, ClampMaxBackward1, ClampMaxBackward0)


# --- infinities and what is no number -------------------------------------------------------------------------------------


@operation(out="exact")
def isposinf(input: Tensor) -> Tensor:
    """Where elements are plus infinity."""
    return binary(p.EQ, input, math.inf)


@operation(out="exact")
def isneginf(input: Tensor) -> Tensor:
    """Where elements are minus infinity."""
    return binary(p.EQ, input, -math.inf)


@operation(inplace=True, out="exact")
@differentiated(lambda grad, input: grad * input.isfinite())
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and infinities replaced by numbers (0 and the dtype's extremes unless given)."""
    if input.dtype.category < 2:
        return input.clone()  # type: ignore[no-any-return]
    limits = finfo(input.dtype)
    result = ternary(p.WHERE, unary(p.ISNAN, input), 0.0 if nan is None else nan, input)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    result = ternary(p.WHERE, binary(p.EQ, input, math.inf), high, result)
    return ternary(p.WHERE, binary(p.EQ, input, -math.inf), low, result)


# --- whole tensors --------------------------------------------------------------------------------------------------------


@operation()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether sizes and all elements agree."""
    return input.shape == other.shape and bool((input == other).all())


@operation()
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where ``|input - other| <= atol + rtol * |other|``."""
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {tolerance:g}")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{TYPE_NAMES[input.dtype]} did not match {TYPE_NAMES[other.dtype]}")
    close = input == other
    if equal_nan:
        close = close | (input.isnan() & other.isnan())
    if input.dtype.category < 2 and rtol == 0 and atol == 0:
        return close  # type: ignore[no-any-return]
    if input.dtype.kind == "bool":  # of which there are no distances
        input, other = input.to(float32), other.to(float32)
    allowed = other.abs() * rtol + atol
    near = (input - other).abs()
    return close | (near.isfinite() & (near <= allowed))  # type: ignore[no-any-return]


@operation()
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether :func:`isclose` holds everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())
