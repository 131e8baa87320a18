"""exp, exp2, expm1 and the logistic sigmoid.

Each writes x as n ln(2) + r with |r| <= ln(2)/2, subtracting n ln(2) in two parts (W. J. Cody and W. Waite, "Software
Manual for the Elementary Functions", 1980), takes a minimax polynomial of r, and multiplies by 2**n. The integer n is
had by adding 1.5 * 2**(mantissa bits): the sum's low bits are n, so no float-to-integer conversion is needed. What is
added besides makes those bits the exponent field of 2**n, needing only a shift.
"""

from __future__ import annotations

from ..values import Value, fma, where
from .coefficients import EXP, EXP2, EXPM1, LN2, LOG2_E
from .formats import EXPONENT_BIAS, MANTISSA_BITS, maximum, minimum, polynomial

# exp overflows above the first bound and rounds to zero below the second; both leave room for the two factors of 2**n.
EXP_BOUNDS = {"float": (89.0, -104.0), "double": (710.0, -746.0)}
# In wide arithmetic, so does what the result is rounded to, and 2**n is a normal number.
EXP2_BOUNDS = {"float": (129.0, -151.0), "double": (1025.0, -1076.0), "wide": (129.0, -151.0)}


def round_to_integer(x: Value, factor: float, biases: int) -> tuple[Value, Value]:
    """``x * factor`` rounded to an integer n: as a floating-point value, and as bits whose low part is n plus
    ``biases`` times the exponent bias of the type."""
    magic = 1.5 * 2.0 ** MANTISSA_BITS[x.element] + biases * EXPONENT_BIAS[x.element]
    shifted = fma(x, factor, magic)
    return shifted - magic, shifted.bits()


def reduce_by_ln2(x: Value, biases: int) -> tuple[Value, Value, Value]:
    """r and n of ``x = n ln(2) + r``, and n as bits with ``biases`` exponent biases added."""
    n, bits = round_to_integer(x, LOG2_E[x.element][0], biases)
    high, low = LN2[x.element]
    return fma(n, -low, fma(n, -high, x)), n, bits


def lost_by_reduction(x: Value, r: Value, n: Value) -> Value:
    """What rounding lost of the r that :func:`reduce_by_ln2` gives."""
    high, low = LN2[x.element]
    return fma(n, -low, fma(n, -high, x) - r)


def exponent_to_power(biased: Value, type: str) -> Value:
    """``2**n`` for bits whose low part is n plus one exponent bias, n being within the normal exponents."""
    return (biased << MANTISSA_BITS[type]).bitcast(type)


def scale(x: Value, biased: Value) -> Value:
    """``x * 2**n`` rounded once, where 2**n may be beyond the normal numbers: it is multiplied in two halves.

    ``biased`` has n plus two exponent biases in its low part.
    """
    half = biased >> 1
    return x * exponent_to_power(half, x.element) * exponent_to_power(biased - half, x.element)


def exponential_tail(r: Value, precision: str) -> Value:
    """exp(r) - 1 for ``|r| <= ln(2)/2``, with an error that is small next to one's, not relative to itself."""
    return r * fma(r, polynomial(r, EXP[precision]), 1.0)


def exponential(x: Value, precision: str) -> Value:
    """exp of a value that is within ``EXP_BOUNDS`` or NaN.

    At the lower bound (a masked score, say) zero is multiplied: numbers that underflow cost a hundred cycles.
    """
    r, _, bits = reduce_by_ln2(x, biases=2)
    power = fma(r, fma(r, polynomial(r, EXP[precision]), 1.0), 1.0)
    return scale(where(x <= EXP_BOUNDS[x.element][1], 0.0, power), bits)


def exp(x: Value) -> Value:
    """e**x."""
    high, low = EXP_BOUNDS[x.element]
    return exponential(maximum(low, minimum(high, x)), x.element)


def power_of_two(x: Value, precision: str, correction: Value | None = None) -> Value:
    """``2**(x + correction)`` for x within ``EXP2_BOUNDS`` or NaN, and a tiny correction if there is one."""
    n, bits = round_to_integer(x, 1.0, biases=1 if precision == "wide" else 2)
    f = x - n
    if correction is not None:
        f = f + correction
    power = fma(f, polynomial(f, EXP2[precision]), 1.0)
    return power * exponent_to_power(bits, x.element) if precision == "wide" else scale(power, bits)


def exp2(x: Value) -> Value:
    """2**x; exact for integers."""
    high, low = EXP2_BOUNDS[x.element]
    return power_of_two(maximum(low, minimum(high, x)), x.element)


def expm1(x: Value) -> Value:
    """e**x - 1, accurate near zero."""
    saturated = -0.75 * (MANTISSA_BITS[x.element] + 2)
    bounded = maximum(saturated, minimum(EXP_BOUNDS[x.element][0], x))
    r, n, bits = reduce_by_ln2(bounded, biases=1)
    # The greatest n has a finite result but no power of two of its own: there, half of everything is doubled.
    greatest = n > EXPONENT_BIAS[x.element]
    power = exponent_to_power(bits - where(greatest, bits.constant(1), 0), x.element)
    below = power - where(greatest, r.constant(0.5), 1.0)
    leading = fma(power, r, below)
    lost = fma(power, r, below - leading)
    half = leading + fma(power, fma(r * r, polynomial(r, EXPM1[x.element]), lost_by_reduction(bounded, r, n)), lost)
    return (half * where(greatest, r.constant(2.0), 1.0)).copysign(x)


def sigmoid(x: Value) -> Value:
    """1 / (1 + e**-x): with ``e = exp(-|x|)`` and ``q = e / (1 + e)``, 1 - q for positive x and e (1 - q), which is q
    again but less rounded, for negative x. Nothing overflows and small results keep their precision."""
    e = exponential(maximum(EXP_BOUNDS[x.element][1], -abs(x)), x.element)
    quotient = e / (e + 1.0)
    factor = where(x < 0.0, e, 1.0)
    return fma(-factor, quotient, factor)
