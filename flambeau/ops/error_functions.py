"""The error function and the normal distribution's."""

from __future__ import annotations

import math

from ..autograd.gradient import INPUTS, RESULT, Gradient
from ..graph import primitives as p
from ..graph.primitives import FLOAT_FUNCTIONS as F
from ..tensor import Tensor
from .comparison import where
from .conversion import floating
from .dispatch import unary
from .exponentials import exp, log
from .operation import operation, write_out


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


def ndtr(input: Tensor) -> Tensor:
    """The normal distribution function: the area left of x."""
    return 0.5 * (floating(input) * -math.sqrt(0.5)).erfc()


def ndtri(input: Tensor) -> Tensor:
    """The inverse of :func:`ndtr`."""
    return (2 * floating(input) - 1).erfinv() * math.sqrt(2)


def log_ndtr(input: Tensor) -> Tensor:
    """Logarithm of :func:`ndtr`, by an asymptotic series far to the left (Abramowitz and Stegun, 26.2.12)."""
    x = floating(input)
    far = x < -14
    y = where(far, x, -14.0)
    r = 1 / (y * y)
    series = 1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r))))
    outside = -0.5 * y * y - log(-y) - 0.5 * math.log(2 * math.pi) + log(series)
    return where(far, outside, log(ndtr(where(far, -14.0, x))))  # type: ignore[no-any-return]


def erfcx(input: Tensor) -> Tensor:
    """exp(x²) erfc(x), without overflow for positive x."""
    x = floating(input)
    far = x > 9
    y = where(far, x, 9.0)
    r = 1 / (2 * y * y)
    outside = (1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r))))) / (y * math.sqrt(math.pi))
    near = where(far, 9.0, x)
    return where(far, outside, exp(near * near) * near.erfc())  # type: ignore[no-any-return]
