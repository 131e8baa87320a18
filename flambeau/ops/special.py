"""Special functions: of the normal distribution, of the gamma function, and Bessel's; some are computed by NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from ..core.tensor import Tensor, method
from ..graph.bounds import check_fits
from ..graph.dtypes import TYPE_NAMES
from ..graph.primitives import FLOAT_FUNCTIONS as F
from .assignment import assign
from .choice import where
from .conversion import computed_in_double, floating, rounded_once
from .elementwise import differentiated
from .functions import exp, log, sin
from .host import by_numpy
from .one_node import one_node
from .operation import operation, titled
from .ranges import arange, window
from .recording_paths import unary

# --- logit, entropy, sin(x) / x -------------------------------------------------------------------------------------------


def _logit_slope(grad: Tensor, input: Tensor, eps: float | None) -> Tensor:
    low = 0.0 if eps is None else eps
    outside = (input < low) | (input > 1 - low)
    return where(outside, math.nan if eps is None else 0.0, grad / (input * (1 - input)))


@operation("special.logit", inplace=True, out=True)
@differentiated(_logit_slope)
def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), with x first clamped to [eps, 1 - eps] if given."""
    if eps is not None and input.dtype.category >= 2:
        check_fits(eps, input.dtype)
    x = floating(input)
    x = x if eps is None else x.clamp(eps, 1 - eps)
    return log(x / (1 - x))


@operation(only="special.entr", out=True)
@differentiated(lambda grad, input: grad * (-1 - log(input)), name="SpecialEntrBackward0")
@rounded_once
def entr(input: Tensor) -> Tensor:
    """-x · log(x): 0 at 0, minus infinity below."""
    x = floating(input)
    inside = -x * log(where(x > 0, x, 1.0))
    return where(x == 0, 0.0, where(x < 0, -math.inf, inside))


@computed_in_double
def _sinc_slope(x: Tensor) -> Tensor:
    safe = where(x == 0, 1.0, x)
    angle = safe * math.pi
    return where(x == 0, 0.0, (angle.cos() - sin(angle) / angle) / safe)


@operation("special.sinc", inplace=True, out=True)
@differentiated(lambda grad, input: grad * _sinc_slope(input))
def sinc(input: Tensor) -> Tensor:
    """sin(πx) / (πx), 1 at zero."""
    return _sinc(floating(input))


@computed_in_double
def _sinc(x: Tensor) -> Tensor:
    angle = where(x == 0, 1.0, x * math.pi)
    return where(x == 0, 1.0, sin(angle) / angle)


# --- the normal distribution ----------------------------------------------------------------------------------------------


@operation(only="special.erfcx", out=True)
@differentiated(
    lambda grad, input, result: grad * (input * result * 2 - 2 / math.sqrt(math.pi)), name="SpecialErfcxBackward0"
)
def erfcx(input: Tensor) -> Tensor:
    """exp(x²) erfc(x), without overflow for positive x."""
    return unary(F["erfcx"], floating(input))


@operation(only="special.ndtr", out=True)
@rounded_once
def ndtr(input: Tensor) -> Tensor:
    """The normal distribution function: the area left of x."""
    return 0.5 * (floating(input) * -math.sqrt(0.5)).erfc()


@operation(only="special.ndtri", out=True)
@differentiated(
    lambda grad, result: grad * (exp(result * result * 0.5) * math.sqrt(2 * math.pi)), name="SpecialNdtriBackward0"
)
def ndtri(input: Tensor) -> Tensor:
    """The inverse of :func:`ndtr`."""
    _check_no_half("ndtri_cpu", input)
    return _ndtri(floating(input))


def _check_no_half(kernel: str, x: Tensor) -> None:
    if x.dtype.kind == "float" and x.dtype.itemsize == 2:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{TYPE_NAMES[x.dtype]}'")


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


@operation(only="special.log_ndtr", out=True)
@differentiated(
    lambda grad, input: grad / erfcx(input * -math.sqrt(0.5)) * math.sqrt(2 / math.pi), name="SpecialLogNdtrBackward0"
)
def log_ndtr(input: Tensor) -> Tensor:
    """Logarithm of :func:`ndtr`: of the scaled complementary error function far to the left."""
    _check_no_half("log_ndtr_cpu", input)
    x = floating(input)
    y = x * math.sqrt(0.5)
    left = log(erfcx(-y) * 0.5) - 0.5 * x * x
    return where(x < -1, left, (y.erfc() * -0.5).log1p())


# --- derivatives of the gamma function's logarithm ------------------------------------------------------------------------

BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
"""B₂, B₄, …, B₁₈."""


def _polygamma(x: np.ndarray, order: int) -> np.ndarray:
    """Derivatives of the digamma function: (-1)^(n+1) n! ζ(n+1, x), by the Euler-Maclaurin formula behind x = 12.

    Trigamma is reflected at 1/2; other orders step from negative numbers upwards.
    """
    if order == 1:
        mirrored = x < 0.5
        y = np.where(mirrored, 1 - x, x)
        value = np.where(np.isinf(y), 0.0, _hurwitz(y, 2))
        pole = (x <= 0) & (x == np.floor(x)) & np.isfinite(x)  # at which the rounded multiple of π has a sine
        return np.where(pole, np.inf, np.where(mirrored, (np.pi / np.sin(np.pi * x)) ** 2 - value, value))
    sign = -1.0 if order % 2 == 0 else 1.0
    factorial = float(math.factorial(order)) if order <= 170 else math.inf  # 171! is beyond float64
    return sign * factorial * _hurwitz(x, order + 1)


