"""The table of functions of one number and of two that are a primitive each: name, meaning, derivative, further names."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor
from ..graph import primitives as p
from .choice import where
from .dispatch import no_slope
from .elementwise import Function, function, function_of_two
from .recording_paths import binary

# --- exponentials and logarithms ------------------------------------------------------------------------------------------

exp = function("exp", "e to the power of each element.", lambda grad, result: grad * result)
exp2 = function(
    "exp2", "2 to the power of each element.", lambda grad, result: grad * result * math.log(2), "special.exp2"
)
expm1 = function(
    "expm1", "exp(x) - 1, accurate near zero.", lambda grad, result: grad * (result + 1), "special.expm1"
)
log = function("log", "Natural logarithm.", lambda grad, input: grad / input)
log2 = function("log2", "Logarithm to base 2.", lambda grad, input: grad / (input * math.log(2)))
log10 = function("log10", "Logarithm to base 10.", lambda grad, input: grad / (input * math.log(10)))
log1p = function(
    "log1p", "log(1 + x), accurate near zero.", lambda grad, input: grad / (input + 1), "special.log1p"
)
sqrt = function("sqrt", "Square root; NaN for negative numbers.", lambda grad, result: grad / (result * 2))
rsqrt = function("rsqrt", "1 / sqrt(x).", lambda grad, result: grad * -0.5 * (result * result * result))
reciprocal = function("reciprocal", "``1 / input``.", lambda grad, result: -grad * (result * result))
sigmoid = function(
    "sigmoid", "1 / (1 + exp(-x)).", lambda grad, result: grad * ((1 - result) * result), "special.expit"
)

# --- trigonometric and hyperbolic functions and their inverses ------------------------------------------------------------

sin = function("sin", "Sine of radians.", lambda grad, input: grad * cos(input))
cos: Function = function("cos", "Cosine of radians.", lambda grad, input: grad * -sin(input))
tan = function("tan", "Tangent of radians.", lambda grad, result: grad * (result * result + 1))
asin = function("asin", "Inverse sine, in radians.", lambda grad, input: grad * rsqrt(1 - input * input), "arcsin")
acos = function("acos", "Inverse cosine, in radians.", lambda grad, input: grad * -rsqrt(1 - input * input), "arccos")
atan = function("atan", "Inverse tangent, in radians.", lambda grad, input: grad / (input * input + 1), "arctan")
sinh = function("sinh", "Hyperbolic sine.", lambda grad, input: grad * cosh(input))
cosh: Function = function("cosh", "Hyperbolic cosine.", lambda grad, input: grad * sinh(input))
tanh = function("tanh", "Hyperbolic tangent.", lambda grad, result: grad * (1 - result * result))
asinh = function("asinh", "Inverse hyperbolic sine.", lambda grad, input: grad * rsqrt(input * input + 1), "arcsinh")
acosh = function("acosh", "Inverse hyperbolic cosine.", lambda grad, input: grad * rsqrt(input * input - 1), "arccosh")
atanh = function("atanh", "Inverse hyperbolic tangent.", lambda grad, input: grad / (1 - input * input), "arctanh")


def _angle_slopes(grad: Tensor, input: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    square = other * other + input * input
    scale = grad * where(square == 0, 0.0, 1 / square)
    return scale * other, scale * -input


atan2 = function_of_two("atan2", "The angle of (other, input), in radians.", _angle_slopes, "arctan2")

# --- error and gamma functions --------------------------------------------------------------------------------------------

erf = function(
    "erf", "Error function.",
    lambda grad, input: grad * (exp(-(input * input)) * (2 / math.sqrt(math.pi))), "special.erf",
)  # fmt: skip
erfc = function(
    "erfc", "1 - erf(x), accurate for large x.",
    lambda grad, input: grad * (exp(-(input * input)) * (-2 / math.sqrt(math.pi))), "special.erfc",
)  # fmt: skip
erfinv = function(
    "erfinv", "Inverse of the error function.",
    lambda grad, result: grad * (exp(result * result) * (math.sqrt(math.pi) / 2)), "special.erfinv",
)  # fmt: skip
digamma = function(
    "digamma", "Logarithmic derivative of the gamma function.",
    lambda grad, input: grad * input.polygamma(1), "special.digamma", "special.psi",
)  # fmt: skip
lgamma = function(
    "lgamma", "Logarithm of the absolute value of the gamma function.",
    lambda grad, input: grad * digamma(input), "special.gammaln",
)  # fmt: skip

# --- signs and rounding ---------------------------------------------------------------------------------------------------

neg = function("neg", "``-input``. ``RuntimeError`` for booleans.", lambda grad: -grad, "negative", out="exact")
sign = function("sign", "-1, 0 or 1 by sign.", no_slope, out="exact")
abs = function("abs", "Absolute value.", lambda grad, input: grad * sign(input), "absolute", out="exact")
sgn = function("sgn", "-1, 0 or 1 by sign.", no_slope, primitive=p.SIGN, out="exact")
floor = function("floor", "Largest integer not above.", no_slope, out="exact")
ceil = function("ceil", "Smallest integer not below.", no_slope, out="exact")
trunc = function("trunc", "Integer part.", no_slope, "fix", out="exact")


def _of_sizes(grad: Tensor, input: Tensor, other: Any) -> Tensor:
    size = input.detach()
    return grad * where(size == 0, 0.0, binary(p.COPYSIGN, size, other) / size)


copysign = function_of_two(
    "copysign", "The size of ``input`` with the sign of ``other``.", (_of_sizes, no_slope),
    numbers="other", zero_curvature=True,
)  # fmt: skip
nextafter = function_of_two(
    "nextafter", "The next representable number towards ``other``.",
    (lambda grad, input, other: where(input == other, 0.0, grad), no_slope),
)  # fmt: skip

# --- classes of numbers, and bits -----------------------------------------------------------------------------------------

isnan = function("isnan", "Where elements are NaN.", inplace=False, out=False)
isinf = function("isinf", "Where elements are infinite.", inplace=False, out=False)
isfinite = function("isfinite", "Where elements are neither infinite nor NaN.", inplace=False, out=False)
signbit = function("signbit", "Where the sign bit is set (negative numbers, and -0).", inplace=False, out="exact")
logical_not = function("logical_not", "Where elements are zero.")
bitwise_not = function(
    "bitwise_not", "All bits turned over; for booleans, not. ``RuntimeError`` for floats.", out="exact"
)
logical_and = function_of_two("logical_and", "Where both are nonzero.")
logical_or = function_of_two("logical_or", "Where at least one is nonzero.")
logical_xor = function_of_two("logical_xor", "Where exactly one is nonzero.")
bitwise_and = function_of_two("bitwise_and", "Bits set in both; integers and booleans only.", numbers="either")
bitwise_or = function_of_two("bitwise_or", "Bits set in either; integers and booleans only.", numbers="either")
bitwise_xor = function_of_two("bitwise_xor", "Bits set in one of both; integers and booleans only.", numbers="either")
bitwise_left_shift = function_of_two("bitwise_left_shift", "Bits moved up.", primitive=p.LEFT_SHIFT, numbers="either")
bitwise_right_shift = function_of_two(
    "bitwise_right_shift", "Bits moved down, the sign kept.", primitive=p.RIGHT_SHIFT, numbers="either"
)

# --- comparisons ----------------------------------------------------------------------------------------------------------

eq = function_of_two("eq", "Where ``input == other``, as booleans.", numbers="other")
ne = function_of_two("ne", "Where ``input != other``, as booleans.", None, "not_equal", numbers="other")
lt = function_of_two("lt", "Where ``input < other``, as booleans.", None, "less", numbers="other")
le = function_of_two("le", "Where ``input <= other``, as booleans.", None, "less_equal", numbers="other")
gt = function_of_two("gt", "Where ``input > other``, as booleans.", None, "greater", numbers="other")
ge = function_of_two("ge", "Where ``input >= other``, as booleans.", None, "greater_equal", numbers="other")

# --- the larger and the smaller of two ------------------------------------------------------------------------------------


def _to_larger(grad: Tensor, input: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient goes to the larger operand; half to each where they are equal."""
    halved = where(input == other, grad * 0.5, grad)
    return where(input < other, 0.0, halved), where(input > other, 0.0, halved)


def _to_smaller(grad: Tensor, input: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    return _to_larger(grad, input, other)[::-1]


maximum = function_of_two("maximum", "The larger of two; NaN if either is.", _to_larger, inplace=False)
minimum = function_of_two("minimum", "The smaller of two; NaN if either is.", _to_smaller, inplace=False)


def _to_one(grad: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    return where(first, grad, 0.0), where(first, 0.0, grad)


fmax = function_of_two(
    "fmax", "The larger of two; a NaN yields to a number.",
    lambda grad, input, other: _to_one(grad, (input >= other) | other.isnan()), inplace=False,
)  # fmt: skip
fmin = function_of_two(
    "fmin", "The smaller of two; a NaN yields to a number.",
    lambda grad, input, other: _to_one(grad, (input <= other) | other.isnan()), inplace=False,
)  # fmt: skip
