"""Sums, differences, products, quotients, powers, and what is composed of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.history import CROSSWISE, INPUTS, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import promote_types
from ..graph.trace import Node, enter, local, new_step, overflow
from .dispatch import attach, binary, nary, no_slope, not_a_tensor, number_or_tensor, tracked, unary
from .operands import NUMBERS, binary_operator, operand
from .operation import operation

_new = object.__new__


# --- add, sub -----------------------------------------------------------------------------------------------------


class AddBackward0(Gradient):
    """``context``: what the second operand was multiplied by, or None."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        return grad, grad if self.context is None else mul(grad, self.context)


@operation(inplace=True, out=True, scales=("alpha",))
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``input + alpha * other``, broadcast and promoted."""
    if alpha != 1:
        _check_alpha(alpha, input, other)
        return nary(p.FMA, [input, other, alpha], AddBackward0, None, alpha)
    return binary(p.ADD, input, other, AddBackward0)


def _check_alpha(alpha: Any, a: Any, b: Any) -> None:
    if isinstance(a, Tensor) and a.dtype.category >= 2:
        return
    kinds = [t.dtype for t in (a, b) if isinstance(t, Tensor)]
    d = kinds[0] if len(kinds) == 1 else promote_types(kinds[0], kinds[1])
    if d.kind == "bool" and not isinstance(alpha, bool):
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and d.category < 2:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")


class SubBackward0(AddBackward0):
    """``context``: what the second operand was multiplied by, negated, or None."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        return grad, neg(grad) if self.context is None else mul(grad, self.context)


@operation("subtract", inplace=True, out=True, scales=("alpha",))
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``input - alpha * other``, broadcast and promoted. ``RuntimeError`` for booleans."""
    if alpha != 1 and not any(isinstance(t, Tensor) and t.dtype.kind == "bool" for t in (input, other)):
        _check_alpha(alpha, input, other)
        return nary(p.FMA, [input, other, -alpha], SubBackward0, None, -alpha)
    return binary(p.SUB, input, other, SubBackward0)


class RsubBackward0(SubBackward0):
    __slots__ = ()


class RsubBackward1(SubBackward0):
    __slots__ = ()


@operation(method=False)
def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``other - alpha * input``."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("rsub", input=input)
    if alpha != 1:
        return sub(other, input, alpha=alpha)
    gradient = RsubBackward0 if isinstance(other, Tensor) else RsubBackward1
    return binary(p.SUB, other, input, gradient)


class NegBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return neg(grad)


@operation("negative", inplace=True, out="exact")
def neg(input: Tensor) -> Tensor:
    """``-input``. ``RuntimeError`` for booleans."""
    return unary(p.NEG, input, NegBackward0)


@operation()
def positive(input: Tensor) -> Tensor:
    """``+input``: the tensor itself. ``RuntimeError`` for booleans."""
    if input.dtype.kind == "bool":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# --- mul, div -----------------------------------------------------------------------------------------------------


class MulBackward0(Gradient):
    __slots__ = ()
    saves = CROSSWISE

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        return (
            binary(p.MUL, grad, self.input(1), MulBackward0) if self.edges[0] is not None else None,
            binary(p.MUL, grad, self.input(0), MulBackward0) if self.edges[1] is not None else None,
        )


@operation("multiply", inplace=True, out=True)
def mul(input: Any, other: Any) -> Tensor:
    """``input * other``, broadcast and promoted."""
    return binary(p.MUL, input, other, MulBackward0)


class DivBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        numerator, denominator = self.input(0), self.input(1)
        return (
            div(grad, denominator) if self.edges[0] is not None else None,
            div(mul(neg(grad), div(numerator, denominator)), denominator) if self.edges[1] is not None else None,
        )


class DivBackward1(DivBackward0):
    __slots__ = ()


def div_by_number(x: Tensor, divisor: Any) -> Tensor:
    """``x / divisor`` under the name that it has in PyTorch's own compositions."""
    return binary(p.DIV, x, divisor, DivBackward1)


