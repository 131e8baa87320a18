"""asin, acos, atan and atan2."""

from __future__ import annotations

from .coefficients import ASIN, ATAN, PI
from .values import Value, fma, polynomial, where


def arc_of_small_sine(x: Value) -> tuple[Value, Value]:
    """asin(x) where x <= 1/2, else asin(sqrt((1 - x) / 2)), for x >= 0; and whether x > 1/2.

    For the latter, ``asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))``. NaN beyond 1.
    """
    big = x > 0.5
    square = where(big, (1.0 - x) * 0.5, x * x)
    sine = where(big, square.sqrt(), x)
    return fma(sine * square, polynomial(square, ASIN[x.type]), sine), big


def asin(x: Value) -> Value:
    """The inverse sine, between -pi/2 and pi/2."""
    high, low = (part / 2 for part in PI[x.type])
    arc, big = arc_of_small_sine(abs(x))
    return where(big, fma(arc, -2.0, high) + low, arc).copysign(x)


def acos(x: Value) -> Value:
    """The inverse cosine, between 0 and pi."""
    high, low = PI[x.type]
    arc, big = arc_of_small_sine(abs(x))
    signed = where(big, arc + arc, -arc).copysign(where(big, x, -x))
    # pi/2 - asin(x) near zero; 2 asin(sqrt((1 - x) / 2)) near one; pi minus that near minus one.
    turns = where(big, where(x < 0.0, x.constant(1.0), 0.0), 0.5)
    return fma(turns, high, fma(turns, low, signed))


def atan(x: Value) -> Value:
    """The inverse tangent, between -pi/2 and pi/2."""
    high, low = (part / 2 for part in PI[x.type])
    size = abs(x)
    big = size > 1.0
    arc = small_arc(where(big, 1.0, size) / where(big, size, 1.0))
    return where(big, (high - arc) + low, arc).copysign(x)


def small_arc(ratio: Value) -> Value:
    """atan(ratio) for 0 <= ratio <= 1."""
    square = ratio * ratio
    return fma(ratio * square, polynomial(square, ATAN[ratio.type]), ratio)


def atan2(y: Value, x: Value) -> Value:
    """The angle of the point (x, y), between -pi and pi, with C's values for zeros and infinities."""
    high, low = PI[x.type]
    height, width = abs(y), abs(x)
    steep = height > width
    small, great = where(steep, width, height), where(steep, height, width)
    equal = where(great.equals(0.0), great, 1.0)
    arc = small_arc(where(small.equals(great), equal, small / great))
    left = x.bits() < 0
    turns = where(steep, 0.5, where(left, x.constant(1.0), 0.0))
    signed = where(steep ^ left, -arc, arc)
    return fma(turns, high, fma(turns, low, signed)).copysign(y)
