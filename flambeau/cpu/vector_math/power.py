"""pow: the binary logarithm times the exponent, to more than the precision of the result, and 2 to that."""

from __future__ import annotations

from ..values import Value, fma, where
from .coefficients import ATANH_LOG2, ATANH_LOG2_CUBE, LOG, LOG2_E, TWICE_LOG2_E
from .exponential import EXP2_BOUNDS, power_of_two
from .formats import INFINITY, NAN, maximum, minimum, polynomial
from .logarithm import split_exponent

Pair = tuple[Value, Value]
"""An unevaluated sum of two numbers, the second tiny next to the first (T. J. Dekker, 1971)."""


def sum_of_ordered(a: Value, b: Value) -> Pair:
    """a + b exactly, where ``|a| >= |b|`` or a is zero."""
    total = a + b
    return total, b - (total - a)


def product(a: Value, b: Value) -> Pair:
    """a b exactly."""
    high = a * b
    return high, fma(a, b, -high)


def product_of_pairs(a: Pair, b: Pair) -> Pair:
    high, low = product(a[0], b[0])
    return high, low + fma(a[0], b[1], a[1] * b[0])


def log2_pair(x: Value) -> Pair:
    """log2 of a positive finite double to about 2**-64, from ``log(m) = 2 artanh(s)``, ``s = (m - 1) / (m + 1)``."""
    e, f = split_exponent(x, "double")
    divisor = f + 2.0
    divisor_lost = f - (divisor - 2.0)
    inverse = 1.0 / divisor
    quotient = f * inverse
    s = quotient, (fma(-quotient, divisor, f) - quotient * divisor_lost) * inverse
    square_high = s[0] * s[0]
    square = square_high, fma(s[0], s[0], -square_high) + (s[0] + s[0]) * s[1]
    high, low = ATANH_LOG2_CUBE["double"]
    cubic = sum_of_ordered(x.constant(high), square_high * polynomial(square_high, ATANH_LOG2["double"]))
    cubic = cubic[0], cubic[1] + low
    cube = product_of_pairs(product_of_pairs(s, square), cubic)
    high, low = TWICE_LOG2_E["double"]
    linear = product_of_pairs(s, (x.constant(high), x.constant(low)))
    total, lost = sum_of_ordered(e, linear[0])
    total, lost_again = sum_of_ordered(total, cube[0])
    return sum_of_ordered(total, (lost + lost_again) + (linear[1] + cube[1]))


def log2_short(x: Value) -> Value:
    """log2 of a positive finite double to 2**-35, enough for a float's power."""
    e, f = split_exponent(x, "wide")
    tail = f * f * polynomial(f, [coefficient * LOG2_E["double"][0] for coefficient in LOG["wide"]])
    return e + fma(f, LOG2_E["double"][0], tail)


def magnitude(x: Value, y: Value, precision: str) -> Value:
    """``x**y`` for x >= 0 or NaN."""
    # Large enough to overflow or underflow with any x but 1, and finite, since 0 times infinity would be NaN.
    y = maximum(-1e300, minimum(1e300, y))
    if precision == "double":
        logarithm, lost = log2_pair(x)
    else:
        logarithm = log2_short(x)
    logarithm = where(x < INFINITY, where(x.equals(0.0), -INFINITY, logarithm), x)
    high, low = EXP2_BOUNDS[precision]
    exponent = maximum(low, minimum(high, y * logarithm))
    if precision == "wide":
        return power_of_two(exponent, precision)
    inside = (exponent < high) & (exponent > low)
    return power_of_two(exponent, precision, where(inside, fma(y, lost, fma(y, logarithm, -exponent)), 0.0))


def pow(x: Value, y: Value) -> Value:
    """x to the power y, with the special cases of C's ``pow`` (C11, F.10.4.4)."""
    if x.element == "float":
        return power(x.widen(), y.widen(), "wide").narrow()
    return power(x, y, "double")


def power(x: Value, y: Value, precision: str) -> Value:
    size = abs(x)
    result = magnitude(size, y, precision)
    whole = y.equals(y.call("trunc"))
    half = y * 0.5
    even = half.equals(half.call("trunc"))
    negative = x.bits() < 0
    result = where(negative & whole & ~even, -result, result)
    finite_negative = (x < 0.0) & (x > -INFINITY)
    result = where(finite_negative & ~whole, NAN, result)
    result = where(y.is_nan(), y, result)
    return where(y.equals(0.0) | x.equals(1.0), 1.0, result)
