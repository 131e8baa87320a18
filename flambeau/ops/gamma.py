"""The gamma function's logarithm and the derivatives of that."""

from __future__ import annotations

import math
from operator import index

import numpy as np

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph.primitives import FLOAT_FUNCTIONS as F
from .conversion import floating
from .dispatch import attach, tracked, unary
from .host import elementwise
from .one_node import one_node
from .operation import operation
from .steps import arange


class LgammaBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * digamma(self.input(0))


@operation("special.gammaln", inplace=True, out=True)
def lgamma(input: Tensor) -> Tensor:
    """Logarithm of the absolute value of the gamma function."""
    return unary(F["lgamma"], input, LgammaBackward0)


class DigammaBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * polygamma(1, self.input(0))


@operation("special.digamma", "special.psi", inplace=True, out=True)
def digamma(input: Tensor) -> Tensor:
    """Logarithmic derivative of the gamma function."""
    return unary(F["digamma"], input, DigammaBackward0)


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
"""B₂, B₄, …, B₁₈."""


def _polygamma(x: np.ndarray, order: int) -> np.ndarray:
    """Derivatives of the digamma function: (-1)^(n+1) n! ζ(n+1, x), by the Euler-Maclaurin formula behind x = 12.

    Trigamma is reflected at 1/2; other orders step from negative numbers upwards.
    """
    if order == 1:
        mirrored = x < 0.5
        y = np.where(mirrored, 1 - x, x)
        value = _hurwitz(y, 2)
        pole = (x <= 0) & (x == np.floor(x))  # at which the rounded multiple of π has a sine
        return np.where(pole, np.inf, np.where(mirrored, (np.pi / np.sin(np.pi * x)) ** 2 - value, value))
    sign = -1.0 if order % 2 == 0 else 1.0
    factorial = float(math.factorial(order)) if order <= 170 else math.inf  # 171! is beyond float64
    return sign * factorial * _hurwitz(x, order + 1)


def _hurwitz(x: np.ndarray, s: int) -> np.ndarray:
    total = np.zeros_like(x)
    y = x.copy()
    for _ in range(12 + int(np.clip(-np.nanmin(x, initial=0.0, where=np.isfinite(x)), 0, 1e4))):
        low = y < 12
        total += np.where(low, np.where(low, y, 1.0) ** -float(s), 0.0)
        y = np.where(low, y + 1, y)
    tail = y ** (1 - s) / (s - 1) + y**-s / 2
    factor = float(s)
    for k, b in enumerate(_BERNOULLI, 1):
        tail += b * factor / math.factorial(2 * k) * y ** -(s + 2.0 * k - 1)
        factor *= (s + 2 * k - 1) * (s + 2 * k)
    return np.where(np.isposinf(x), 0.0, total + tail)


class PolygammaBackward0(Gradient):
    """``context``: the order."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * polygamma(self.context + 1, self.input(0))


@operation("special.polygamma", method=False, out=True)
def polygamma(n: int, input: Tensor) -> Tensor:
    """Derivative number ``n`` of the digamma function."""
    n = index(n)
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    x = floating(input)
    if n == 0:
        return x.digamma()
    result = elementwise(_polygamma, x, order=n)
    if tracked(x):
        attach(result, PolygammaBackward0, [x], None, n)
    return result


Tensor.polygamma = lambda self, n: polygamma(n, self)  # type: ignore[attr-defined]


@operation("special.multigammaln", inplace=True, out=True)
@one_node("MvlgammaBackward0")
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension ``p``."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    x = floating(input)
    constant = p * (p - 1) / 4 * math.log(math.pi)
    shifts = arange(p, dtype=x.dtype) / 2
    return (x.unsqueeze(-1) - shifts).lgamma().sum(-1) + constant
