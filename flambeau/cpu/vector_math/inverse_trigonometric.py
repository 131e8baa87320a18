"""asin, acos, atan and atan2."""

from __future__ import annotations

from .coefficients.constants import PI
from .coefficients.trigonometric import ASIN, ATAN
from .values import Value, fma, polynomial, where


def arc_of_small_sine(x: Value) -> tuple[Value, Value, Value]:
    """asin(x) where x <= 1/2, else asin(sqrt((1 - x) / 2)), for x >= 0, as the sine plus a smaller term; and whether
    x > 1/2.

    For the latter, ``asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))``. NaN beyond 1.
    """
    big = x > 0.5
    square = where(big, (1.0 - x) * 0.5, x * x)
    sine = where(big, square.sqrt(), x)
    return sine, sine * (square * polynomial(square, ASIN[x.type])), big


def asin(x: Value) -> Value:
    """The inverse sine, between -pi/2 and pi/2."""
    high, low = (part / 2 for part in PI[x.type])
    sine, rest, big = arc_of_small_sine(abs(x))
    difference = fma(sine, -2.0, high)
    lost = fma(sine, -2.0, high - difference) + low
    return (where(big, difference, sine) + where(big, fma(rest, -2.0, lost), rest)).copysign(x)


def acos(x: Value) -> Value:
    """The inverse cosine, between 0 and pi."""
    high, low = PI[x.type]
    sine, rest, big = arc_of_small_sine(abs(x))
    arc = sine + rest
    signed = where(big, arc + arc, -arc).copysign(where(big, x, -x))
    # pi/2 - asin(x) near zero; 2 asin(sqrt((1 - x) / 2)) near one; pi minus that near minus one.
    turns = where(big, where(x < 0.0, x.constant(1.0), 0.0), 0.5)
    return fma(turns, high, fma(turns, low, signed))


def atan(x: Value) -> Value:
    """The inverse tangent, between -pi/2 and pi/2."""
    high, low = (part / 2 for part in PI[x.type])
    size = abs(x)
    big = size > 1.0
    ratio = where(big, -1.0, size) / where(big, size, 1.0)
    rest = rest_of_small_arc(ratio)
    difference = ratio + high
    lost = ((high - difference) + ratio) + low
    return (where(big, difference, ratio) + where(big, rest + lost, rest)).copysign(x)


def small_arc(ratio: Value) -> Value:
    """atan(ratio) for 0 <= ratio <= 1."""
    return ratio + rest_of_small_arc(ratio)


def rest_of_small_arc(ratio: Value) -> Value:
    """atan(ratio) - ratio for -1 <= ratio <= 1."""
    square = ratio * ratio
    return ratio * (square * polynomial(square, ATAN[ratio.type]))


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
