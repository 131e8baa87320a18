"""sin, cos and tan."""

from __future__ import annotations

from .angle import reduce_by_half_pi, reduce_by_pi
from .coefficients import COS_QUARTER, SIN, SIN_QUARTER
from .values import Value, fma, minimum, polynomial, where


def sine(r: Value) -> Value:
    """sin(r) for |r| <= pi/2, never more than one."""
    size = abs(r)
    square = size * size
    return minimum(1.0, fma(size * square, polynomial(square, SIN[r.type]), size)).copysign(r)


def sin(x: Value) -> Value:
    """The sine, for angles of any size."""
    return sine(reduce_by_pi(x, cosine=False))


def cos(x: Value) -> Value:
    """The cosine, for angles of any size."""
    return sine(reduce_by_pi(x, cosine=True))


def tan(x: Value) -> Value:
    """The tangent, for angles of any size: the quotient of sine and cosine on |r| <= pi/4, or minus its inverse."""
    if x.type == "float":
        return tangent(x.widen(), "wide").narrow()
    return tangent(x, "double")


def tangent(x: Value, precision: str) -> Value:
    r, odd = reduce_by_half_pi(x)
    square = r * r
    sine = fma(r * square, polynomial(square, SIN_QUARTER[precision]), r)
    cosine = fma(square * square, polynomial(square, COS_QUARTER[precision]), fma(square, -0.5, 1.0))
    quotient = where(odd, -cosine, sine) / where(odd, sine, cosine)
    return where(x.equals(0.0), x, quotient)
