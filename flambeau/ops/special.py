"""Less common functions of one or two numbers; some are computed by NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import return_types
from ..autograd.gradient import INPUTS, Gradient
from ..graph import dtypes
from ..graph.dtypes import get_default_dtype
from ..tensor import Tensor
from .comparison import where
from .conversion import converted
from .dispatch import attach, tracked
from .host import on_host
from .operation import NAMESPACE, operation, write_out
from .unary import exp, log, sin


def _floating(x: Tensor) -> Tensor:
    """Integers as the default floating-point dtype."""
    return x if x.dtype.category == 2 else converted(x, get_default_dtype())


def _elementwise(function: Any, x: Tensor, **parameters: Any) -> Tensor:
    """A NumPy function of float64 elements, rounded once to the result's dtype."""
    return on_host(_wide, {"function": function, "parameters": tuple(parameters.items())}, [(x.shape, x.dtype)], x)[0]


def _wide(array: np.ndarray, function: Any, parameters: tuple[tuple[str, Any], ...]) -> np.ndarray:
    with np.errstate(all="ignore"):
        return function(array.astype(np.float64), **dict(parameters))  # type: ignore[no-any-return]


# --- classes of numbers -------------------------------------------------------------------------------------------------


@operation()
def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Where elements are plus infinity."""
    result = input == math.inf
    return result if out is None else write_out(out, result)


@operation()
def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Where elements are minus infinity."""
    result = input == -math.inf
    return result if out is None else write_out(out, result)


@operation()
def isreal(input: Tensor) -> Tensor:
    """Where elements have no imaginary part: everywhere."""
    return input.new_ones(input.shape, dtype=dtypes.bool_)


class AngleBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad * 0


