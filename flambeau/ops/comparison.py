"""Comparisons, logic, and choosing between values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import check_fits
from ..graph.dtypes import uint8
from ..graph.notices import warn_once
from .creation import element_of
from .dispatch import attach, binary, nary, no_slope, not_a_tensor, tracked, unary
from .from_data import as_tensor
from .operands import NUMBERS, binary_operator, operand
from .operation import operation


def _comparison(primitive: p.Primitive, name: str, text: str, *others: str) -> Any:
    def compare(input: Tensor, other: Any) -> Tensor:
        if not isinstance(input, Tensor):
            raise not_a_tensor(name, input=input)
        return binary(primitive, input, other)

    compare.__name__ = compare.__qualname__ = name
    compare.__doc__ = f"Where ``input {text} other``, as booleans."
    operation(*others, inplace=True, out=True)(compare)

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, (Tensor, int, float)):
            return binary(primitive, self, other)
        if isinstance(other, np.ndarray):
            return binary(primitive, self, as_tensor(other))
        return binary(primitive, self, operand(other)) if isinstance(other, NUMBERS) else NotImplemented

    setattr(Tensor, f"__{name}__", operator)
    return compare


eq = _comparison(p.EQ, "eq", "==")
ne = _comparison(p.NE, "ne", "!=", "not_equal")
lt = _comparison(p.LT, "lt", "<", "less")
le = _comparison(p.LE, "le", "<=", "less_equal")
gt = _comparison(p.GT, "gt", ">", "greater")
ge = _comparison(p.GE, "ge", ">=", "greater_equal")


def _logical(primitive: p.Primitive, name: str, text: str, numbers: bool = True) -> Any:
    """``numbers`` says that one of both may be a Python number."""

    def logic(input: Any, other: Any) -> Tensor:
        first, second = isinstance(input, Tensor), isinstance(other, Tensor)
        if not (first or second if numbers else first and second):
            raise not_a_tensor(name, input=input, other=other)
        return binary(primitive, input, other)

    logic.__name__ = logic.__qualname__ = name
    logic.__doc__ = text
    return operation(inplace=True, out=True)(logic)


logical_and = _logical(p.LOGICAL_AND, "logical_and", "Where both are nonzero.", numbers=False)
logical_or = _logical(p.LOGICAL_OR, "logical_or", "Where at least one is nonzero.", numbers=False)
logical_xor = _logical(p.LOGICAL_XOR, "logical_xor", "Where exactly one is nonzero.", numbers=False)
bitwise_and = _logical(p.BITWISE_AND, "bitwise_and", "Bits set in both; integers and booleans only.")
bitwise_or = _logical(p.BITWISE_OR, "bitwise_or", "Bits set in either; integers and booleans only.")
bitwise_xor = _logical(p.BITWISE_XOR, "bitwise_xor", "Bits set in one of both; integers and booleans only.")
bitwise_left_shift = _logical(p.LEFT_SHIFT, "bitwise_left_shift", "Bits moved up.")
bitwise_right_shift = _logical(p.RIGHT_SHIFT, "bitwise_right_shift", "Bits moved down, the sign kept.")


@operation(inplace=True, out=True)
def logical_not(input: Tensor) -> Tensor:
    """Where elements are zero."""
    return unary(p.LOGICAL_NOT, input)


@operation(inplace=True, out="exact")
def bitwise_not(input: Tensor) -> Tensor:
    """All bits turned over; for booleans, not. ``RuntimeError`` for floats."""
    return unary(p.BITWISE_NOT, input)


def _invert(self: Tensor) -> Tensor:
    if self.dtype.category >= 2:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return bitwise_not(self)  # type: ignore[no-any-return]


Tensor.__invert__ = _invert  # type: ignore[method-assign]


for _name, _function in (
    ("and", bitwise_and),
    ("or", bitwise_or),
    ("xor", bitwise_xor),
    ("lshift", bitwise_left_shift),
    ("rshift", bitwise_right_shift),
):
    setattr(Tensor, f"__{_name}__", binary_operator(_function))
    setattr(Tensor, f"__r{_name}__", binary_operator(_function, swapped=True))
    setattr(Tensor, f"__i{_name}__", binary_operator(getattr(Tensor, _function.__name__ + "_")))


# --- extrema of two -----------------------------------------------------------------------------------------------


class MaximumBackward0(Gradient):
    """The gradient goes to the larger operand; half to each where they are equal."""

    __slots__ = ()
    saves = INPUTS
    larger = True

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = self.input(0), self.input(1)
        halved = where(a == b, _scaled(grad, 0.5), grad)
        first = a < b if self.larger else a > b
        second = a > b if self.larger else a < b
        return (
            _masked(first, halved) if self.edges[0] is not None else None,
            _masked(second, halved) if self.edges[1] is not None else None,
        )


class MinimumBackward0(MaximumBackward0):
    __slots__ = ()
    larger = False


def _scaled(grad: Tensor, factor: float) -> Tensor:
    return grad * factor


def _masked(away: Tensor, grad: Tensor) -> Tensor:
    return where(away, 0.0, grad)


@operation(out=True)
def maximum(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two; NaN if either is."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("maximum", input=input, other=other)
    return binary(p.MAXIMUM, input, other, MaximumBackward0)


@operation(out=True)
def minimum(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two; NaN if either is."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("minimum", input=input, other=other)
    return binary(p.MINIMUM, input, other, MinimumBackward0)


class FmaxBackward0(MaximumBackward0):
    __slots__ = ()

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = self.input(0), self.input(1)
        first = (a >= b) | b.isnan()
        return where(first, grad, 0.0), where(first, 0.0, grad)


class FminBackward0(MaximumBackward0):
    __slots__ = ()

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        a, b = self.input(0), self.input(1)
        first = (a <= b) | b.isnan()
        return where(first, grad, 0.0), where(first, 0.0, grad)


@operation(out=True)
def fmax(input: Tensor, other: Tensor) -> Tensor:
    """The larger of two; a NaN yields to a number."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("fmax", input=input, other=other)
    return binary(p.FMAX, input, other, FmaxBackward0)


