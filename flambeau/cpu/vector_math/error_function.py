"""erf, erfc, erfcx and erfinv."""

from __future__ import annotations

import math

from ..values import Value, fma, where
from .coefficients import ERF, ERF_TAIL, ERFC, ERFINV_CENTRE, ERFINV_FAR_TAIL, ERFINV_TAIL
from .exponential import EXP_BOUNDS, exponential
from .formats import INFINITY, NAN, minimum, polynomial
from .logarithm import natural, split_exponent

# erfc is zero beyond. (In wide arithmetic: once rounded to float.)
ERFC_BOUND = {"double": 27.3, "wide": 10.1}


def erf(x: Value) -> Value:
    """The error function."""
    size = abs(x)
    small = fma(x, polynomial(x * x, ERF[x.element]), x)
    if x.element == "float":
        large = 1.0 - polynomial(minimum(3.95, size) - 2.5, ERF_TAIL["float"])
    else:
        large = 1.0 - complement(size, "double")
    return where(size < 1.0, small, large.copysign(x))


def complement(x: Value, precision: str) -> Value:
    """erfc(x) for x >= 0, or NaN, in double precision.

    ``erfc(x) = exp(-x²) P(t) / (1 + 2x)``, ``t = (x - 4) / (x + 4)`` (M. M. Shepherd and J. G. Laframboise, "Chebyshev
    approximation of (1 + 2x) exp(x²) erfc x", 1981). What rounding x² loses is made good to first order.
    """
    x = minimum(ERFC_BOUND[precision], x)
    square = x * x
    lost = fma(x, x, -square)
    ratio = scaled_complement(x, precision)
    return exponential(-square, precision) * fma(ratio, -lost, ratio)


def scaled_complement(x: Value, precision: str) -> Value:
    """exp(x²) erfc(x) for x from 0 to the bound."""
    return polynomial((x - 4.0) / (x + 4.0), ERFC[precision]) / fma(x, 2.0, 1.0)


def erfc(x: Value) -> Value:
    """The complement of the error function, 1 - erf(x), accurate where it is small."""
    if x.element == "float":
        return complement_of_any(x.widen(), "wide").narrow()
    return complement_of_any(x, "double")


def complement_of_any(x: Value, precision: str) -> Value:
    result = complement(abs(x), precision)
    result = where(x < 0.0, 2.0 - result, result)
    if precision == "wide":
        return result
    # Near zero, where the quotient t would be rounded the worst, from the error function.
    small = (1.0 - x) - x * polynomial(x * x, ERF["double"])
    return where(abs(x) < 0.5, small, result)


def erfcx(x: Value) -> Value:
    """exp(x²) erfc(x), neither factor by itself: it is about 1 / (x sqrt(pi)) for large x."""
    if x.element == "float":
        return erfcx(x.widen()).narrow()
    size = abs(x)
    near = scaled_complement(minimum(ERFC_BOUND["double"], size), "double")
    # The asymptotic series (M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 7.1.23).
    square = size * size
    r = 0.5 / square
    series = fma(
        -r, fma(-3.0 * r, fma(-5.0 * r, fma(-7.0 * r, fma(-9.0 * r, 1.0 - 11.0 * r, 1.0), 1.0), 1.0), 1.0), 1.0
    )
    positive = where(size > ERFC_BOUND["double"], series / size * (1 / math.sqrt(math.pi)), near)
    power = exponential(minimum(EXP_BOUNDS["double"][0], square), "double")
    corrected = where(power < INFINITY, fma(power, fma(size, size, -square), power), power)
    return where(x < 0.0, corrected + corrected - positive, positive)


def erfinv(x: Value) -> Value:
    """The inverse of the error function, infinite at -1 and 1, NaN beyond."""
    if x.element == "float":
        return inverse(x.widen(), "wide").narrow()
    return inverse(x, "double")


def inverse(x: Value, precision: str) -> Value:
    """``x P(w)`` with ``w = -log(1 - x²)``; in the tails, x times a polynomial of sqrt(w) (M. Giles, "Approximating the
    erfinv function", GPU Computing Gems, 2012)."""
    size = abs(x)
    w = -natural(*split_exponent((1.0 - size) * (size + 1.0), precision), precision)
    root = w.sqrt()
    ratio = where(
        w < 6.25, polynomial(w - 3.125, ERFINV_CENTRE[precision]), polynomial(root - 3.25, ERFINV_TAIL[precision])
    )
    if precision == "double":
        # No float is so near to one that it would need this.
        ratio = where(root > 4.0, polynomial(root - 5.0, ERFINV_FAR_TAIL[precision]), ratio)
    return where(size < 1.0, x * ratio, where(size.equals(1.0), x.constant(INFINITY), NAN).copysign(x))
