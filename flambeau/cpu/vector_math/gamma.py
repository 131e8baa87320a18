"""lgamma and digamma, always computed in double precision: polynomials next to their roots, recurrences between those
and the asymptotic series, and reflection for negative arguments (M. Abramowitz and I. Stegun, "Handbook of Mathematical
Functions", 6.1 and 6.3). Relative precision is lost next to the roots at negative arguments, not elsewhere."""

from __future__ import annotations

import math

from ..values import Value, fma, where
from .coefficients import DIGAMMA, DIGAMMA_ROOT, DIGAMMA_TAIL, LGAMMA, LGAMMA_STIRLING
from .formats import INFINITY, NAN, polynomial
from .logarithm import logarithm
from .trigonometric import sine


def lgamma(x: Value) -> Value:
    """log |gamma(x)|."""
    if x.element == "float":
        return lgamma(x.widen()).narrow()
    size = abs(x)
    positive = lgamma_of_positive(size)
    # gamma(-x) gamma(x) = -pi / (x sin(pi x)). For tiny x that is -1 / x² and would underflow.
    r = size - size.call("roundeven")
    reflected = -logarithm(size * sine(abs(r) * math.pi) * (1 / math.pi), "double") - positive
    reflected = where(size > 2.0**-64, where(r.equals(0.0), INFINITY, reflected), positive)
    return where(size < INFINITY, where(x < 0.0, reflected, positive), size)


def lgamma_of_positive(x: Value) -> Value:
    """lgamma(x) for x >= 0.

    Up to 8, x is moved by whole steps to 1 + u with 0 <= u <= 3/2; the logarithm of the product of what it passed is
    added or, from below 1, taken away. u is exact.
    """
    below = x < 1.0
    u = where(below, x, x - 1.0)
    passed = where(below, x, 1.0)
    for _ in range(6):
        above = u > 1.5
        passed = where(above, passed * u, passed)
        u = where(above, u - 1.0, u)
    large = x >= 8.0
    log = logarithm(where(large, x, passed), "double")
    small = fma(u * (u - 1.0), polynomial(u - 0.75, LGAMMA["double"]), where(below, -log, log))
    inverse = 1.0 / x
    series = inverse * polynomial(inverse * inverse, LGAMMA_STIRLING["double"]) + (math.log(2 * math.pi) - 1) / 2
    return where(large, fma(x - 0.5, log - 1.0, series), small)


def digamma(x: Value) -> Value:
    """The derivative of lgamma; NaN at negative integers, infinite at zero."""
    if x.element == "float":
        return digamma(x.widen()).narrow()
    # digamma(x) = digamma(1 - x) - pi / tan(pi x)
    negative = x < 0.0
    r = x - x.call("roundeven")
    cotangent = sine((0.5 - abs(r)) * math.pi) / sine(r * math.pi)
    positive = digamma_of_positive(where(negative, 1.0 - x, x))
    result = where(negative, fma(cotangent, -math.pi, positive), positive)
    result = where(negative & r.equals(0.0), NAN, result)
    return where(x.equals(0.0), x.constant(-INFINITY).copysign(-x), result)


def digamma_of_positive(x: Value) -> Value:
    """digamma(x) for x > 0. The sum of 1 / (y + k) over the steps between x and 1 <= y <= 2 is kept as a fraction."""
    low = x < 1.0
    y = where(low, x + 1.0, x)
    numerator = where(low, x.constant(-1.0), 0.0)
    denominator = where(low, x, 1.0)
    for _ in range(8):
        above = y > 2.0
        y = where(above, y - 1.0, y)
        numerator = where(above, fma(numerator, y, denominator), numerator)
        denominator = where(above, denominator * y, denominator)
    root_high, root_low = DIGAMMA_ROOT["double"]
    distance = (y - root_high) - root_low
    small = fma(distance, polynomial(y - 1.5, DIGAMMA["double"]), numerator / denominator)
    inverse = 1.0 / x
    square = inverse * inverse
    series = fma(square, polynomial(square, DIGAMMA_TAIL["double"]), inverse * 0.5)
    return where(x >= 10.0, logarithm(x, "double") - series, small)
