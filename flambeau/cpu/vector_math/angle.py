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
from typing import NamedTuple

from ..ir import Builder, Module, vector
from .coefficients.constants import PI, PI_ROUNDED_DOWN
from .exponential import round_to_integer
from .values import BITS, INFINITY, NAN, Value, fma, rarely, where

LARGE = {"float": 2.0**17, "double": 2.0**40}
SMALL_REMAINDER = {"float": 2.0**-5, "double": 2.0**-12}
"""More than twice the greatest multiple of the middle part of pi/2."""

TURN_WORDS = 22
HELPER = "flambeau_reduce_large_angles"


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


def reduce_large_angles(module: Module) -> str:
    """Add the helper ``void (ptr x, ptr r, ptr lost, ptr quadrants, i64 count)`` to the module.

    For each of ``count`` doubles x with ``2**-12 <= |x| < infinity``: let n be the integer nearest to ``2 x / pi``. Then
    ``r + lost = x - n pi/2``, and the two highest bits of the i64 ``quadrants`` are those of n modulo 4. Other x give
    anything.
    """
    if module.has_function(HELPER):
        return "@" + HELPER
    inverse = digits_of_inverse_turn(64 * (TURN_WORDS - 1))
    words = [(inverse >> (64 * k)) & (2**64 - 1) for k in reversed(range(TURN_WORDS))]
    table = module.constant(
        "flambeau_inverse_turn", f"[{TURN_WORDS} x i64] [{', '.join(f'i64 {word}' for word in words)}]"
    )
    parameters = (("ptr", "x"), ("ptr", "r"), ("ptr", "lost"), ("ptr", "quadrants"), ("i64", "count"))
    b = Builder(module, HELPER, parameters, internal=True, attributes="nounwind noinline cold")
    with b.loop("0", "%count") as index:
        x = b.load("i64", b.offset("i64", "%x", index), 8)
        exponent = b.op(f"and i64 {b.op(f'lshr i64 {x}, 52')}, 2047")
        significand = b.op(f"or i64 {b.op(f'and i64 {x}, {2**52 - 1}')}, {2**52}")
        # x = significand * 2**(exponent - 1075): turns before bit (exponent - 1075) of the fraction are whole. The
        # table begins with a word of zeros, the 64 bits before the point.
        start = b.maximum("0", b.sub(exponent, str(1075 - 64)))
        first = b.op(f"lshr i64 {start}, 6")
        within = b.op(f"and i64 {start}, 63")
        raw = [b.load("i64", b.offset("i64", table, b.add(first, str(k))), 8) for k in range(4)]
        window = [
            b.call("llvm.fshl.i64", "i64", ("i64", raw[k]), ("i64", raw[k + 1]), ("i64", within)) for k in range(3)
        ]
        wide = b.op(f"zext i64 {significand} to i128")
        products = [b.op(f"mul i128 {wide}, {b.op(f'zext i64 {word} to i128')}") for word in window]
        turn = b.op(f"shl i128 {products[0]}, 64")
        turn = b.op(f"add i128 {turn}, {products[1]}")
        turn = b.op(f"add i128 {turn}, {b.op(f'lshr i128 {products[2]}, 64')}")
        negative = b.op(f"icmp slt i64 {x}, 0")
        turn = b.op(f"select i1 {negative}, i128 {b.op(f'sub i128 0, {turn}')}, i128 {turn}")
        # Quarters: round to a multiple of 2**126; what is left is a signed number of 2**-128 turns.
        quarters = b.op(f"and i128 {b.op(f'add i128 {turn}, {2**125}')}, {3 * 2**126}")
        quadrant = b.op(f"trunc i128 {b.op(f'lshr i128 {quarters}, 64')} to i64")
        b.store("i64", quadrant, b.offset("i64", "%quadrants", index), 8)
        rest = b.op(f"sub i128 {turn}, {quarters}")
        below = b.op(f"icmp slt i128 {rest}, 0")
        size = b.op(f"select i1 {below}, i128 {b.op(f'sub i128 0, {rest}')}, i128 {rest}")
        zeros = b.call("llvm.ctlz.i128", "i128", ("i128", size), ("i1", "false"))
        normalised = b.op(f"shl i128 {size}, {zeros}")
        # The first 62 bits: |rest| = size * 2**(66 - zeros) / 2**128 turns, each 2 pi.
        size = b.op(f"trunc i128 {b.op(f'lshr i128 {normalised}, 66')} to i64")
        power = b.sub(str(1023 + 66 - 128 + 1), b.op(f"trunc i128 {zeros} to i64"))
        power = b.op(f"bitcast i64 {b.op(f'shl i64 {power}, 52')} to double")
        scale = Value(b, "double", 1, power)
        scale = where(Value(b, "i1", 1, below), -scale, scale)
        leading = Value(b, "double", 1, b.op(f"sitofp i64 {size} to double"))
        whole = b.op(f"fptosi double {leading.name} to i64")
        cut = Value(b, "double", 1, b.op(f"sitofp i64 {b.sub(size, whole)} to double"))
        high, low = PI["double"]
        tail = fma(leading, low, cut * high)
        angle = fma(leading, high, tail)
        b.store("double", (angle * scale).name, b.offset("double", "%r", index), 8)
        lost = fma(leading, high, -angle) + tail
        b.store("double", (lost * scale).name, b.offset("double", "%lost", index), 8)
    b.finish("void")
    return "@" + HELPER


