"""Functions of one number, element by element."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.gradient import INPUTS, RESULT, Gradient
from ..graph import primitives as p
from ..tensor import Tensor
from .dispatch import nary, unary
from .operation import NAMESPACE, operation, write_out

F = p.FLOAT_FUNCTIONS


class ExpBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad * self.result()


@operation(inplace=True)
def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """e to the power of each element."""
    result = unary(p.EXP, input, ExpBackward0)
    return result if out is None else write_out(out, result)


class Exp2Backward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad * self.result() * math.log(2)


@operation(inplace=True)
def exp2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """2 to the power of each element."""
    result = unary(F["exp2"], input, Exp2Backward0)
    return result if out is None else write_out(out, result)


class Expm1Backward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad * (self.result() + 1)


@operation(inplace=True)
def expm1(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """exp(x) - 1, accurate near zero."""
    result = unary(F["expm1"], input, Expm1Backward0)
    return result if out is None else write_out(out, result)


class LogBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / self.input(0)


@operation(inplace=True)
def log(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Natural logarithm."""
    result = unary(p.LOG, input, LogBackward0)
    return result if out is None else write_out(out, result)


class Log2Backward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.input(0) * math.log(2))


@operation(inplace=True)
def log2(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm to base 2."""
    result = unary(F["log2"], input, Log2Backward0)
    return result if out is None else write_out(out, result)


class Log10Backward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.input(0) * math.log(10))


@operation(inplace=True)
def log10(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm to base 10."""
    result = unary(F["log10"], input, Log10Backward0)
    return result if out is None else write_out(out, result)


class Log1PBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.input(0) + 1)