def _hurwitz(x: np.ndarray, s: int) -> np.ndarray:
    """ζ(s, x); NaN at plus infinity and a pole at minus infinity, and at every negative integer, as PyTorch has it."""
    total = np.zeros_like(x)
    y = x.copy()
    for _ in range(12 + int(np.clip(-np.nanmin(x, initial=0.0, where=np.isfinite(x)), 0, 1e4))):
        low = y < 12
        total += np.where(low, np.where(low, y, 1.0) ** -float(s), 0.0)
        y = np.where(low, y + 1, y)
    tail = y ** (1 - s) / (s - 1) + y**-s / 2
    factor = float(s)
    for k, b in enumerate(BERNOULLI, 1):
        tail += b * factor / math.factorial(2 * k) * y ** -(s + 2.0 * k - 1)
        factor *= (s + 2 * k - 1) * (s + 2 * k)
    pole = (x <= 0) & (x == np.floor(x))
    return np.where(pole, np.inf, np.where(np.isinf(x), np.nan, total + tail))


@operation("special.polygamma", method=False, out=True)
def polygamma(n: int, input: Tensor) -> Tensor:
    """Derivative number ``n`` of the digamma function."""
    n = index(n)
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return input.digamma() if n == 0 else _polygamma_of(input, n)


@differentiated(lambda grad, input, order: grad * polygamma(order + 1, input), name="PolygammaBackward0")
def _polygamma_of(input: Tensor, order: int) -> Tensor:
    return by_numpy(_polygamma, floating(input), order=order)


@method("polygamma")
def _polygamma_method(self: Tensor, n: int) -> Tensor:
    """Derivative number ``n`` of the digamma function."""
    return polygamma(n, self)


@method("polygamma_")
def _polygamma_in_place(self: Tensor, n: int) -> Tensor:
    """In-place version of ``polygamma``."""
    return assign(self, polygamma(n, self))


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


# --- modified Bessel functions --------------------------------------------------------------------------------------------

_NODES = 96
_FAR = 25.0


def bessel(x: np.ndarray, order: int, scaled: bool) -> np.ndarray:
    """I₀ or I₁ (times exp(-|x|) if ``scaled``).

    Near zero the power series (Abramowitz and Stegun, 9.6.10); further on the trapezoidal rule over
    (1/π) ∫ exp(x cos t) cos(order · t) dt, which converges exponentially for periodic functions; far away Hankel's
    asymptotic series (9.6.19 and 9.7.1).
    """
    size = np.abs(x)
    least = np.minimum(size, 1.0)
    quarter = least * least / 4
    term = series = np.full_like(least, 1.0) if order == 0 else least / 2
    for k in range(1, 12):
        term = term * quarter / (k * (k + order))
        series = series + term
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
    value = np.where(size <= _FAR, inner, outer / (np.sqrt(2 * np.pi) * np.sqrt(far)))
    if scaled:
        value = np.where(size <= 1, series * np.exp(-least), value)
    else:  # by two halves of the exponential, which overflows before the function does
        half = np.exp(size / 2)
        value = np.where(size <= 1, series, value * half * half)
    value = np.where(np.isinf(size), 0.0 if scaled else np.nan, np.where(np.isnan(x), x, value))
    return np.copysign(value, x) if order else value


_TINY = 2.0**-52


def _bessel_function(name: str, meaning: str, history: str, order: int, scaled: bool) -> Callable[[Tensor], Tensor]:
    """I₀ or I₁, times exp(-|x|) if ``scaled``, with I₀' = I₁ and I₁' = I₀ - I₁ / x, a half at zero."""

    def slope(grad: Tensor, input: Tensor) -> Tensor:
        value = _bessel_functions[order, scaled](input)
        other = _bessel_functions[1 - order, scaled](input)
        small = ~(input.abs() > _TINY)  # and where it is NaN, as in PyTorch
        slope = other - value / where(small, 1.0, input) if order else other
        if scaled:
            slope = slope - input.sign() * value
        return grad * (where(small, 0.5, slope) if order else slope)

    @differentiated(slope, name=history)
    def apply(input: Tensor) -> Tensor:
        return by_numpy(bessel, floating(input), order=order, scaled=scaled)

    return titled(apply, name, meaning)


i0 = operation("special.i0", inplace=True, out=True)(
    _bessel_function("i0", "The modified Bessel function of the first kind of order 0.", "I0Backward0", 0, False)
)
i0e = operation(only="special.i0e", out=True)(
    _bessel_function("i0e", "exp(-|x|) I₀(x).", "SpecialI0EBackward0", 0, True)
)
i1 = operation(only="special.i1", out=True)(
    _bessel_function("i1", "The modified Bessel function of the first kind of order 1.", "SpecialI1Backward0", 1, False)
)
i1e = operation(only="special.i1e", out=True)(
    _bessel_function("i1e", "exp(-|x|) I₁(x).", "SpecialI1EBackward0", 1, True)
)
_bessel_functions = {(0, False): i0, (0, True): i0e, (1, False): i1, (1, True): i1e}


@operation(method=False)
def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: Any = None, layout: Any = None,
                  device: Any = None, pin_memory: bool = False, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """I₀ of beta times a half circle, by I₀(beta)."""

    def shape(t: np.ndarray) -> np.ndarray:
        circle = beta * np.sqrt(np.maximum(1 - (2 * t - 1) ** 2, 0))
        return bessel(circle, 0, False) / bessel(np.array(beta), 0, False)

    return window("kaiser_window", window_length, periodic, shape, dtype, device, requires_grad)
