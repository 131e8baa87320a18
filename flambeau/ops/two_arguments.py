"""Hypotenuses, logarithms of sums, and products with logarithms: functions of two arguments that keep their range."""

from __future__ import annotations

import math
from typing import Any

from ..core.history import INPUTS, RESULT, Gradient
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import whole_number
from ..graph.dtypes import float64, get_default_dtype
from ..graph.primitives import FLOAT_FUNCTIONS as F
from ..graph.shapes import Size
from .comparison import maximum, where
from .creation import filled
from .dispatch import attach, nary, not_a_tensor, tracked, unary
from .exponentials import exp, log
from .operation import operation
from .precision import computed_in_double, rounded_once


def _check_floating(name: str, a: Any, b: Any) -> None:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        raise not_a_tensor(name, input=a, other=b)
    if a.dtype.category < 2 and b.dtype.category < 2:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{p.TYPE_NAMES[a.dtype]}'")


# --- hypotenuse ---------------------------------------------------------------------------------------------------


class HypotBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        result = self.result()
        return grad * (self.input(0) / result), grad * (self.input(1) / result)


@operation(inplace=True, out=True)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """sqrt(input² + other²), although the squares may be out of range; infinite if one of them is, even beside NaN."""
    _check_floating("hypot", input, other)
    result = without_history(lambda: _hypot(input, other, float64 in (input.dtype, other.dtype)))
    if tracked(input, other):
        attach(result, HypotBackward0, [input, other])
    return result


@computed_in_double
def _hypot(a: Tensor, b: Tensor, scaled: bool) -> Tensor:
    """``scaled``: what the squares would make too large or too small is first brought back by a power of two."""
    infinite = a.isinf() | b.isinf()
    if not scaled:
        return where(infinite, math.inf, nary(p.FMA, [a * a, b, b]).sqrt())
    size = maximum(a.abs(), b.abs())
    scale = where(size > 2.0**500, 2.0**-600, where(size < 2.0**-450, 2.0**600, filled(Size(()), 1.0, float64)))
    a, b = a * scale, b * scale
    return where(infinite, math.inf, nary(p.FMA, [a * a, b, b]).sqrt() / scale)


# --- logarithms of sums -------------------------------------------------------------------------------------------


class LogaddexpBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        difference = self.input(1) - self.input(0)
        return grad / (self.power(difference) + 1), grad / (self.power(-difference) + 1)

    def power(self, exponent: Tensor) -> Tensor:
        """The base to some power."""
        return exp(exponent)


class Logaddexp2Backward0(LogaddexpBackward0):
    __slots__ = ()

    def power(self, exponent: Tensor) -> Tensor:
        return exponent.exp2()


@operation(out=True)
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""
    _check_floating("logaddexp", input, other)
    result = without_history(lambda: _logaddexp(input, other, "exp", 1.0))
    if tracked(input, other):
        attach(result, LogaddexpBackward0, [input, other])
    return result


@operation(out=True)
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other), without overflow."""
    _check_floating("logaddexp2", input, other)
    result = without_history(lambda: _logaddexp(input, other, "exp2", math.log2(math.e)))
    if tracked(input, other):
        attach(result, Logaddexp2Backward0, [input, other])
    return result


@rounded_once
def _logaddexp(a: Tensor, b: Tensor, power: str, factor: float) -> Tensor:
    """The larger one, and the logarithm of what the smaller one adds; equal infinities are their own sum."""
    larger = maximum(a, b)
    added = unary(F["log1p"], unary(F[power], -(a - b).abs()))
    total = larger + added if factor == 1 else nary(p.FMA, [larger, added, factor])
    return where((a == b) & a.isinf(), larger, total)


# --- products with logarithms -------------------------------------------------------------------------------------


def _as_tensors(name: str, a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Two operands, of which one may be a number: that becomes a tensor of the other's dtype."""
    if not (isinstance(a, Tensor) or isinstance(b, Tensor)):
        raise not_a_tensor(name, input=a)
    if not isinstance(a, Tensor):
        return _number_beside(a, b), b
    return a, b if isinstance(b, Tensor) else _number_beside(b, a)


def _number_beside(value: Any, x: Tensor) -> Tensor:
    d = x.dtype if x.dtype.category == 2 else get_default_dtype()
    return filled(Size(()), whole_number(value, d) if type(value) is int else value, d)


class XlogyBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS
    #: What is added to the second operand before its logarithm is taken.
    shift = 0

    def backward(self, grad: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self.input(0), self.input(1)
        logarithm = b.log1p() if self.shift else log(b)
        first = grad * where((a == 0) & (b <= -self.shift), 0.0, logarithm)
        return first, grad * a / (b + 1 if self.shift else b)


class XlogyBackward1(XlogyBackward0):
    """The first operand is a number."""

    __slots__ = ()


class XlogyBackward2(XlogyBackward0):
    """The second operand is a number."""

    __slots__ = ()


class SpecialXlog1PyBackward0(XlogyBackward0):
    __slots__ = ()
    shift = 1


@operation("special.xlogy", inplace=True, out=True)
def xlogy(input: Any, other: Any) -> Tensor:
    """input · log(other), zero where input is zero (unless other is NaN)."""
    numbers = not isinstance(input, Tensor), not isinstance(other, Tensor)
    gradient = XlogyBackward1 if numbers[0] else XlogyBackward2 if numbers[1] else XlogyBackward0
    return _product("log", gradient, *_as_tensors("xlogy", input, other))


@operation(only="special.xlog1py", out=True)
def xlog1py(input: Any, other: Any) -> Tensor:
    """input · log(1 + other), zero where input is zero (unless other is NaN)."""
    return _product("log1p", SpecialXlog1PyBackward0, *_as_tensors("special_xlog1py", input, other))


def _product(function: str, gradient: type[Gradient], a: Tensor, b: Tensor) -> Tensor:
    result = without_history(lambda: _values(function, a, b))
    if tracked(a, b):
        attach(result, gradient, [a, b])
    return result


@rounded_once
def _values(function: str, a: Tensor, b: Tensor) -> Tensor:
    return where((a == 0) & ~b.isnan(), 0.0, a * unary(F[function], b))