@operation()
def angle(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """0 for positive numbers, π for negative ones, NaN for NaN."""
    x = _floating(input.detach())
    result = where(x.isnan(), x, where(x < 0, math.pi, x * 0 if x.numel() == 0 else where(x < 0, x, 0.0)))
    if tracked(input):
        attach(result, AngleBackward0, [input], [])
    return result if out is None else write_out(out, result)


# --- parts of numbers ---------------------------------------------------------------------------------------------------


def _frexp(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mantissa, exponent = np.frexp(array)
    return mantissa, exponent


@operation()
def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """(mantissa, exponent) with input = mantissa · 2^exponent and mantissas in [0.5, 1), exponents int32."""
    if input.dtype.kind != "float":
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    outputs = [(input.shape, input.dtype), (input.shape, dtypes.int32)]
    mantissa, exponent = on_host(_frexp, {}, outputs, input.detach())
    if tracked(input):
        mantissa = input / exp2_of(exponent, input)
    return return_types.frexp((mantissa, exponent))  # type: ignore[no-any-return]


def exp2_of(exponent: Any, like: Tensor) -> Any:
    """2 to the power of ``exponent`` in the floating-point dtype of ``like``."""
    if not isinstance(exponent, Tensor):
        return 2.0**exponent
    return converted(exponent, _floating(like).dtype).exp2()


@operation(inplace=True)
def ldexp(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """input · 2^other."""
    result = input * exp2_of(other, input)
    return result if out is None else write_out(out, result)


# --- integers -----------------------------------------------------------------------------------------------------------


def _whole(array: np.ndarray, other: np.ndarray, name: str) -> np.ndarray:
    return getattr(np, name)(array, other)  # type: ignore[no-any-return]


def _of_integers(name: str, input: Tensor, other: Tensor) -> Tensor:
    from ..graph.dtypes import result_type
    from ..graph.primitives import TYPE_NAMES
    from ..graph.shapes import broadcast_shapes

    d = result_type([(t.dtype, 0 if t.ndim else 1) for t in (input, other)])
    if d.category != 1:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{TYPE_NAMES[d]}'")
    shape = broadcast_shapes(input.shape, other.shape)
    return on_host(_whole, {"name": name}, [(shape, d)], converted(input, d), converted(other, d))[0]


@operation(inplace=True)
def gcd(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Greatest common divisors of integers."""
    result = _of_integers("gcd", input, other)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def lcm(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Least common multiples of integers."""
    result = _of_integers("lcm", input, other)
    return result if out is None else write_out(out, result)


# --- logarithms of sums, products with logarithms -----------------------------------------------------------------------


@operation()
def logaddexp2(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """log2(2^input + 2^other), without overflow."""
    from .comparison import maximum

    high = maximum(input, other).detach()
    high = where(high.isfinite(), high, 0.0)
    result = ((input - high).exp2() + (other - high).exp2()).log2() + high
    return result if out is None else write_out(out, result)


def xlog1py(input: Any, other: Any) -> Tensor:
    """input · log(1 + other), zero where input is zero."""
    a = input if isinstance(input, Tensor) else other * 0 + input
    b = other if isinstance(other, Tensor) else a * 0 + other
    return where((a == 0) & ~b.isnan(), 0.0, a * b.log1p())  # type: ignore[no-any-return]


def entr(input: Tensor) -> Tensor:
    """-x · log(x): 0 at 0, minus infinity below."""
    x = _floating(input)
    positive = x > 0
    inside = -x * log(where(positive, x, 1.0))
    return where(positive | x.isnan(), inside, where(x == 0, 0.0, -math.inf))  # type: ignore[no-any-return]


@operation(method=True, inplace=True)
def sinc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """sin(πx) / (πx), 1 at zero."""
    x = _floating(input) * math.pi
    safe = where(x == 0, 1.0, x)
    result = where(x == 0, 1.0 - x * x / 6, sin(safe) / safe)
    return result if out is None else write_out(out, result)


# --- polygamma ----------------------------------------------------------------------------------------------------------

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
        return np.where(mirrored, (np.pi / np.sin(np.pi * x)) ** 2 - value, value)
    sign = -1.0 if order % 2 == 0 else 1.0
    return sign * math.factorial(order) * _hurwitz(x, order + 1)


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


def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Derivative number ``n`` of the digamma function."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    x = _floating(input)
    if n == 0:
        return x.digamma()
    result = _elementwise(_polygamma, x, order=n)
    if tracked(x):
        attach(result, PolygammaBackward0, [x], None, n)
    return result if out is None else write_out(out, result)


NAMESPACE["polygamma"] = polygamma
Tensor.polygamma = lambda self, n: polygamma(n, self)  # type: ignore[attr-defined]


@operation()
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension ``p``."""
    x = _floating(input)
    constant = p * (p - 1) / 4 * math.log(math.pi)
    total = x.lgamma()
    for j in range(1, p):
        total = total + (x - j / 2).lgamma()
    result = total + constant
    return result if out is None else write_out(out, result)


# --- modified Bessel functions ------------------------------------------------------------------------------------------

_NODES = 96
_FAR = 25.0


def _bessel(x: np.ndarray, order: int, scaled: bool) -> np.ndarray:
    """I₀ or I₁ (times exp(-|x|) if ``scaled``).

    Near zero the trapezoidal rule over (1/π) ∫ exp(x cos t) cos(order · t) dt, which converges exponentially for
    periodic functions; far away Hankel's asymptotic series (Abramowitz and Stegun, 9.6.19 and 9.7.1).
    """
    size = np.abs(x)
    near = np.minimum(size, _FAR)
    angles = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    inner = np.zeros_like(near)
    for t in angles:
        inner += np.exp(near * (np.cos(t) - 1)) * np.cos(order * t)
    inner /= _NODES
    far = np.maximum(size, _FAR)
    outer, term = np.ones_like(far), np.ones_like(far)
    for k in range(1, 25):
        term = term * -(4 * order**2 - (2 * k - 1) ** 2) / (8 * k * far)
        outer += term
    value = np.where(size <= _FAR, inner, outer / np.sqrt(2 * np.pi * far))
    value = value if scaled else value * np.exp(size)
    value = np.where(np.isnan(x), x, value)
    return np.sign(x) * value if order else value


class SpecialI0Backward(Gradient):
    """``context`` (order, scaled), with I₀' = I₁ and I₁' = I₀ - I₁ / x."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        order, scaled = self.context
        x = self.input(0)
        value = modified_bessel(x, order, scaled)
        if order == 0:
            slope = modified_bessel(x, 1, scaled)
        else:
            safe = where(x == 0, 1.0, x)
            slope = modified_bessel(x, 0, scaled) - where(x == 0, 0.5, value / safe)
        return grad * (slope - x.sign() * value if scaled else slope)


def modified_bessel(input: Tensor, order: int, scaled: bool) -> Tensor:
    """I₀ or I₁, times exp(-|x|) if ``scaled``."""
    x = _floating(input)
    result = _elementwise(_bessel, x, order=order, scaled=scaled)
    if tracked(x):
        attach(result, SpecialI0Backward, [x], None, (order, scaled))
    return result


@operation(inplace=True)
def i0(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The modified Bessel function of the first kind of order 0."""
    result = modified_bessel(input, 0, False)
    return result if out is None else write_out(out, result)


# --- the normal distribution --------------------------------------------------------------------------------------------


def ndtr(input: Tensor) -> Tensor:
    """The normal distribution function: the area left of x."""
    return 0.5 * (_floating(input) * -math.sqrt(0.5)).erfc()


def ndtri(input: Tensor) -> Tensor:
    """The inverse of :func:`ndtr`."""
    return (2 * _floating(input) - 1).erfinv() * math.sqrt(2)


def log_ndtr(input: Tensor) -> Tensor:
    """Logarithm of :func:`ndtr`, by an asymptotic series far to the left (Abramowitz and Stegun, 26.2.12)."""
    x = _floating(input)
    far = x < -14
    y = where(far, x, -14.0)
    r = 1 / (y * y)
    series = 1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r))))
    outside = -0.5 * y * y - log(-y) - 0.5 * math.log(2 * math.pi) + log(series)
    return where(far, outside, log(ndtr(where(far, -14.0, x))))  # type: ignore[no-any-return]


def erfcx(input: Tensor) -> Tensor:
    """exp(x²) erfc(x), without overflow for positive x."""
    x = _floating(input)
    far = x > 9
    y = where(far, x, 9.0)
    r = 1 / (2 * y * y)
    outside = (1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r))))) / (y * math.sqrt(math.pi))
    near = where(far, 9.0, x)
    return where(far, outside, exp(near * near) * near.erfc())  # type: ignore[no-any-return]