@operation("divide", inplace=True, out=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """``input / other``; integers divide to floats. ``rounding_mode`` "trunc" or "floor" keeps the dtype."""
    if rounding_mode is None:
        result = binary(p.DIV, input, other, DivBackward0)
    elif rounding_mode == "floor":
        result = binary(p.FLOOR_DIVIDE, input, other, DivBackward2)
    elif rounding_mode == "trunc":
        result = binary(p.TRUNC_DIVIDE, input, other, DivBackward2)
    else:
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    return result


@operation(inplace=True, out=True)
def true_divide(input: Any, other: Any) -> Tensor:
    """``input / other``."""
    return binary(p.DIV, input, other, DivBackward0)


class NoSlopeBackward(Gradient):
    """For steps: the gradient is zero wherever it exists."""

    __slots__ = ()

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        return tuple(no_slope(grad) if edge is not None else None for edge in self.edges)


@operation(inplace=True, out=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """The quotient rounded down, in the operands' dtype. ``RuntimeError`` when an integer is divided by zero."""
    return binary(p.FLOOR_DIVIDE, input, other, NoSlopeBackward)


class DivBackward2(NoSlopeBackward):
    """Quotients rounded to integers."""

    __slots__ = ()


class RemainderBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        other = None
        if self.edges[1] is not None:
            other = neg(mul(grad, floor_divide(self.input(0), self.input(1))))
        return grad, other


@operation(inplace=True, out=True)
def remainder(input: Any, other: Any) -> Tensor:
    """What is left of a division rounded down: has the divisor's sign, as Python's ``%``."""
    if not (isinstance(input, Tensor) or isinstance(other, Tensor)):
        raise not_a_tensor("remainder", input=input)
    return binary(p.REMAINDER, input, other, RemainderBackward1 if isinstance(other, Tensor) else RemainderBackward0)


class RemainderBackward1(RemainderBackward0):
    __slots__ = ()


class FmodBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        other = None
        if self.edges[1] is not None:
            other = neg(mul(grad, div(self.input(0), self.input(1), rounding_mode="trunc")))
        return grad, other


class FmodBackward1(FmodBackward0):
    __slots__ = ()


@operation(inplace=True, out=True)
def fmod(input: Tensor, other: Any) -> Tensor:
    """What is left of a division rounded towards zero: has the dividend's sign, as C's ``fmod``."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("fmod", input=input)
    return binary(p.FMOD, input, other, FmodBackward1 if isinstance(other, Tensor) else FmodBackward0)


class ReciprocalBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return mul(neg(grad), mul(result, result))


@operation(inplace=True, out=True)
def reciprocal(input: Tensor) -> Tensor:
    """``1 / input``."""
    return unary(p.RECIPROCAL, input, ReciprocalBackward0)


# --- powers -------------------------------------------------------------------------------------------------------


class PowBackward0(Gradient):
    """Power with a number as exponent, kept as context."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        base, exponent = self.input(0), self.context
        if exponent == 0:
            return no_slope(grad)
        return mul(grad, mul(pow(base, exponent - 1), exponent))


class PowBackward1(Gradient):
    """Power with a tensor as exponent."""

    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        base, exponent = self.input(0), self.input(1)
        first = second = None
        if self.edges[0] is not None:
            slope = mul(exponent, pow(base, sub(exponent, 1)))
            first = mul(grad, _zero_where(exponent == 0, slope) if isinstance(exponent, Tensor) else slope)
        if self.edges[1] is not None:
            from .exponentials import log

            base = number_or_tensor(base, grad.dtype)
            slope, flat = mul(self.result(), log(base)), (base == 0) & (exponent >= 0)
            second = mul(grad, _zero_where(flat, slope))
        return first, second


class PowBackward2(PowBackward1):
    """Power of a number."""

    __slots__ = ()


def _zero_where(flat: Tensor, slope: Tensor) -> Tensor:
    from .comparison import where

    return where(flat, 0.0, slope)


@operation(inplace=True, out=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """``input ** exponent``, broadcast and promoted. Integers to negative integer powers raise ``RuntimeError``."""
    if isinstance(exponent, Tensor):
        return binary(p.POW, input, exponent, PowBackward1 if isinstance(input, Tensor) else PowBackward2)
    if not isinstance(input, Tensor):
        raise not_a_tensor("pow", input=input)
    return _power(input, operand(exponent))


def _power(x: Tensor, exponent: float) -> Tensor:
    """Small exponents are products or roots, exactly as PyTorch computes them."""
    d = x.dtype
    if d.category == 2 or (d.category == 1 and isinstance(exponent, int)):
        if exponent == 2:
            result = binary(p.MUL, x, x)
        elif exponent == 3:
            result = binary(p.MUL, binary(p.MUL, x, x), x)
        elif exponent == 1:
            result = unary(p.COPY, x)
        elif d.category == 2 and exponent == 0.5:
            result = unary(p.SQRT, x)
        elif d.category == 2 and exponent == -0.5:
            result = unary(p.RSQRT, x)
        elif d.category == 2 and exponent == -1:
            result = unary(p.RECIPROCAL, x)
        elif d.category == 2 and exponent == -2:
            result = unary(p.RECIPROCAL, binary(p.MUL, x, x))
        else:
            if d.category == 1 and exponent < 0:
                raise RuntimeError("Integers to negative integer powers are not allowed.")
            result = binary(p.POW, x, exponent)
    else:
        result = binary(p.POW, x, exponent)
    if tracked(x):
        attach(result, PowBackward0, [x], None, exponent)
    return result


@operation(inplace=True, out=True)
def square(input: Tensor) -> Tensor:
    """``input ** 2``."""
    return pow(input, 2)


@operation(out="exact")
def float_power(input: Any, exponent: Any) -> Tensor:
    """``pow`` in float64."""
    from ..graph.dtypes import float64

    first = input.to(float64) if isinstance(input, Tensor) else input
    second = exponent.to(float64) if isinstance(exponent, Tensor) else float(exponent)
    return pow(first, second)


# --- operators ----------------------------------------------------------------------------------------------------


def _fast(primitive: p.Primitive, gradient: type[Gradient]) -> Any:
    """An operator that records one primitive, with the plainest case (no views, no history) written out in line."""

    def operator(self: Tensor, other: Any) -> Any:
        kind = type(other)
        if kind is Tensor:
            if self._storage is None and other._storage is None and not self._tracked and not other._tracked:
                trace = local.trace
                a = self._node
                b = other._node
                if a.trace is not trace:
                    a = enter(trace, a)
                if b.trace is not trace:
                    b = enter(trace, b)
                cursor = trace.cursor
                key = (primitive, a.place, b.place)
                if key in cursor.next:
                    step = cursor.next[key]
                else:
                    step = new_step(trace, key, primitive, None, ((a.place, None), (b.place, None)))
                value = _new(Node)
                value.shape = step.shape
                value.dtype = step.dtype
                value.trace = trace
                value.place = step.depth - 1
                value.buffer = None
                trace.nodes += (value,)
                trace.cursor = step
                if step.mark >= trace.limit:
                    value = overflow(trace, value, step)
                result = _new(Tensor)
                result._node = value
                result._storage = result._view = result._extra = result._gradient = None
                result._tracked = False
                return result
            return binary(primitive, self, other, gradient)
        if kind is float or kind is int or isinstance(other, Tensor):
            return binary(primitive, self, other, gradient)
        if isinstance(other, NUMBERS):
            return binary(primitive, self, operand(other), gradient)
        return NotImplemented

    return operator


_quotient = binary_operator(div, swapped=True)


def _divided_by(self: Tensor, other: Any) -> Any:
    # Of the operators with an array in front PyTorch has this one, as the reciprocal times the array.
    return reciprocal(self) * other if isinstance(other, np.ndarray) else _quotient(self, other)


Tensor.__add__ = _fast(p.ADD, AddBackward0)  # type: ignore[method-assign]
Tensor.__radd__ = Tensor.__add__  # type: ignore[method-assign]
Tensor.__sub__ = _fast(p.SUB, SubBackward0)  # type: ignore[method-assign]
Tensor.__rsub__ = binary_operator(rsub)  # type: ignore[method-assign]
Tensor.__mul__ = _fast(p.MUL, MulBackward0)  # type: ignore[method-assign]
Tensor.__rmul__ = Tensor.__mul__  # type: ignore[method-assign]
Tensor.__truediv__ = _fast(p.DIV, DivBackward0)  # type: ignore[method-assign]
Tensor.__rtruediv__ = _divided_by  # type: ignore[method-assign]
Tensor.__floordiv__ = binary_operator(floor_divide)  # type: ignore[method-assign]
Tensor.__rfloordiv__ = binary_operator(floor_divide, swapped=True)  # type: ignore[attr-defined]
Tensor.__mod__ = binary_operator(remainder)  # type: ignore[method-assign]
Tensor.__rmod__ = binary_operator(remainder, swapped=True)  # type: ignore[attr-defined]
Tensor.__pow__ = binary_operator(pow)  # type: ignore[method-assign]
Tensor.__rpow__ = binary_operator(pow, swapped=True)  # type: ignore[method-assign]
Tensor.__neg__ = neg  # type: ignore[method-assign]
Tensor.__pos__ = positive  # type: ignore[method-assign]
for _name in ("add", "sub", "mul", "floordiv", "truediv", "mod", "pow"):
    _source = {"floordiv": "floor_divide", "truediv": "div", "mod": "remainder"}.get(_name, _name)
    setattr(Tensor, f"__i{_name}__", binary_operator(getattr(Tensor, _source + "_")))
