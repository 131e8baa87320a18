"""log, log2, log10 and log1p.

x is written as 2**e m with 2/3 <= m < 4/3, and log(m) = f + f² P(f) with f = m - 1, which is exact. Near one e is zero,
so that nothing cancels. Subnormal numbers are scaled up first.
"""

from __future__ import annotations

from ..values import Value, fma, where
from .coefficients import LN2_SHORT, LOG, LOG2_E, LOG10_2, LOG10_E
from .formats import EXPONENT_BIAS, INFINITY, MANTISSA_BITS, NAN, SMALLEST_NORMAL, polynomial

# The bit pattern of 2/3.
LOWEST_MANTISSA = {"float": 0x3F2AAAAB, "double": 0x3FE5555555555555}


def exponent_field(bits: Value, type: str) -> Value:
    """The exponent e of ``2**e m``, ``2/3 <= m < 4/3``, as integer bits ``e << mantissa``, from those of a positive
    normal number."""
    mantissa = MANTISSA_BITS[type]
    return (bits - LOWEST_MANTISSA[type]) & (-1 << mantissa)


def exponent_value(field: Value, type: str, subnormal: Value | None = None) -> Value:
    """``e`` as a floating-point number from ``e << mantissa``; less what subnormal numbers were scaled up by."""
    mantissa, bias = MANTISSA_BITS[type], EXPONENT_BIAS[type]
    if type == "float":
        number = field.to_float(type)
        if subnormal is None:
            return number * 2.0**-mantissa
        return fma(number, 2.0**-mantissa, where(subnormal, number.constant(-mantissa - 1.0), 0.0))
    # AVX2 cannot convert 64-bit integers: build 2**52 + e + 1023 from its bits instead.
    biased = (field + (bias << mantissa)) >> mantissa
    number = (biased | ((bias + mantissa) << mantissa)).bitcast(type)
    base = 2.0**mantissa + bias
    return number - (base if subnormal is None else where(subnormal, number.constant(base + mantissa + 1), base))


def split_exponent(x: Value, precision: str) -> tuple[Value, Value]:
    """e and ``f = m - 1`` of a positive finite ``x = 2**e m``; finite rubbish or NaN otherwise.

    In wide arithmetic, x must be a normal number (as all that were floats are).
    """
    if precision == "wide":
        bits, subnormal = x.bits(), None
    else:
        subnormal = x < SMALLEST_NORMAL[x.element]
        bits = where(subnormal, x * 2.0 ** (MANTISSA_BITS[x.element] + 1), x).bits()
    field = exponent_field(bits, x.element)
    return exponent_value(field, x.element, subnormal), (bits - field).bitcast(x.element) - 1.0


def logarithm_parts(f: Value, precision: str) -> Value:
    """``log(1 + f) - f``."""
    return f * f * polynomial(f, LOG[precision])


def natural(e: Value, f: Value, precision: str) -> Value:
    """``e ln(2) + log(1 + f)``; what rounding ``e ln(2) + f`` loses is added to the rest."""
    high, low = LN2_SHORT[e.element]
    whole = e * high  # exact
    leading = whole + f
    lost = (whole - leading) + f
    return leading + (lost + fma(e, low, logarithm_parts(f, precision)))


def with_special_cases(result: Value, x: Value, pole: float = 0.0) -> Value:
    """A logarithm with its pole where x equals ``pole``: infinite and NaN arguments, and those outside its domain."""
    result = where(x < INFINITY, result, x)
    return where(x <= pole, where(x < pole, x.constant(NAN), -INFINITY), result)


def logarithm(x: Value, precision: str) -> Value:
    """log(x) for every x."""
    return with_special_cases(natural(*split_exponent(x, precision), precision), x)


def log(x: Value) -> Value:
    """The natural logarithm."""
    return logarithm(x, x.element)


def log2(x: Value) -> Value:
    """The logarithm to base 2; exact for powers of two."""
    e, f = split_exponent(x, x.element)
    high, low = LOG2_E[x.element]
    tail = fma(f, low, f * f * polynomial(f, [coefficient * LOG2_E["double"][0] for coefficient in LOG[x.element]]))
    leading = fma(f, high, e)
    lost = fma(f, high, e - leading)
    return with_special_cases(leading + (lost + tail), x)


def log10(x: Value) -> Value:
    """The logarithm to base 10."""
    e, f = split_exponent(x, x.element)
    high, low = LOG10_E[x.element]
    tail = f * f * polynomial(f, [coefficient * LOG10_E["double"][0] for coefficient in LOG[x.element]])
    tail = fma(f, low, fma(e, LOG10_2[x.element][1], tail))
    return with_special_cases(fma(e, LOG10_2[x.element][0], fma(f, high, tail)), x)


def exponent_of_one_plus(x: Value) -> tuple[Value, Value]:
    """e and f of ``1 + x = 2**e (1 + f)`` for -1 < x < infinity; rubbish otherwise.

    The rounded 1 + x only says by which power of two to divide; f is computed from x itself:
    ``f = 2**-e x + (2**-e - 1)``. Four times that power is used, since 2**-e may be subnormal.
    """
    field = exponent_field((x + 1.0).bits(), x.element)
    power = (x.constant(4.0).bits() - field).bitcast(x.element)
    return exponent_value(field, x.element), fma(x * power, 0.25, fma(power, 0.25, -1.0))


def log1p(x: Value) -> Value:
    """log(1 + x), accurate near zero."""
    return with_special_cases(natural(*exponent_of_one_plus(x), x.element).copysign(x), x, pole=-1.0)
