"""sin, cos, tan and their inverses.

With ``x = n pi/2 + r + lost``, each is made of the sine and the cosine of ``r + lost``, kept as a number and a smaller term
until the end, so that only the last addition rounds relative to the result.
"""

from __future__ import annotations

from ..values import Value, fma, where
from .angle import reduce_by_half_pi
from .coefficients import ASIN, ATAN, COS_QUARTER, PI, SIN, SIN_QUARTER
from .formats import BITS, minimum, polynomial


def sine(r: Value) -> Value:
    """sin(r) for |r| <= pi/2, never more than one."""
    size = abs(r)
    square = size * size
    return minimum(1.0, fma(size * square, polynomial(square, SIN[r.element]), size)).copysign(r)


def sine_and_cosine(r: Value, lost: Value, precision: str) -> tuple[Value, Value, Value, Value]:
    """The sine and the cosine of ``r + lost``, ``|r| <= pi/4``, each as a number and a smaller term."""
    square = r * r
    near_cosine = fma(square, -0.5, 1.0)
    sine_rest = fma(r, square * polynomial(square, SIN_QUARTER[precision]), lost * near_cosine)
    rounding = fma(square, -0.5, 1.0 - near_cosine)
    cosine_rest = fma(square * square, polynomial(square, COS_QUARTER[precision]), fma(-r, lost, rounding))
    return r, sine_rest, near_cosine, cosine_rest


def sin(x: Value) -> Value:
    """The sine, for angles of any size."""
    return sine_from(x, 0)


def cos(x: Value) -> Value:
    """The cosine, for angles of any size: the sine one quarter of a turn further."""
    return sine_from(x, 1)


def sine_from(x: Value, quarters: int) -> Value:
    """The sine of ``x + quarters pi/2``."""
    r, lost, quadrant = reduce_by_half_pi(x)
    sine, sine_rest, cosine, cosine_rest = sine_and_cosine(r, lost, x.element)
    if quarters:
        quadrant = quadrant + (quarters << (BITS[x.element] - 2))
    odd = (quadrant << 1) < 0
    size = where(odd, cosine, sine) + where(odd, cosine_rest, sine_rest)
    result = (size.bits() ^ (quadrant & (1 << (BITS[x.element] - 1)))).bitcast(x.element)
    return result if quarters else where(x.equals(0.0), x, result)


def tan(x: Value) -> Value:
    """The tangent, for angles of any size: the quotient of sine and cosine on |r| <= pi/4, or minus its inverse."""
    if x.element == "float":
        return tangent(x.widen(), "wide").narrow()
    return tangent(x, "double")


def tangent(x: Value, precision: str) -> Value:
    r, lost, quadrant = reduce_by_half_pi(x)
    sine, sine_rest, cosine, cosine_rest = sine_and_cosine(r, lost, precision)
    odd = (quadrant << 1) < 0
    numerator, divisor = where(odd, -cosine, sine), where(odd, sine, cosine)
    numerator_rest, divisor_rest = where(odd, -cosine_rest, sine_rest), where(odd, sine_rest, cosine_rest)
    rounded = divisor + divisor_rest
    quotient = (numerator + numerator_rest) / rounded
    if precision == "double":
        # One step of division with the terms that were rounded away.
        missing = fma(-quotient, divisor, numerator) + fma(-quotient, divisor_rest, numerator_rest)
        quotient = quotient + missing / rounded
    return where(x.equals(0.0), x, quotient)


# --- the inverse functions ------------------------------------------------------------------------------------------


def arc_of_small_sine(x: Value) -> tuple[Value, Value, Value]:
    """asin(x) where x <= 1/2, else asin(sqrt((1 - x) / 2)), for x >= 0, as the sine plus a smaller term; and whether
    x > 1/2.

    For the latter, ``asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))``. NaN beyond 1.
    """
    big = x > 0.5
    square = where(big, (1.0 - x) * 0.5, x * x)
    sine = where(big, square.sqrt(), x)
    return sine, sine * (square * polynomial(square, ASIN[x.element])), big


def asin(x: Value) -> Value:
    """The inverse sine, between -pi/2 and pi/2."""
    high, low = (part / 2 for part in PI[x.element])
    sine, rest, big = arc_of_small_sine(abs(x))
    difference = fma(sine, -2.0, high)
    lost = fma(sine, -2.0, high - difference) + low
    return (where(big, difference, sine) + where(big, fma(rest, -2.0, lost), rest)).copysign(x)


def acos(x: Value) -> Value:
    """The inverse cosine, between 0 and pi."""
    high, low = PI[x.element]
    sine, rest, big = arc_of_small_sine(abs(x))
    arc = sine + rest
    signed = where(big, arc + arc, -arc).copysign(where(big, x, -x))
    # pi/2 - asin(x) near zero; 2 asin(sqrt((1 - x) / 2)) near one; pi minus that near minus one.
    turns = where(big, where(x < 0.0, x.constant(1.0), 0.0), 0.5)
    return fma(turns, high, fma(turns, low, signed))


def atan(x: Value) -> Value:
    """The inverse tangent, between -pi/2 and pi/2."""
    high, low = (part / 2 for part in PI[x.element])
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
    return ratio * (square * polynomial(square, ATAN[ratio.element]))


def atan2(y: Value, x: Value) -> Value:
    """The angle of the point (x, y), between -pi and pi, with C's values for zeros and infinities."""
    high, low = PI[x.element]
    height, width = abs(y), abs(x)
    steep = height > width
    small, great = where(steep, width, height), where(steep, height, width)
    equal = where(great.equals(0.0), great, 1.0)
    arc = small_arc(where(small.equals(great), equal, small / great))
    left = x.bits() < 0
    turns = where(steep, 0.5, where(left, x.constant(1.0), 0.0))
    signed = where(steep ^ left, -arc, arc)
    return fma(turns, high, fma(turns, low, signed)).copysign(y)
