"""sin, cos and tan.

With ``x = n pi/2 + r + lost``, each is made of the sine and the cosine of ``r + lost``, kept as a number and a smaller term
until the end, so that only the last addition rounds relative to the result.
"""

from __future__ import annotations

from .angle import reduce_by_half_pi
from .coefficients.trigonometric import COS_QUARTER, SIN, SIN_QUARTER
from .values import BITS, Value, fma, minimum, polynomial, where


def sine(r: Value) -> Value:
    """sin(r) for |r| <= pi/2, never more than one."""
    size = abs(r)
    square = size * size
    return minimum(1.0, fma(size * square, polynomial(square, SIN[r.type]), size)).copysign(r)


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
    sine, sine_rest, cosine, cosine_rest = sine_and_cosine(r, lost, x.type)
    if quarters:
        quadrant = quadrant + (quarters << (BITS[x.type] - 2))
    odd = (quadrant << 1) < 0
    size = where(odd, cosine, sine) + where(odd, cosine_rest, sine_rest)
    result = (size.bits() ^ (quadrant & (1 << (BITS[x.type] - 1)))).bitcast(x.type)
    return result if quarters else where(x.equals(0.0), x, result)


def tan(x: Value) -> Value:
    """The tangent, for angles of any size: the quotient of sine and cosine on |r| <= pi/4, or minus its inverse."""
    if x.type == "float":
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
