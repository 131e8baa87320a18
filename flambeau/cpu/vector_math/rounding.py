"""Rounding to integers, signs, neighbours, roots, and divisions with a remainder, with PyTorch's definitions."""

from __future__ import annotations

from ..values import Value, fma, where
from .formats import INFINITY, rarely

STEP = {"float": 2.0**100, "double": 2.0**1000}


def sqrt(x: Value) -> Value:
    """The square root, correctly rounded."""
    return x.sqrt()


def rsqrt(x: Value) -> Value:
    """1 / sqrt(x), in two roundings."""
    return 1.0 / x.sqrt()


def reciprocal(x: Value) -> Value:
    """1 / x, correctly rounded."""
    return 1.0 / x


def round(x: Value) -> Value:
    """To the nearest integer, halves to the even one."""
    return x.call("roundeven")


def trunc(x: Value) -> Value:
    """Towards zero."""
    return x.call("trunc")


def floor(x: Value) -> Value:
    return x.call("floor")


def ceil(x: Value) -> Value:
    return x.call("ceil")


def copysign(x: Value, sign: Value) -> Value:
    """The magnitude of x with the sign of ``sign``."""
    return x.copysign(sign)


def sign(x: Value) -> Value:
    """-1, 0 or 1; 0 for NaN, as PyTorch has it."""
    return where(x > 0.0, x.constant(1.0), where(x < 0.0, x.constant(-1.0), 0.0))


def nextafter(x: Value, y: Value) -> Value:
    """The next number after x in the direction of y; y itself where they are equal."""
    bits = x.bits()
    away_from_zero = (y > x).equals(x > 0.0)
    moved = bits + where(away_from_zero, bits.constant(1), -1)
    # The neighbours of zero are the smallest subnormal numbers.
    smallest = bits.constant(1).bitcast(x.element).copysign(y)
    result = where(x.equals(0.0), smallest, moved.bitcast(x.element))
    result = where(x.equals(y), y, result)
    return where(x.is_nan() | y.is_nan(), x + y, result)


def fmod(x: Value, y: Value) -> Value:
    """``x - n y`` with n the quotient rounded towards zero, exactly. NaN for infinite x and for zero y.

    With q the rounded quotient, cut to an integer, ``r - q y`` is exact in a fused multiply-add and smaller than what
    q's last bit stands for; so is what is left of that when it is divided again, until it is less than y. One round
    suffices while the quotient has no more bits than the significand.
    """
    b, divisor = x.builder, abs(y)
    rest, by = b.variable(abs(x)), b.variable(x.type)
    with b.repeat() as proceed:
        r = rest.value
        by.value = divisor
        huge = abs(r / divisor) > STEP[x.element]
        with rarely(huge):
            # The quotient may be infinite: divide by a multiple of the divisor first, STEP or STEP² times as large.
            multiple = divisor * STEP[x.element]
            multiple = where(abs(r / multiple) > STEP[x.element], multiple * STEP[x.element], multiple)
            by.value = where(huge, multiple, divisor)
        r = fma(-(r / by.value).call("trunc"), by.value, r)
        rest.value = r
        proceed((abs(r) >= divisor).any())
    result = where(r < 0.0, r + divisor, r)
    # A finite number is its own remainder for an infinite divisor; above, zero times infinity was NaN.
    return where(divisor.equals(INFINITY) & (abs(x) < INFINITY), x, result.copysign(x))


def remainder(x: Value, y: Value) -> Value:
    """Python's ``x % y``, with the sign of y: fmod, and y more where the signs differ."""
    return adjusted(fmod(x, y), y)[0]


def adjusted(rest: Value, y: Value) -> tuple[Value, Value]:
    """The remainder with the sign of y, and whether that needed adding y."""
    differs = (rest < 0.0) ^ (y < 0.0)
    differs = differs & ((rest < 0.0) | (rest > 0.0))
    return where(differs, rest + y, rest), differs


def floor_divide(x: Value, y: Value) -> Value:
    """Python's ``x // y``, from the remainder so that it agrees with it; ``x / y`` where y is zero."""
    quotient = x / y
    rest = fmod(x, y)
    _, differs = adjusted(rest, y)
    multiple = (x - rest) / y
    multiple = where(differs, multiple - 1.0, multiple)
    floor = multiple.call("floor")
    floor = where((multiple - floor) > 0.5, floor + 1.0, floor)
    floor = where(multiple.equals(0.0), x.constant(0.0).copysign(quotient), floor)
    return where(y.equals(0.0), quotient, floor)
