"""Functions of one number and of two that are composed of several primitives, or computed by NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import return_types
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import whole_number
from ..graph.dtypes import TYPE_NAMES, float64, get_default_dtype, int32, result_type
from ..graph.primitives import FLOAT_FUNCTIONS as F
from ..graph.shapes import Size, broadcast_shapes
from .choice import where
from .conversion import check_floating, computed_in_double, converted, floating, rounded_once
from .creation import filled
from .dispatch import no_slope, not_a_tensor, tracked, with_history
from .elementwise import differentiated, gradient_class
from .functions import exp, exp2, log, log1p, maximum, trunc
from .host import on_host
from .one_node import one_node
from .operation import operation
from .recording_paths import ternary, unary

# --- units, signs, rounding -----------------------------------------------------------------------------------------------


@operation(inplace=True, out=True)
@one_node("Deg2RadBackward0")
def deg2rad(input: Tensor) -> Tensor:
    """Degrees to radians."""
    return input * (math.pi / 180)


@operation(inplace=True, out=True)
@one_node("Rad2DegBackward0")
def rad2deg(input: Tensor) -> Tensor:
    """Radians to degrees."""
    return input * (180 / math.pi)


@operation(out=True)
@differentiated(no_slope)
def angle(input: Tensor) -> Tensor:
    """0 for positive numbers, π for negative ones, NaN for NaN."""
    x = floating(input)
    return where(x.isnan(), x, where(x < 0, math.pi, x * 0 if x.numel() == 0 else where(x < 0, x, 0.0)))


RoundBackward0 = gradient_class("RoundBackward0", no_slope, ("input",), 1)


@operation(inplace=True, out="exact")
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Nearest integer, halves to even; or to ``decimals`` places."""
    if decimals:
        check_floating("round_cpu", input.dtype)
        return _rounded(input, max(-400, min(decimals, 400)))  # beyond these the powers of ten are zero or infinite anyway
    return unary(p.ROUND, input, RoundBackward0)


@differentiated(no_slope, name="RoundBackward1")
def _rounded(input: Tensor, decimals: int) -> Tensor:
    power = float(f"1e{decimals if decimals > 0 else -decimals}")  # infinite where there is no such number
    if decimals > 0:
        return unary(p.ROUND, input * power) / power
    return unary(p.ROUND, input / power) * power


