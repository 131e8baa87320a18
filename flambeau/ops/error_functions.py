"""The error function and the normal distribution's."""

from __future__ import annotations

import math

from ..core.history import INPUTS, RESULT, Gradient
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.primitives import FLOAT_FUNCTIONS as F
from ..graph.primitives import TYPE_NAMES
from .comparison import where
from .conversion import floating
from .dispatch import attach, tracked, unary
from .exponentials import exp, log
from .operation import operation
from .precision import computed_in_double, rounded_once


class ErfBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * (exp(-(x * x)) * (2 / math.sqrt(math.pi)))


@operation("special.erf", inplace=True, out=True)
def erf(input: Tensor) -> Tensor:
    """Error function."""
    return unary(p.ERF, input, ErfBackward0)


class ErfcBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * (exp(-(x * x)) * (-2 / math.sqrt(math.pi)))


@operation("special.erfc", inplace=True, out=True)
def erfc(input: Tensor) -> Tensor:
    """1 - erf(x), accurate for large x."""
    return unary(F["erfc"], input, ErfcBackward0)


class ErfinvBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (exp(result * result) * (math.sqrt(math.pi) / 2))


@operation("special.erfinv", inplace=True, out=True)
def erfinv(input: Tensor) -> Tensor:
    """Inverse of the error function."""
    return unary(F["erfinv"], input, ErfinvBackward0)


@operation(only="special.ndtr", out=True)
@rounded_once
def ndtr(input: Tensor) -> Tensor:
    """The normal distribution function: the area left of x."""
    return 0.5 * (floating(input) * -math.sqrt(0.5)).erfc()


class SpecialNdtriBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (exp(result * result * 0.5) * math.sqrt(2 * math.pi))


@operation(only="special.ndtri", out=True)
def ndtri(input: Tensor) -> Tensor:
    """The inverse of :func:`ndtr`."""
    if input.dtype.kind == "float" and input.dtype.itemsize == 2:
        raise NotImplementedError(f"\"ndtri_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    x = floating(input)
    result = without_history(lambda: _ndtri(x))
    if tracked(x):
        attach(result, SpecialNdtriBackward0, [x], [])
    return result


@computed_in_double
def _ndtri(x: Tensor) -> Tensor:
    """From the inverse error function between the quarters; in the tails by Newton's method on the logarithm, which is
    almost a parabola there, from where erfc's leading term would put it."""
    mirrored = x > 0.5
    tail = where(mirrored, 1 - x, x)
    target = log(where(tail < 0.25, tail, 0.25))
    root = (-2 * target).sqrt()
    place = -(root - log(root * math.sqrt(2 * math.pi)) / root)
    for _ in range(4):
        scaled = erfcx(place * -math.sqrt(0.5))
        value = log(scaled * 0.5) - 0.5 * place * place  # the logarithm of the area left of the place
        place = place - (value - target) * scaled * math.sqrt(math.pi / 2)
    place = where(tail == 0, -math.inf, where(tail > 0, place, math.nan))
    centre = (2 * x - 1).erfinv() * math.sqrt(2)
    return where((x - 0.5).abs() <= 0.25, centre, where(mirrored, -place, place))


class SpecialLogNdtrBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / erfcx(self.input(0) * -math.sqrt(0.5)) * math.sqrt(2 / math.pi)


@operation(only="special.log_ndtr", out=True)
def log_ndtr(input: Tensor) -> Tensor:
    """Logarithm of :func:`ndtr`: of the scaled complementary error function far to the left."""
    if input.dtype.kind == "float" and input.dtype.itemsize == 2:
        raise NotImplementedError(f"\"log_ndtr_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    x = floating(input)
    result = without_history(lambda: _log_ndtr(x))
    if tracked(x):
        attach(result, SpecialLogNdtrBackward0, [x])
    return result


@rounded_once
def _log_ndtr(x: Tensor) -> Tensor:
    y = x * math.sqrt(0.5)
    left = log(erfcx(-y) * 0.5) - 0.5 * x * x
    return where(x < -1, left, (y.erfc() * -0.5).log1p())


class SpecialErfcxBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad * (self.input(0) * self.result() * 2 - 2 / math.sqrt(math.pi))


@operation(only="special.erfcx", out=True)
def erfcx(input: Tensor) -> Tensor:
    """exp(x²) erfc(x), without overflow for positive x."""
    x = floating(input)
    result = unary(F["erfcx"], x)
    if tracked(x):
        attach(result, SpecialErfcxBackward0, [x])
    return result