@operation(out=True)
def fmin(input: Tensor, other: Tensor) -> Tensor:
    """The smaller of two; a NaN yields to a number."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("fmin", input=input, other=other)
    return binary(p.FMIN, input, other, FminBackward0)


class ClampBackward0(Gradient):
    """Bounds that are tensors get the gradient where they hold; an element that equals one keeps its own."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, low, high = self.input(0), self.input(1), self.input(2)
        inner = lower = upper = None
        if self.needs(0):
            inside = x <= high if low is None else x >= low if high is None else (x >= low) & (x <= high)
            inner = where(inside, grad, 0.0)
        if self.needs(1):
            lower = where(x < low if high is None else (x < low) & (low < high), grad, 0.0)
        if self.needs(2):
            upper = where(x > high if low is None else (x > high) | (high < low), grad, 0.0)
        return inner, lower, upper


class ClampBackward1(ClampBackward0):
    __slots__ = ()


class ClampMinBackward0(ClampBackward0):
    __slots__ = ()


class ClampMinBackward1(ClampBackward0):
    __slots__ = ()


class ClampMaxBackward0(ClampBackward0):
    __slots__ = ()


class ClampMaxBackward1(ClampBackward0):
    __slots__ = ()


def _clamped(input: Tensor, low: Any, high: Any, by_tensor: type[Gradient], by_number: type[Gradient]) -> Tensor:
    low = None if low is None else operand(low)
    high = None if high is None else operand(high)
    for number in (low, high):
        if type(number) is float and input.dtype.category >= 2:
            check_fits(number, input.dtype)
    result = input
    if low is not None:
        result = binary(p.MAXIMUM, result, low)
    if high is not None:
        result = binary(p.MINIMUM, result, high)
    if tracked(input, low, high):
        numbers = not isinstance(low, Tensor) and not isinstance(high, Tensor)
        attach(result, by_number if numbers else by_tensor, [input, low, high])
    return result


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


# --- choice -------------------------------------------------------------------------------------------------------


