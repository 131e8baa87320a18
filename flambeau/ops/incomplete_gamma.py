"""The regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P(a, x)."""

from __future__ import annotations

import numpy as np

from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES
from ..graph.shapes import broadcast_shapes
from .conversion import computed_in_double, in_common_dtype
from .elementwise import differentiated
from .functions import exp, lgamma, log
from .host import on_host
from .operation import operation

LARGE = 30.0
"""From which a on the integral is computed as it is, for there its integrand is smooth."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def _regularised(a: np.ndarray, x: np.ndarray, logarithm: np.ndarray, upper: bool) -> np.ndarray:
    """P or Q (if ``upper``) in float64, given log Γ(a + 1).

    For small a the power series for x < a + 1 and else Legendre's continued fraction (M. Abramowitz and I. Stegun, 6.5.29 and
    6.5.31); how many terms they need, the values tell. For large a Gauss-Legendre quadrature of the tail that is the shorter.
    """
    shape = np.broadcast_shapes(a.shape, x.shape)
    a, x, logarithm = (np.broadcast_to(each, shape).astype(np.float64) for each in (a, x, logarithm))
    result = np.full(shape, np.nan)
    with np.errstate(all="ignore"):
        valid = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
        low, high = valid & (a < LARGE) & (x < a + 1), valid & (a < LARGE) & (x >= a + 1)
        lower, large = low.copy(), valid & (a >= LARGE)
        result[low] = _series(a[low], x[low]) * np.exp(a[low] * np.log(x[low]) - x[low] - logarithm[low])
        result[high] = _fraction(a[high], x[high]) * np.exp(a[high] * np.log(x[high]) - x[high] - logarithm[high]) * a[high]
        result[large] = _integral(a[large], x[large])
        lower |= large & (x <= a - 1)
        result = np.where(valid & (lower == upper), 1 - result, result)
        # The ends: P is 0 at x = 0 and for infinite a, 1 for infinite x and for a = 0.
        zero, one = (x == 0) & (a > 0) | np.isposinf(a) & (x >= 0), np.isposinf(x) & (a >= 0) | (a == 0) & (x > 0)
        result = np.where(zero & ~one, float(upper), np.where(one & ~zero, float(not upper), result))
    return result


def _series(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """1 + x / (a + 1) + x² / ((a + 1) (a + 2)) + …"""
    term = np.ones_like(x)
    total = term.copy()
    k = 1.0
    while term.size and term.max() > 1e-17:
        term = term * x / (a + k)
        total += term
        k += 1
    return total


def _fraction(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - …)), from the front by Lentz's method (W. J. Lentz, 1976)."""
    b = x + 1 - a
    c = np.full_like(b, 1e300)
    d = 1 / b
    value = d.copy()
    for k in range(1, 500):
        numerator = -k * (k - a)
        b = b + 2
        d = 1 / (numerator * d + b)
        c = b + numerator / c
        value = value * c * d
        if not (np.abs(c * d - 1) > 1e-16).any():
            break
    return value


def _integral(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """∫ tᵃ⁻¹ exp(-t) dt / Γ(a) from x upwards, or downwards if x is below the maximum at a - 1.

    Where it ends, what is left is less than 1e-17 of it. Γ(a) is in what the maximum is, by Stirling's series.
    """
    top = a - 1
    spread = np.sqrt(top)
    length = np.minimum(14 * spread, 40 / np.abs(1 - top / x))
    length = np.where(x > top, length, np.minimum(length, x))
    half = np.where(x > top, length, -length) / 2
    total = np.zeros_like(x)
    for node, weight in zip(_NODES, _WEIGHTS):
        t = x + half * (1 + node)
        ratio = (t - top) / top
        logarithm = np.where(np.abs(ratio) < 0.5, np.log1p(ratio), np.log(t / top))
        total += weight * np.exp(-top * (ratio - logarithm))
    inverse = 1 / top
    square = inverse * inverse
    stirling = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    return total * np.abs(half) / (spread * np.sqrt(2 * np.pi) * np.exp(stirling))


@computed_in_double
def _incomplete(a: Tensor, x: Tensor, upper: bool) -> Tensor:
    shape = broadcast_shapes(a.shape, x.shape)
    return on_host(_regularised, {"upper": upper}, [(shape, a.dtype)], a, x, lgamma(a + 1))[0]


def _checked(name: str, input: Tensor, other: Tensor, upper: bool) -> Tensor:
    input, other = in_common_dtype(input, other)
    if input.dtype.category < 2:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    return _incomplete(input, other, upper)


def _density(a: Tensor, x: Tensor) -> Tensor:
    """The derivative of P in x: that of the gamma distribution's probability."""
    return exp((a - 1) * log(x) - x - lgamma(a))


def _not_in_the_first(grad: Tensor, input: Tensor) -> Tensor:
    raise NotImplementedError("the derivative for 'igamma: input' is not implemented.")


@operation("special.gammainc", inplace=True, out=True)
@differentiated(_not_in_the_first, lambda grad, input, other: grad * _density(input, other))
def igamma(input: Tensor, other: Tensor) -> Tensor:
    """The lower one: ∫ tᵃ⁻¹ exp(-t) dt / Γ(a) from 0 to x, for a = ``input`` and x = ``other``, both not negative."""
    return _checked("igamma", input, other, False)


@operation("special.gammaincc", inplace=True, out=True)
@differentiated(_not_in_the_first, lambda grad, input, other: -grad * _density(input, other))
def igammac(input: Tensor, other: Tensor) -> Tensor:
    """The upper one: ∫ tᵃ⁻¹ exp(-t) dt / Γ(a) from x upwards, for a = ``input`` and x = ``other``, both not negative."""
    return _checked("igammac", input, other, True)