@operation(only="special.round", out="exact")
def special_round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Nearest floating-point number of so many decimal places, halves to even. ``NotImplementedError`` for integers."""
    check_floating("round_vml_cpu", input.dtype)
    return round(input, decimals=decimals)


@operation(inplace=True, out="exact")
@differentiated(lambda grad: grad)
def frac(input: Tensor) -> Tensor:
    """What is left after the integer part."""
    check_floating("frac_cpu", input.dtype)
    return input - trunc(input)


# --- mantissas and exponents ----------------------------------------------------------------------------------------------


@operation(out=True)
@one_node("FrexpBackward0")
def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """(mantissa, exponent) with input = mantissa · 2^exponent and mantissas in [0.5, 1), exponents int32."""
    if input.dtype.kind != "float":
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    mantissa, exponent = on_host(np.frexp, {}, [(input.shape, input.dtype), (input.shape, int32)], input.detach())
    if tracked(input):
        mantissa = input / _power_of_two(exponent, input)
    return return_types.frexp((mantissa, exponent))  # type: ignore[no-any-return]


def _power_of_two(exponent: Tensor, like: Tensor) -> Tensor:
    """2 to the power of ``exponent``: of integers, in the floating-point dtype of ``like``."""
    return exp2(exponent if exponent.dtype.category == 2 else converted(exponent, floating(like).dtype))


@operation(inplace=True, out=True)
@one_node("LdexpBackward0")
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """input · 2^other."""
    if other.dtype.kind == "bool" and input.dtype.category == 2:
        raise NotImplementedError("\"ldexp_cpu_exp\" not implemented for 'Bool'")
    return input * _power_of_two(other, input)


# --- integers -------------------------------------------------------------------------------------------------------------


def _of_integers(function: np.ufunc, input: Tensor, other: Tensor) -> Tensor:
    d = result_type([(t.dtype, 0 if t.ndim else 1) for t in (input, other)])
    if d.category != 1:
        raise NotImplementedError(f"\"{function.__name__}_cpu\" not implemented for '{TYPE_NAMES[d]}'")
    shape = broadcast_shapes(input.shape, other.shape)
    return on_host(function, {}, [(shape, d)], converted(input, d), converted(other, d))[0]


@operation(inplace=True, out=True)
def gcd(input: Tensor, other: Tensor) -> Tensor:
    """Greatest common divisors of integers."""
    return _of_integers(np.gcd, input, other)


@operation(inplace=True, out=True)
def lcm(input: Tensor, other: Tensor) -> Tensor:
    """Least common multiples of integers."""
    return _of_integers(np.lcm, input, other)


# --- hypotenuses ----------------------------------------------------------------------------------------------------------


def _check_one_floating(name: str, a: Tensor, b: Tensor) -> None:
    if a.dtype.category < 2 and b.dtype.category < 2:
        check_floating(f"{name}_cpu", a.dtype)


@operation(inplace=True, out=True)
@differentiated(
    lambda grad, input, result: grad * (input / result), lambda grad, other, result: grad * (other / result)
)
def hypot(input: Tensor, other: Tensor) -> Tensor:
    """sqrt(input² + other²), although the squares may be out of range; infinite if one of them is, even beside NaN."""
    _check_one_floating("hypot", input, other)
    return _hypot(input, other, float64 in (input.dtype, other.dtype))


@computed_in_double
def _hypot(a: Tensor, b: Tensor, scaled: bool) -> Tensor:
    """``scaled``: what the squares would make too large or too small is first brought back by a power of two."""
    infinite = a.isinf() | b.isinf()
    if not scaled:
        return where(infinite, math.inf, ternary(p.FMA, a * a, b, b).sqrt())
    size = maximum(a.abs(), b.abs())
    scale = where(size > 2.0**500, 2.0**-600, where(size < 2.0**-450, 2.0**600, filled(Size(()), 1.0, float64)))
    a, b = a * scale, b * scale
    return where(infinite, math.inf, ternary(p.FMA, a * a, b, b).sqrt() / scale)


# --- logarithms of sums ---------------------------------------------------------------------------------------------------


def _share(power: Any) -> Any:
    """Gradients of a logarithm of a sum: each operand's share of the sum, by the function of which it is the logarithm."""

    def slopes(grad: Tensor, input: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        difference = other - input
        return grad / (power(difference) + 1), grad / (power(-difference) + 1)

    return slopes


@operation(out=True)
@differentiated(_share(exp), operands=2)
def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """log(exp(input) + exp(other)), without overflow."""
    _check_one_floating("logaddexp", input, other)
    return _logarithm_of_sum(input, other, "exp", 1.0)


@operation(out=True)
@differentiated(_share(exp2), operands=2)
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """log2(2^input + 2^other), without overflow."""
    _check_one_floating("logaddexp2", input, other)
    return _logarithm_of_sum(input, other, "exp2", math.log2(math.e))


@rounded_once
def _logarithm_of_sum(a: Tensor, b: Tensor, power: str, factor: float) -> Tensor:
    """The larger one, and the logarithm of what the smaller one adds; equal infinities are their own sum."""
    larger = maximum(a, b)
    added = unary(F["log1p"], unary(F[power], -(a - b).abs()))
    total = larger + added if factor == 1 else ternary(p.FMA, larger, added, factor)
    return where((a == b) & a.isinf(), larger, total)


# --- products with logarithms ---------------------------------------------------------------------------------------------

# Named by which operand is a number: none, the first, the second.
_XLOGY = [
    gradient_class(
        f"XlogyBackward{number}",
        (
            lambda grad, input, other: grad * where((input == 0) & (other <= 0), 0.0, log(other)),
            lambda grad, input, other: grad * input / other,
        ),
        ("input", "other"),
        2,
    )
    for number in range(3)
]
_XLOG1PY = gradient_class(
    "SpecialXlog1PyBackward0",
    (
        lambda grad, input, other: grad * where((input == 0) & (other <= -1), 0.0, log1p(other)),
        lambda grad, input, other: grad * input / (other + 1),
    ),
    ("input", "other"),
    2,
)


@operation("special.xlogy", inplace=True, out=True)
def xlogy(input: Any, other: Any) -> Tensor:
    """input · log(other), zero where input is zero (unless other is NaN)."""
    which = 1 if not isinstance(input, Tensor) else 2 if not isinstance(other, Tensor) else 0
    return _with_logarithm("xlogy", "log", _XLOGY[which], input, other)


@operation(only="special.xlog1py", out=True)
def xlog1py(input: Any, other: Any) -> Tensor:
    """input · log(1 + other), zero where input is zero (unless other is NaN)."""
    return _with_logarithm("special_xlog1py", "log1p", _XLOG1PY, input, other)


def _with_logarithm(name: str, logarithm: str, gradient: Any, a: Any, b: Any) -> Tensor:
    """One operand may be a number: it becomes a tensor of the other's dtype."""
    if not (isinstance(a, Tensor) or isinstance(b, Tensor)):
        raise not_a_tensor(name, input=a)
    a = a if isinstance(a, Tensor) else _number_beside(a, b)
    b = b if isinstance(b, Tensor) else _number_beside(b, a)
    result = _times_logarithm(logarithm, a.detach(), b.detach())
    return with_history(result, gradient, [a, b])


def _number_beside(value: Any, x: Tensor) -> Tensor:
    d = x.dtype if x.dtype.category == 2 else get_default_dtype()
    return filled(Size(()), whole_number(value, d) if type(value) is int else value, d)


@rounded_once
def _times_logarithm(logarithm: str, a: Tensor, b: Tensor) -> Tensor:
    return where((a == 0) & ~b.isnan(), 0.0, a * unary(F[logarithm], b))
