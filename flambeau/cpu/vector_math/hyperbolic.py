"""sinh, cosh, tanh and their inverses."""

from __future__ import annotations

from ..values import Value, fma, where
from .coefficients import EXP, SINH, TANH
from .exponential import EXP_BOUNDS, exponent_to_power, exponential_tail, lost_by_reduction, reduce_by_ln2
from .formats import INFINITY, MANTISSA_BITS, NAN, minimum, polynomial
from .logarithm import exponent_of_one_plus, natural, with_special_cases


def quarter_exponential(x: Value) -> tuple[Value, Value]:
    """exp(x) / 4 for x >= 0, or NaN, as a number and a smaller term; four times that overflows, but no earlier than
    twice, which is what sinh and cosh are for large x."""
    x = minimum(EXP_BOUNDS[x.element][0] + 0.5, x)
    r, n, bits = reduce_by_ln2(x, biases=1)
    leading = r + 1.0
    lost = ((1.0 - leading) + r) + lost_by_reduction(x, r, n)
    power = exponent_to_power(bits - 2, x.element)
    return power * leading, power * fma(r * r, polynomial(r, EXP[x.element]), lost)


def sinh(x: Value) -> Value:
    """The hyperbolic sine: from exponentials above one, a polynomial below."""
    size = abs(x)
    power, tail = quarter_exponential(size)
    half = (tail - 0.0625 / (power + tail)) + power
    square = size * size
    small = fma(size * square, polynomial(square, SINH[x.element]), size)
    return where(size < 1.0, small, half + half).copysign(x)


def cosh(x: Value) -> Value:
    """The hyperbolic cosine."""
    power, tail = quarter_exponential(abs(x))
    half = (tail + 0.0625 / (power + tail)) + power
    return half + half


def tanh(x: Value) -> Value:
    """The hyperbolic tangent: a polynomial below 15/16, ``1 - 2 / (exp(2|x|) + 1)`` above, where the quotient is small."""
    saturated = 0.75 * (MANTISSA_BITS[x.element] + 2)
    size = abs(x)
    square = size * size
    small = fma(size * square, polynomial(square, TANH[x.element]), size)
    r, _, bits = reduce_by_ln2(minimum(saturated, size + size), biases=1)
    power = exponent_to_power(bits, x.element)
    large = 1.0 - 2.0 / fma(power, exponential_tail(r, x.element), power + 1.0)
    return where(size < 0.9375, small, large).copysign(x)


def asinh(x: Value) -> Value:
    """The inverse hyperbolic sine, sign(x) log(a + sqrt(a² + 1)) with a = |x|."""
    if x.element == "float":
        return inverse_sine(x.widen(), "wide").narrow()
    return inverse_sine(x, "double")


def inverse_sine(x: Value, precision: str) -> Value:
    size = abs(x)
    square = size * size
    argument = size + square / ((square + 1.0).sqrt() + 1.0)
    return logarithm_of_double(size, argument, precision).copysign(x)


def acosh(x: Value) -> Value:
    """The inverse hyperbolic cosine, log(x + sqrt(x² - 1)) for x >= 1."""
    if x.element == "float":
        return inverse_cosine(x.widen(), "wide").narrow()
    return inverse_cosine(x, "double")


def inverse_cosine(x: Value, precision: str) -> Value:
    above = x - 1.0
    argument = above + (above * (above + 2.0)).sqrt()
    return where(x < 1.0, NAN, logarithm_of_double(x, argument, precision))


def logarithm_of_double(x: Value, argument: Value, precision: str) -> Value:
    """log(1 + argument), or log(2 x) for x so large that the argument may have overflowed."""
    huge = x > 2.0**500
    e, f = exponent_of_one_plus(where(huge, x, argument))
    return where(x < INFINITY, natural(e + where(huge, x.constant(1.0), 0.0), f, precision), x)


def atanh(x: Value) -> Value:
    """The inverse hyperbolic tangent, sign(x) log(1 + 2a / (1 - a)) / 2 with a = |x| <= 1."""
    if x.element == "float":
        return inverse_tangent(x.widen(), "wide").narrow()
    return inverse_tangent(x, "double")


def inverse_tangent(x: Value, precision: str) -> Value:
    size = abs(x)
    argument = (size + size) / (1.0 - size)
    result = natural(*exponent_of_one_plus(argument), precision)
    return (with_special_cases(result, argument, pole=-1.0) * 0.5).copysign(x)
