"""sinh, cosh, tanh and their inverses."""

from __future__ import annotations

from .coefficients import SINH
from .exponential import EXP_BOUNDS, exponential, exponential_minus_one
from .logarithm import exponent_of_one_plus, natural, with_special_cases
from .values import INFINITY, MANTISSA_BITS, NAN, Value, fma, minimum, polynomial, where


def half_exponential(x: Value) -> Value:
    """exp(x) / 2 for x >= 0, or NaN; overflows no earlier than sinh and cosh."""
    return exponential(minimum(EXP_BOUNDS[x.type][0] + 1.0, x), x.type, halved=True)


def sinh(x: Value) -> Value:
    """The hyperbolic sine: from exponentials above one, a polynomial below."""
    size = abs(x)
    half = half_exponential(size)
    square = size * size
    small = fma(size * square, polynomial(square, SINH[x.type]), size)
    return where(size < 1.0, small, half - 0.25 / half).copysign(x)


def cosh(x: Value) -> Value:
    """The hyperbolic cosine."""
    half = half_exponential(abs(x))
    return half + 0.25 / half


def tanh(x: Value) -> Value:
    """The hyperbolic tangent, ``t / (1 + t)`` with ``t = (exp(2|x|) - 1) / 2``.

    For small t, rounding 1 + t costs a whole ulp; ``t - t (t / (1 + t))`` is the same number and does not suffer.
    """
    saturated = 0.75 * (MANTISSA_BITS[x.type] + 2)
    size = abs(x)
    t = exponential_minus_one(minimum(saturated, size + size), x.type) * 0.5
    quotient = t / (t + 1.0)
    return where(t < 0.5, fma(-t, quotient, t), quotient).copysign(x)


def asinh(x: Value) -> Value:
    """The inverse hyperbolic sine, sign(x) log(a + sqrt(a² + 1)) with a = |x|."""
    if x.type == "float":
        return inverse_sine(x.widen(), "wide").narrow()
    return inverse_sine(x, "double")


def inverse_sine(x: Value, precision: str) -> Value:
    size = abs(x)
    square = size * size
    argument = size + square / ((square + 1.0).sqrt() + 1.0)
    return logarithm_of_double(size, argument, precision).copysign(x)


def acosh(x: Value) -> Value:
    """The inverse hyperbolic cosine, log(x + sqrt(x² - 1)) for x >= 1."""
    if x.type == "float":
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
    if x.type == "float":
        return inverse_tangent(x.widen(), "wide").narrow()
    return inverse_tangent(x, "double")


def inverse_tangent(x: Value, precision: str) -> Value:
    size = abs(x)
    argument = (size + size) / (1.0 - size)
    result = natural(*exponent_of_one_plus(argument), precision)
    return (with_special_cases(result, argument, pole=-1.0) * 0.5).copysign(x)
