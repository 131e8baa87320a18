"""Reducing an angle by multiples of pi or pi/2.

Up to a bound the multiple of pi is subtracted in three parts with fused multiply-adds (Cody and Waite). The first
difference is exact, the second rounds relative to itself, and what pi lacks after three parts is negligible next to the
smallest remainder that any number within the bound has. All parts are positive so that -0 stays -0.

Beyond it, any number of digits of 1/(2 pi) may matter (M. Payne and R. Hanek, "Radian reduction for trigonometric
functions", 1983): the 53-bit significand is multiplied by the 192 bits of 1/(2 pi) that its exponent selects, which
gives the angle as a 128-bit fraction of a turn. That is integer arithmetic on one number at a time, in a function
shared by the whole module, called only when a vector holds such a number.
"""

from __future__ import annotations

import functools

from ..ir import Builder, Module, vector
from .coefficients import PI, PI_ROUNDED_DOWN
from .exponential import round_to_integer
from .values import BITS, INFINITY, NAN, Value, fma, rarely, where

LARGE = {"float": 2.0**17, "double": 2.0**40}

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
    """Add the helper ``void (ptr x, ptr r, ptr turns, i64 count, i64 shift, i64 offset)`` to the module.

    For each of ``count`` doubles x with ``2**-12 <= |x| < infinity``: let ``w = 2**shift x + 2 pi offset / 2**64`` and
    n the integer nearest to ``w / pi``. Then ``r = (w - n pi) / 2**shift``, and the sign bit of the i64 ``turns`` is
    set where n is odd. Other x give anything.
    """
    if module.has_function(HELPER):
        return "@" + HELPER
    inverse = digits_of_inverse_turn(64 * (TURN_WORDS - 1))
    words = [(inverse >> (64 * k)) & (2**64 - 1) for k in reversed(range(TURN_WORDS))]
    table = module.constant(
        "flambeau_inverse_turn", f"[{TURN_WORDS} x i64] [{', '.join(f'i64 {word}' for word in words)}]"
    )
    parameters = (("ptr", "x"), ("ptr", "r"), ("ptr", "turns"), ("i64", "count"), ("i64", "shift"), ("i64", "offset"))
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
        turn = b.op(f"shl i128 {turn}, {b.op('zext i64 %shift to i128')}")
        offset = b.op(f"shl i128 {b.op('zext i64 %offset to i128')}, 64")
        turn = b.op(f"add i128 {turn}, {offset}")
        # Half turns: round to a multiple of 2**127; what is left is a signed number of 2**-128 turns.
        half_turns = b.op(f"and i128 {b.op(f'add i128 {turn}, {2**126}')}, {2**127}")
        parity = b.op(f"trunc i128 {b.op(f'lshr i128 {half_turns}, 64')} to i64")
        b.store("i64", parity, b.offset("i64", "%turns", index), 8)
        rest = b.op(f"sub i128 {turn}, {half_turns}")
        below = b.op(f"icmp slt i128 {rest}, 0")
        size = b.op(f"select i1 {below}, i128 {b.op(f'sub i128 0, {rest}')}, i128 {rest}")
        zeros = b.call("llvm.ctlz.i128", "i128", ("i128", size), ("i1", "false"))
        normalised = b.op(f"shl i128 {size}, {zeros}")
        leading = b.op(f"trunc i128 {b.op(f'lshr i128 {normalised}, 66')} to i64")
        # leading is the size's first 62 bits: |rest| = leading * 2**(66 - zeros) / 2**128 turns, each 2 pi.
        power = b.sub(b.sub(str(1023 + 66 - 128 + 1), b.op(f"trunc i128 {zeros} to i64")), "%shift")
        power = b.op(f"bitcast i64 {b.op(f'shl i64 {power}, 52')} to double")
        value = Value(b, "double", 1, b.op(f"sitofp i64 {leading} to double"))
        whole = b.op(f"fptosi double {value.name} to i64")
        cut = Value(b, "double", 1, b.op(f"sitofp i64 {b.sub(leading, whole)} to double"))
        high, low = PI["double"]
        value = fma(value, high, fma(value, low, cut * high)) * Value(b, "double", 1, power)
        signed = where(Value(b, "i1", 1, below), -value, value)
        b.store("double", signed.name, b.offset("double", "%r", index), 8)
    b.finish("void")
    return "@" + HELPER


def call_reduction(x: Value, shift: int, offset: int) -> tuple[Value, Value]:
    """The helper's r and turns for double-precision x; r is NaN where x is infinite."""
    b, lanes = x.builder, x.lanes
    helper = reduce_large_angles(b.module)
    places = [b.variable(f"[{lanes} x i64]", align=64) for _ in range(3)]
    b.store(x.spelled, x.name, places[0], 8)
    addresses = ", ".join(f"ptr {place}" for place in places)
    b.do(f"call void {helper}({addresses}, i64 {lanes}, i64 {shift}, i64 {offset})")
    r = Value(b, "double", lanes, b.load(x.spelled, places[1], 8))
    turns = Value(b, "i64", lanes, b.load(vector("i64", lanes), places[2], 8))
    return where(abs(x) < INFINITY, r, NAN), turns


def reduce_by_pi(x: Value, cosine: bool) -> Value:
    """r with ``|r| <= pi/2`` whose sine is that of x, or is the cosine of x."""
    b = x.builder
    high, middle, low = PI_ROUNDED_DOWN[x.type]
    if cosine:
        # cos(x) = sin(x + pi/2): n is the integer nearest to x / pi + 1/2, and x is n - 1/2 times pi away.
        n, bits = round_to_integer(fma(x, 1 / PI["double"][0], 0.5), 1.0, biases=0)
        n = n - 0.5
    else:
        n, bits = round_to_integer(x, 1 / PI["double"][0], biases=0)
    r = fma(n, -low, fma(n, -middle, fma(n, -high, x)))
    r = (r.bits() ^ (bits << (BITS[x.type] - 1))).bitcast(x.type)
    large = abs(x) > LARGE[x.type]
    result = b.variable(x.spelled, r.name)
    with rarely(large):
        wide = x if x.type == "double" else x.widen()
        rest, turns = call_reduction(wide, shift=0, offset=2**62 if cosine else 0)
        rest = (rest.bits() ^ turns).bitcast("double")
        b.store(x.spelled, where(large, rest if x.type == "double" else rest.narrow(), r).name, result)
    return Value(b, x.type, x.lanes, b.load(x.spelled, result))


def reduce_by_half_pi(x: Value) -> tuple[Value, Value]:
    """r with ``|r| <= pi/4`` and whether n is odd in ``x = n pi/2 + r``, in double precision."""
    b = x.builder
    high, middle, low = (part / 2 for part in PI_ROUNDED_DOWN["double"])
    n, bits = round_to_integer(x, 2 / PI["double"][0], biases=0)
    r = fma(n, -low, fma(n, -middle, fma(n, -high, x)))
    turns = bits << 63
    large = abs(x) > LARGE["double"]
    result, result_turns = b.variable(r.spelled, r.name), b.variable(turns.spelled, turns.name)
    with rarely(large):
        rest, rest_turns = call_reduction(x, shift=1, offset=0)
        b.store(r.spelled, where(large, rest, r).name, result)
        b.store(turns.spelled, where(large, rest_turns, turns).name, result_turns)
    r = Value(b, "double", x.lanes, b.load(r.spelled, result))
    return r, Value(b, "i64", x.lanes, b.load(turns.spelled, result_turns)) < 0
