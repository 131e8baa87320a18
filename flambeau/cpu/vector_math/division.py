"""Remainders and quotients rounded down, with PyTorch's definitions."""

from __future__ import annotations

from .values import INFINITY, Value, fma, rarely, where

STEP = {"float": 2.0**100, "double": 2.0**1000}


def fmod(x: Value, y: Value) -> Value:
    """``x - n y`` with n the quotient rounded towards zero, exactly. NaN for infinite x and for zero y.

    With q the rounded quotient, cut to an integer, ``r - q y`` is exact in a fused multiply-add and smaller than what
    q's last bit stands for; so is what is left of that when it is divided again, until it is less than y. One round
    suffices while the quotient has no more bits than the significand.
    """
    b = x.builder
    divisor = abs(y)
    rest = b.variable(x.spelled, abs(x).name)
    current = b.variable(x.spelled)
    head, end = b.label("reduce"), b.label("reduced")
    b.jump(head)
    b.place(head)
    r = Value(b, x.type, x.lanes, b.load(x.spelled, rest))
    b.store(x.spelled, divisor.name, current)
    huge = abs(r / divisor) > STEP[x.type]
    with rarely(huge):
        # The quotient may be infinite: divide by a multiple of the divisor first, STEP or STEP² times as large.
        multiple = divisor * STEP[x.type]
        multiple = where(abs(r / multiple) > STEP[x.type], multiple * STEP[x.type], multiple)
        b.store(x.spelled, where(huge, multiple, divisor).name, current)
    by = Value(b, x.type, x.lanes, b.load(x.spelled, current))
    r = fma(-(r / by).call("trunc"), by, r)
    b.store(x.spelled, r.name, rest)
    b.branch((abs(r) >= divisor).any(), head, end)
    b.place(end)
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
