"""Rounding to integers, signs, neighbours, and roots: functions that are exact or rounded correctly by the hardware."""

from __future__ import annotations

from .values import Value, where


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
    smallest = bits.constant(1).bitcast(x.type).copysign(y)
    result = where(x.equals(0.0), smallest, moved.bitcast(x.type))
    result = where(x.equals(y), y, result)
    return where(x.is_nan() | y.is_nan(), x + y, result)
