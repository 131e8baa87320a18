"""Reducing an angle by multiples of pi/2.

Up to a bound the multiple of pi/2 is subtracted in three parts with fused multiply-adds (Cody and Waite). The first
difference is exact, the second rounds relative to itself, and what pi lacks after three parts is negligible next to the
smallest remainder that any number within the bound has. What the roundings lost is a number of its own, so that the
remainder is known to more than one number's precision. All parts are positive so that -0 stays -0.

Beyond it, any number of digits of 1/(2 pi) may matter (M. Payne and R. Hanek, "Radian reduction for trigonometric
functions", 1983): the 53-bit significand is multiplied by the 192 bits of 1/(2 pi) that its exponent selects, which
gives the angle as a 128-bit fraction of a turn. That is integer arithmetic on one number at a time, in a function
shared by the whole module, called only when a vector holds such a number.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from ..ir import Builder, Function, Module
from ..values import INDEX, Pointer, Type, Value, fma, where
from .coefficients import PI, PI_ROUNDED_DOWN
from .exponential import round_to_integer
from .formats import BITS, INFINITY, NAN, rarely

LARGE = {"float": 2.0**17, "double": 2.0**40}
SMALL_REMAINDER = {"float": 2.0**-5, "double": 2.0**-12}
"""More than twice the greatest multiple of the middle part of pi/2."""

TURN_WORDS = 22


@functools.cache
def digits_of_inverse_turn(bits: int) -> int:
    """floor(2**bits / (2 pi)), with pi from J. Machin's formula 16 arctan(1/5) - 4 arctan(1/239)."""

    def inverse_tangent(n: int) -> int:
        total, term, k = 0, one // n, 1
        while term:
            total += term // k if k % 4 == 1 else -(term // k)
            term //= n * n
            k += 2
        return total

    one = 1 << (bits + 64)
    pi = 16 * inverse_tangent(5) - 4 * inverse_tangent(239)
    return (one << bits) // (2 * pi)


def reduce_large_angles(module: Module) -> Function:
    """A function ``(x, r, lost, quadrants, count)`` of the module that reduces ``count`` doubles at the address x.

    For each with ``2**-12 <= |x| < infinity``: let n be the integer nearest to ``2 x / pi``. Then ``r + lost = x - n pi/2``,
    and the two highest bits of the i64 ``quadrants`` are those of n modulo 4. Other x give anything.
    """
    integers, doubles = Type.of("i64").pointer, Type.of("double").pointer
    parameters = {"x": integers, "r": doubles, "lost": doubles, "quadrants": integers, "count": INDEX}

    def write(b: Builder, given: Any) -> None:
        inverse = digits_of_inverse_turn(64 * (TURN_WORDS - 1))
        words = [(inverse >> (64 * k)) & (2**64 - 1) for k in reversed(range(TURN_WORDS))]
        digits = f"[{TURN_WORDS} x i64] [{', '.join(f'i64 {word}' for word in words)}]"
        table = Pointer(b, integers, b.module.constant("flambeau_inverse_turn", digits))
        with b.loop(0, given.count) as index:
            _reduce_large_angle(given, index, table)

    return module.function("flambeau_reduce_large_angles", parameters, write, "nounwind noinline cold")


def _reduce_large_angle(given: Any, index: Value, table: Pointer) -> None:
    """One angle of :func:`reduce_large_angles`; the table holds the digits of 1/(2 pi)."""
    x = given.x[index]
    exponent = (x >> 52) & 2047
    significand = (x & (2**52 - 1)) | 2**52
    # x = significand * 2**(exponent - 1075): turns before bit (exponent - 1075) of the fraction are whole. The
    # table begins with a word of zeros, the 64 bits before the point.
    start = (exponent - (1075 - 64)).at_least(0)
    first = table + (start >> 6)
    raw = [first[k] for k in range(4)]
    window = [raw[k].call("fshl", raw[k + 1], start & 63) for k in range(3)]
    wide = significand.cast("zext", "i128")
    high, middle, low = (wide * word.cast("zext", "i128") for word in window)
    turn = (high << 64) + middle + (low >> 64)
    turn = where(x < 0, -turn, turn)
    # Quarters: round to a multiple of 2**126; what is left is a signed number of 2**-128 turns.
    quarters = (turn + 2**125) & (3 * 2**126)
    given.quadrants[index] = (quarters >> 64).truncate("i64")
    rest = turn - quarters
    below = rest < 0
    size = where(below, -rest, rest)
    zeros = size.builder.intrinsic("ctlz", size.type, size, flags="i1 false")
    # The first 62 bits: |rest| = size * 2**(66 - zeros) / 2**128 turns, each 2 pi.
    size = ((size << zeros) >> 66).truncate("i64")
    scale = (((1023 + 66 - 128 + 1) - zeros.truncate("i64")) << 52).bitcast("double")
    scale = where(below, -scale, scale)
    leading = size.to_float("double")
    cut = (size - leading.cast("fptosi", "i64")).to_float("double")
    pi, pi_low = PI["double"]
    tail = fma(leading, pi_low, cut * pi)
    angle = fma(leading, pi, tail)
    given.r[index] = angle * scale
    given.lost[index] = (fma(leading, pi, -angle) + tail) * scale


class Reduced(NamedTuple):
    """``x = n pi/2 + r + lost``, ``|r| <= pi/4``; the two highest bits of the integer ``quadrant`` are n modulo 4."""

    r: Value
    lost: Value
    quadrant: Value


def reduce_by_half_pi(x: Value) -> Reduced:
    """An angle of any size; r is NaN where it is infinite."""
    b, element = x.builder, x.element
    high, middle, low = (part / 2 for part in PI_ROUNDED_DOWN[element])
    n, bits = round_to_integer(x, 2 / PI["double"][0], biases=0)
    first = fma(n, -high, x)
    r = fma(n, -middle, first)
    # The difference is exact, and the rounding one of r's last place, where n times the middle part is small next to r.
    lost = fma(n, -low, where(abs(r) > SMALL_REMAINDER[element], fma(n, -middle, first - r), 0.0))
    near = Reduced(r, lost, bits << (BITS[element] - 2))
    large = abs(x) > LARGE[element]
    results = [b.variable(value) for value in near]
    with rarely(large):
        for result, far, value in zip(results, reduce_large(x), near, strict=True):
            result.value = where(large, far, value)
    return Reduced(*(result.value for result in results))


def reduce_large(x: Value) -> Reduced:
    """:func:`reduce_by_half_pi` where x is large."""
    b, lanes = x.builder, x.lanes
    wide = x if x.element == "double" else x.widen()
    given, quadrants = b.array(Type.of("i64"), lanes), b.array(Type.of("i64"), lanes)
    reduced, rest = b.array(Type.of("double"), lanes), b.array(Type.of("double"), lanes)
    given.store(wide)
    reduce_large_angles(b.module)(b, x=given, r=reduced, lost=rest, quadrants=quadrants, count=lanes)
    r, lost, quadrant = reduced.load(lanes), rest.load(lanes), quadrants.load(lanes)
    r = where(abs(wide) < INFINITY, r, NAN)
    if x.element == "double":
        return Reduced(r, lost, quadrant)
    narrow = r.narrow()
    return Reduced(narrow, (r - narrow.widen()).narrow(), (quadrant >> 32).truncate("i32"))
