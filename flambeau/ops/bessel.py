"""Bessel's functions of the first and second kind, modified ones of the second, the spherical one, and Airy's.

Each is composed of Chebyshev series (``ops/bessel_series.py``) in float64: of the entire part near zero, and further away of
Hankel's amplitudes (M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 9.2.5 and 9.2.6; 10.4.59 and 10.4.60 for
Airy's), or of what is left of an exponential decay. The series are summed by C. W. Clenshaw's recurrence ("A note on the
summation of Chebyshev series", 1955). What is left out is below 2e-17 of the largest value on the interval, so errors are a
few roundings of that, absolute where a function oscillates. As in PyTorch, results have no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES
from . import bessel_series as series
from .choice import where
from .conversion import computed_in_double, floating
from .functions import cos, exp, log, sin
from .operation import operation, titled
from .recording_paths import ternary
from .special import i0, i1

FAR = 8.0
"""From where on Hankel's amplitudes count."""


def chebyshev(coefficients: Sequence[float], x: Tensor, low: float, high: float) -> Tensor:
    """The sum of a Chebyshev series on the interval from ``low`` to ``high``."""
    t = (x - (low + high) / 2) * (2 / (high - low))
    twice = t * 2
    last: Any = 0.0
    sum: Any = coefficients[-1]
    for c in coefficients[-2:0:-1]:
        last, sum = sum, (sum * twice + (c - last) if isinstance(sum, float) else ternary(p.FMA, c - last, sum, twice))
    return ternary(p.FMA, coefficients[0] - last, sum, t)


def _of_doubles(name: str, meaning: str, compute: Callable[[Tensor], Tensor]) -> Any:
    """Declare a function of float32 and float64 that is computed in float64; it has no gradient."""
    double = computed_in_double(compute)

    def apply(input: Tensor) -> Tensor:
        if input.dtype.kind == "float" and input.dtype.itemsize == 2:
            raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
        return double(floating(input.detach()))

    return operation(only=f"special.{name}", out=True)(titled(apply, name, meaning))


# --- of the first and the second kind -----------------------------------------------------------------------------------