@operation(inplace=True)
def log1p(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log(1 + x), accurate near zero."""
    result = unary(F["log1p"], input, Log1PBackward0)
    return result if out is None else write_out(out, result)


class SqrtBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.result() * 2)


@operation(inplace=True)
def sqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Square root; NaN for negative numbers."""
    result = unary(p.SQRT, input, SqrtBackward0)
    return result if out is None else write_out(out, result)


class RsqrtBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * -0.5 * (result * result * result)


@operation(inplace=True)
def rsqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """1 / sqrt(x)."""
    result = unary(p.RSQRT, input, RsqrtBackward0)
    return result if out is None else write_out(out, result)


class AbsBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * sign(self.input(0))


@operation("absolute", inplace=True)
def abs(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Absolute value."""
    result = unary(p.ABS, input, AbsBackward0)
    return result if out is None else write_out(out, result)


Tensor.__abs__ = abs  # type: ignore[attr-defined]


class SignBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad * 0


class FloorBackward0(SignBackward0):
    __slots__ = ()


class CeilBackward0(SignBackward0):
    __slots__ = ()


class TruncBackward0(SignBackward0):
    __slots__ = ()


class RoundBackward0(SignBackward0):
    __slots__ = ()


@operation("sgn", inplace=True)
def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1 by sign."""
    result = unary(p.SIGN, input, SignBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Largest integer not above."""
    result = unary(p.FLOOR, input, FloorBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Smallest integer not below."""
    result = unary(p.CEIL, input, CeilBackward0)
    return result if out is None else write_out(out, result)


@operation("fix", inplace=True)
def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Integer part."""
    result = unary(p.TRUNC, input, TruncBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Nearest integer, halves to even; or to ``decimals`` places."""
    if decimals == 0:
        result = unary(p.ROUND, input, RoundBackward0)
    elif decimals > 0:
        result = unary(p.ROUND, input * 10.0**decimals, RoundBackward0) / 10.0**decimals
    else:
        result = unary(p.ROUND, input / 10.0**-decimals, RoundBackward0) * 10.0**-decimals
    return result if out is None else write_out(out, result)


class FracBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad


@operation(inplace=True)
def frac(input: Tensor) -> Tensor:
    """What is left after the integer part."""
    return input - trunc(input)


# --- trigonometry -------------------------------------------------------------------------------------------------


class SinBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * cos(self.input(0))


@operation(inplace=True)
def sin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sine of radians."""
    result = unary(F["sin"], input, SinBackward0)
    return result if out is None else write_out(out, result)


class CosBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * -sin(self.input(0))


@operation(inplace=True)
def cos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Cosine of radians."""
    result = unary(F["cos"], input, CosBackward0)
    return result if out is None else write_out(out, result)


class TanBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (result * result + 1)


@operation(inplace=True)
def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Tangent of radians."""
    result = unary(F["tan"], input, TanBackward0)
    return result if out is None else write_out(out, result)


class AsinBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(1 - x * x)


@operation("arcsin", inplace=True)
def asin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse sine, in radians."""
    result = unary(F["asin"], input, AsinBackward0)
    return result if out is None else write_out(out, result)


class AcosBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * -rsqrt(1 - x * x)


@operation("arccos", inplace=True)
def acos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse cosine, in radians."""
    result = unary(F["acos"], input, AcosBackward0)
    return result if out is None else write_out(out, result)


class AtanBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad / (x * x + 1)


@operation("arctan", inplace=True)
def atan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse tangent, in radians."""
    result = unary(F["atan"], input, AtanBackward0)
    return result if out is None else write_out(out, result)


# --- hyperbolic ---------------------------------------------------------------------------------------------------


class SinhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * cosh(self.input(0))


@operation(inplace=True)
def sinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic sine."""
    result = unary(F["sinh"], input, SinhBackward0)
    return result if out is None else write_out(out, result)


class CoshBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * sinh(self.input(0))


@operation(inplace=True)
def cosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic cosine."""
    result = unary(F["cosh"], input, CoshBackward0)
    return result if out is None else write_out(out, result)


class TanhBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (1 - result * result)


@operation(inplace=True)
def tanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic tangent."""
    result = unary(p.TANH, input, TanhBackward0)
    return result if out is None else write_out(out, result)


class AsinhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(x * x + 1)


@operation("arcsinh", inplace=True)
def asinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic sine."""
    result = unary(F["asinh"], input, AsinhBackward0)
    return result if out is None else write_out(out, result)


class AcoshBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(x * x - 1)


@operation("arccosh", inplace=True)
def acosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic cosine."""
    result = unary(F["acosh"], input, AcoshBackward0)
    return result if out is None else write_out(out, result)


class AtanhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad / (1 - x * x)


@operation("arctanh", inplace=True)
def atanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic tangent."""
    result = unary(F["atanh"], input, AtanhBackward0)
    return result if out is None else write_out(out, result)


# --- special ------------------------------------------------------------------------------------------------------


class SigmoidBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * ((1 - result) * result)


@operation("special_expit", inplace=True)
def sigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """1 / (1 + exp(-x))."""
    result = unary(p.SIGMOID, input, SigmoidBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), with x first clamped to [eps, 1 - eps] if given."""
    x = input if eps is None else input.clamp(eps, 1 - eps)
    return log(x / (1 - x))


class ErfBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * (exp(-(x * x)) * (2 / math.sqrt(math.pi)))


@operation("special_erf", inplace=True)
def erf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Error function."""
    result = unary(p.ERF, input, ErfBackward0)
    return result if out is None else write_out(out, result)


class ErfcBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * (exp(-(x * x)) * (-2 / math.sqrt(math.pi)))


@operation(inplace=True)
def erfc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """1 - erf(x), accurate for large x."""
    result = unary(F["erfc"], input, ErfcBackward0)
    return result if out is None else write_out(out, result)


class ErfinvBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (exp(result * result) * (math.sqrt(math.pi) / 2))


@operation(inplace=True)
def erfinv(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse of the error function."""
    result = unary(F["erfinv"], input, ErfinvBackward0)
    return result if out is None else write_out(out, result)


class LgammaBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * digamma(self.input(0))


@operation(inplace=True)
def lgamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the absolute value of the gamma function."""
    result = unary(F["lgamma"], input, LgammaBackward0)
    return result if out is None else write_out(out, result)


class DigammaBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        from .special import polygamma

        return grad * polygamma(1, self.input(0))


@operation(inplace=True)
def digamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithmic derivative of the gamma function."""
    result = unary(F["digamma"], input, DigammaBackward0)
    return result if out is None else write_out(out, result)


# --- bits and classes ---------------------------------------------------------------------------------------------


@operation()
def isnan(input: Tensor) -> Tensor:
    """Where elements are NaN."""
    return unary(p.ISNAN, input)


@operation()
def isinf(input: Tensor) -> Tensor:
    """Where elements are infinite."""
    return unary(p.ISINF, input)


@operation()
def isfinite(input: Tensor) -> Tensor:
    """Where elements are neither infinite nor NaN."""
    return unary(p.ISFINITE, input)


@operation()
def signbit(input: Tensor) -> Tensor:
    """Where the sign bit is set (negative numbers, and -0)."""
    return unary(p.SIGNBIT, input)


@operation(inplace=True)
def logical_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Where elements are zero."""
    result = unary(p.LOGICAL_NOT, input)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def bitwise_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """All bits turned over; for booleans, not. ``RuntimeError`` for floats."""
    result = unary(p.BITWISE_NOT, input)
    return result if out is None else write_out(out, result)


Tensor.__invert__ = bitwise_not  # type: ignore[method-assign]


class NanToNumBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * isfinite(self.input(0))


@operation(inplace=True)
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and infinities replaced by numbers (0 and the dtype's extremes unless given)."""
    from .dispatch import attach, tracked

    if input.dtype.category < 2:
        return input.clone()
    from ..info import finfo

    limits = finfo(input.dtype)
    result = nary(p.WHERE, [isnan(input), 0.0 if nan is None else nan, input])
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    result = nary(p.WHERE, [nary(p.EQ, [input, math.inf]), high, result])
    result = nary(p.WHERE, [nary(p.EQ, [input, -math.inf]), low, result])
    if tracked(input):
        attach(result, NanToNumBackward0, [input])
    return result


@operation(inplace=True)
def deg2rad(input: Tensor) -> Tensor:
    """Degrees to radians."""
    return input * (math.pi / 180)


@operation(inplace=True)
def rad2deg(input: Tensor) -> Tensor:
    """Radians to degrees."""
    return input * (180 / math.pi)


def _sinc(input: Tensor) -> Tensor:
    from .comparison import where

    x = input * math.pi
    safe = where(x == 0, 1.0, x)
    return where(x == 0, 1.0, sin(safe) / safe)


NAMESPACE["sinc"] = _sinc


def real(input: Tensor) -> Any:
    """The real part: the tensor itself, as long as there are no complex numbers."""
    return input


NAMESPACE["real"] = real