class WhereBackward0(Gradient):
    """Only the condition is kept; ``saved`` holds it first."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        condition = self.input(0)
        return (
            None,
            where(condition, grad, 0.0) if self.edges[1] is not None else None,
            where(condition, 0.0, grad) if self.edges[2] is not None else None,
        )


@operation(method=False, out="exact")
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
    result = nary(p.WHERE, [condition, a, b])
    if tracked(a, b):
        saved = [(condition._read(), condition._view), (None, None), (None, None)]
        attach(result, WhereBackward0, [condition.detach() if condition._tracked else condition, a, b], saved)
    return result


def _where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """``self`` where ``condition`` holds, else ``other``."""
    return where(condition, self, other)  # type: ignore[no-any-return]


Tensor.where = _where_method  # type: ignore[attr-defined]


class MaskedFillBackward0(Gradient):
    """Only the mask is kept; ``saved`` holds it last."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        mask = self.input(2)
        return (
            where(mask, 0.0, grad) if self.edges[0] is not None else None,
            where(mask, grad, 0.0) if self.edges[1] is not None else None,
            None,
        )


class MaskedFillBackward1(MaskedFillBackward0):
    __slots__ = ()


@operation(inplace=True)
def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``value`` (a number or zero-dimensional tensor) where ``mask`` holds, else ``input``."""
    if mask.dtype.kind != "bool":
        raise RuntimeError("masked_fill_ only supports boolean masks, but got mask with dtype " + p.C_NAMES[mask.dtype])  # type: ignore[name-defined]
    if isinstance(value, Tensor):
        if value.ndim:
            raise RuntimeError(
                f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s)."
            )
        value = value.to(input.dtype)
    else:
        value = element_of(value, input.dtype)
    result = nary(p.WHERE, [mask, value, input]).contiguous()
    result = result if result.dtype is input.dtype else result.to(input.dtype)
    if tracked(input, value):
        gradient = MaskedFillBackward1 if isinstance(value, Tensor) else MaskedFillBackward0
        attach(result, gradient, [input, value, mask], [(None, None), (None, None), (mask._read(), mask._view)])
    return result


@operation(inplace=True, out="exact")
def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """0 below zero, 1 above, ``values`` at zero."""
    if not (isinstance(input, Tensor) and isinstance(values, Tensor)):
        raise not_a_tensor("heaviside", input=input, values=values)
    if values.dtype is not input.dtype:
        raise RuntimeError("heaviside is not yet implemented for tensors with different dtypes.")
    return where(input == 0, values, (input > 0).to(input.dtype))  # type: ignore[no-any-return]


# --- whole tensors ------------------------------------------------------------------------------------------------


@operation()
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether sizes and all elements agree."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("equal", input=input, other=other)
    return input.shape == other.shape and bool((input == other).all())


@operation()
def isclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Where ``|input - other| <= atol + rtol * |other|``."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("isclose", input=input, other=other)
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if not tolerance >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {tolerance:g}")
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{p.TYPE_NAMES[input.dtype]} did not match {p.TYPE_NAMES[other.dtype]}")
    close = input == other
    if equal_nan:
        close = close | (input.isnan() & other.isnan())
    if input.dtype.category < 2 and rtol == 0 and atol == 0:
        return close
    allowed = other.abs() * rtol + atol
    near = (input - other).abs()
    return close | (near.isfinite() & (near <= allowed))


@operation()
def allclose(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether :func:`isclose` holds everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


class CopysignBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    zero_curvature = True

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor | None]:
        a, b = self.input(0).detach(), self.input(1)
        ratio = where(a == 0, 0.0, binary(p.COPYSIGN, a, b) / a)
        return grad * ratio, no_slope(grad) if self.needs(1) else None


@operation(inplace=True, out=True)
def copysign(input: Tensor, other: Any) -> Tensor:
    """The size of ``input`` with the sign of ``other``."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("copysign", input=input)
    return binary(p.COPYSIGN, input, other, CopysignBackward0)


class Atan2Backward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        y, x = self.input(0), self.input(1)
        square = x * x + y * y
        scale = grad * where(square == 0, 0.0, 1 / square)
        return scale * x, scale * -y


@operation("arctan2", inplace=True, out=True)
def atan2(input: Tensor, other: Tensor) -> Tensor:
    """The angle of (other, input), in radians."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("atan2", input=input, other=other)
    return binary(p.ATAN2, input, other, Atan2Backward0)


class NextafterBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        return where(self.input(0) == self.input(1), 0.0, grad), no_slope(grad)


@operation(inplace=True, out=True)
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """The next representable number towards ``other``."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("nextafter", input=input, other=other)
    return binary(p.NEXTAFTER, input, other, NextafterBackward0)