def _waves(order: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """J and Y of order 0 or 1 for x from 8 on, from the amplitudes P and Q and the sine and cosine of x itself.

    The angle is (order / 2 + 1/4) π less than x; the sums below say so without its rounding.
    """
    far = where(x < FAR, FAR, x)
    inverse = FAR / far
    square = inverse * inverse
    amplitude_p = chebyshev(series.P1 if order else series.P0, square, 0, 1)
    amplitude_q = chebyshev(series.Q1 if order else series.Q0, square, 0, 1) * inverse
    s, c = sin(far), cos(far)
    even, odd = (s - c, -(s + c)) if order else (s + c, s - c)  # √2 times cosine and sine of the angle
    scale = 1 / (far * math.pi).sqrt()
    return (amplitude_p * even - amplitude_q * odd) * scale, (amplitude_p * odd + amplitude_q * even) * scale


def _near(x: Tensor) -> Tensor:
    """x² where the series near zero count."""
    near = where(x < FAR, x, FAR)
    return near * near


def _j0(x: Tensor) -> Tensor:
    size = x.abs()
    return where(size <= FAR, chebyshev(series.J0, _near(size), 0, 64), _waves(0, size)[0])


def _j1(x: Tensor) -> Tensor:
    size = x.abs()
    value = where(size <= FAR, size * chebyshev(series.J1, _near(size), 0, 64), _waves(1, size)[0])
    return where(x.signbit(), -value, value)


def _y0(x: Tensor) -> Tensor:
    square = _near(x)
    near = chebyshev(series.Y0, square, 0, 64) + log(x) * (2 / math.pi) * chebyshev(series.J0, square, 0, 64)
    return where(x <= FAR, where(x == 0, -math.inf, near), _waves(0, x)[1])


def _y1(x: Tensor) -> Tensor:
    square = _near(x)
    entire = x * (chebyshev(series.Y1, square, 0, 64) + log(x) * (2 / math.pi) * chebyshev(series.J1, square, 0, 64))
    near = where(x < 0, math.nan, where(x == 0, -math.inf, entire - (2 / math.pi) / x))
    return where(x <= FAR, near, _waves(1, x)[1])


bessel_j0 = _of_doubles("bessel_j0", "Bessel's function of the first kind of order 0.", _j0)
bessel_j1 = _of_doubles("bessel_j1", "Bessel's function of the first kind of order 1.", _j1)
bessel_y0 = _of_doubles("bessel_y0", "Bessel's function of the second kind of order 0; NaN below 0.", _y0)
bessel_y1 = _of_doubles("bessel_y1", "Bessel's function of the second kind of order 1; NaN below 0.", _y1)


def _spherical(x: Tensor) -> Tensor:
    """sin(x) / x, near zero by its power series."""
    square = x * x
    near: Any = 1.0
    for k in range(8, 0, -1):
        near = 1.0 - square / (2 * k * (2 * k + 1)) * near
    return where(x.abs() < 0.5, near, where(x.isinf(), 0.0, sin(x) / x))


spherical_bessel_j0 = _of_doubles(
    "spherical_bessel_j0", "The spherical Bessel function of the first kind of order 0: sin(x) / x.", _spherical
)

# --- modified: of the first kind, and of the second (times exp(x) if scaled) ----------------------------------------------

modified_bessel_i0 = _of_doubles("modified_bessel_i0", "The modified Bessel function of the first kind of order 0.", i0)
modified_bessel_i1 = _of_doubles("modified_bessel_i1", "The modified Bessel function of the first kind of order 1.", i1)


def _modified(order: int, scaled: bool) -> Callable[[Tensor], Tensor]:
    def compute(x: Tensor) -> Tensor:
        near = where(x < 2, x, 2.0)
        square = near * near
        logarithm = log(near * 0.5)
        if order:
            first = near * chebyshev(series.I1, square, 0, 4)
            value = logarithm * first + chebyshev(series.K1, square, 0, 4) / near
        else:
            value = chebyshev(series.K0, square, 0, 4) - logarithm * chebyshev(series.I0, square, 0, 4)
        value = where(x < 0, math.nan, where(x == 0, math.inf, value * exp(near) if scaled else value))
        far = where(x > 2, x, 2.0)
        decay = chebyshev(series.K1_DECAY if order else series.K0_DECAY, 1 / far, 0, 0.5) / far.sqrt()
        return where(x <= 2, value, where(x.isnan(), x, decay if scaled else decay * exp(-far)))

    return compute


for _order in (0, 1):
    for _scaled in (False, True):
        _name = f"{'scaled_' * _scaled}modified_bessel_k{_order}"
        _meaning = f"{'exp(x) times the' if _scaled else 'The'} modified Bessel function of the second kind of order {_order}."
        globals()[_name] = _of_doubles(_name, _meaning, _modified(_order, _scaled))


# --- Airy's ---------------------------------------------------------------------------------------------------------------


def _airy(x: Tensor) -> Tensor:
    size = where(x.abs() > 2, x.abs(), 2.0)
    zeta = size * size.sqrt() * (2 / 3)
    root = size.sqrt().sqrt()
    decay = chebyshev(series.AIRY_DECAY, 1 / zeta, 0, 0.54) * exp(-zeta) / root
    far = where(zeta > 8, zeta, 8.0)
    inverse = 8.0 / far
    square = inverse * inverse
    s, c = sin(zeta), cos(zeta)
    amplitude_p = chebyshev(series.AIRY_P, square, 0, 1)
    amplitude_q = chebyshev(series.AIRY_Q, square, 0, 1) / far
    waves = (amplitude_p * (s + c) - amplitude_q * (c - s)) / (root * math.sqrt(2 * math.pi))
    left = chebyshev(series.AIRY_LEFT, x.clamp(-6.0, -2.0), -6, -2)
    centre = chebyshev(series.AIRY_CENTRE, x.clamp(-2.0, 2.0), -2, 2)
    value = where(x > 2, decay, where(x < -6, waves, where(x < -2, left, centre)))
    return where(x.isinf(), math.nan, value)


airy_ai = _of_doubles("airy_ai", "Airy's function Ai.", _airy)