class Reduced(NamedTuple):
    """``x = n pi/2 + r + lost``, ``|r| <= pi/4``; the two highest bits of the integer ``quadrant`` are n modulo 4."""

    r: Value
    lost: Value
    quadrant: Value


def reduce_by_half_pi(x: Value) -> Reduced:
    """An angle of any size; r is NaN where it is infinite."""
    b, type = x.builder, x.type
    high, middle, low = (part / 2 for part in PI_ROUNDED_DOWN[type])
    n, bits = round_to_integer(x, 2 / PI["double"][0], biases=0)
    first = fma(n, -high, x)
    r = fma(n, -middle, first)
    # The difference is exact, and the rounding one of r's last place, where n times the middle part is small next to r.
    lost = fma(n, -low, where(abs(r) > SMALL_REMAINDER[type], fma(n, -middle, first - r), 0.0))
    near = Reduced(r, lost, bits << (BITS[type] - 2))
    large = abs(x) > LARGE[type]
    places = [b.variable(value.spelled, value.name) for value in near]
    with rarely(large):
        far = reduce_large(x)
        for value, other, place in zip(far, near, places, strict=True):
            b.store(value.spelled, where(large, value, other).name, place)
    return Reduced(
        *(
            Value(b, value.type, value.lanes, b.load(value.spelled, place))
            for value, place in zip(near, places, strict=True)
        )
    )


def reduce_large(x: Value) -> Reduced:
    """:func:`reduce_by_half_pi` where x is large."""
    b, lanes = x.builder, x.lanes
    wide = x if x.type == "double" else x.widen()
    helper = reduce_large_angles(b.module)
    places = [b.variable(f"[{lanes} x i64]", align=64) for _ in range(4)]
    b.store(wide.spelled, wide.name, places[0], 8)
    b.do(f"call void {helper}({', '.join(f'ptr {place}' for place in places)}, i64 {lanes})")
    r, lost = (Value(b, "double", lanes, b.load(wide.spelled, place, 8)) for place in places[1:3])
    r = where(abs(wide) < INFINITY, r, NAN)
    quadrant = Value(b, "i64", lanes, b.load(vector("i64", lanes), places[3], 8))
    if x.type == "double":
        return Reduced(r, lost, quadrant)
    narrow = r.narrow()
    return Reduced(narrow, (r - narrow.widen()).narrow(), (quadrant >> 32).truncate("i32"))
