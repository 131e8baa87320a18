"""Exponentials, logarithms and square roots, element by element."""

from __future__ import annotations

import math

from ..core.history import INPUTS, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import check_fits
from ..graph.primitives import FLOAT_FUNCTIONS as F
from .dispatch import differentiated, unary
from .operation import operation


class ExpBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad * self.result()


@operation(inplace=True, out=True)
def exp(input: Tensor) -> Tensor:
    """e to the power of each element."""
    return unary(p.EXP, input, ExpBackward0)


class Exp2Backward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad * self.result() * math.log(2)


@operation("special.exp2", inplace=True, out=True)
def exp2(input: Tensor) -> Tensor:
    """2 to the power of each element."""
    return unary(F["exp2"], input, Exp2Backward0)


class Expm1Backward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad * (self.result() + 1)


@operation("special.expm1", inplace=True, out=True)
def expm1(input: Tensor) -> Tensor:
    """exp(x) - 1, accurate near zero."""
    return unary(F["expm1"], input, Expm1Backward0)


class LogBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / self.input(0)


@operation(inplace=True, out=True)
def log(input: Tensor) -> Tensor:
    """Natural logarithm."""
    return unary(p.LOG, input, LogBackward0)


class Log2Backward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.input(0) * math.log(2))


@operation(inplace=True, out=True)
def log2(input: Tensor) -> Tensor:
    """Logarithm to base 2."""
    return unary(F["log2"], input, Log2Backward0)


class Log10Backward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.input(0) * math.log(10))


@operation(inplace=True, out=True)
def log10(input: Tensor) -> Tensor:
    """Logarithm to base 10."""
    return unary(F["log10"], input, Log10Backward0)


class Log1PBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.input(0) + 1)


@operation("special.log1p", inplace=True, out=True)
def log1p(input: Tensor) -> Tensor:
    """log(1 + x), accurate near zero."""
    return unary(F["log1p"], input, Log1PBackward0)


class SqrtBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        return grad / (self.result() * 2)


@operation(inplace=True, out=True)
def sqrt(input: Tensor) -> Tensor:
    """Square root; NaN for negative numbers."""
    return unary(p.SQRT, input, SqrtBackward0)


class RsqrtBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * -0.5 * (result * result * result)


@operation(inplace=True, out=True)
def rsqrt(input: Tensor) -> Tensor:
    """1 / sqrt(x)."""
    return unary(p.RSQRT, input, RsqrtBackward0)


class SigmoidBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * ((1 - result) * result)


@operation("special.expit", inplace=True, out=True)
def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x))."""
    return unary(p.SIGMOID, input, SigmoidBackward0)


class LogitBackward0(Gradient):
    """``context``: the limit given by name, if it was."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        from .comparison import where

        x, eps = self.input(0), dict(self.context).get("eps")
        if eps is None and len(self.edges) > 1:
            eps = self.input(1)
        low = 0.0 if eps is None else eps
        return where((x < low) | (x > 1 - low), math.nan if eps is None else 0.0, grad / (x * (1 - x)))  # type: ignore[no-any-return]


@operation("special.logit", inplace=True, out=True)
@differentiated(LogitBackward0)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), with x first clamped to [eps, 1 - eps] if given."""
    if eps is not None and input.dtype.category >= 2:
        check_fits(eps, input.dtype)
    x = input if eps is None else input.clamp(eps, 1 - eps)
    return log(x / (1 - x))
