"""Every elementwise primitive in NumPy: ``PRIMITIVES[name](d, *operands)`` with operands in registers of dtype ``d``, in which
the primitive computes (a condition is boolean). What float32 functions give is that of float64, rounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from flambeau.graph.dtypes import DType

from .fused_multiply_add import fma

Array = np.ndarray
Function = Callable[..., Array]
PRIMITIVES: dict[str, Function] = {}


def primitive(*names: str) -> Callable[[Function], Function]:
    """Declare a function as the primitives of these names."""

    def declare(function: Function) -> Function:
        for name in names:
            PRIMITIVES[name] = function
        return function

    return declare


def _by_kind(name: str, number: Function, boolean: Function) -> None:
    PRIMITIVES[name] = lambda d, *operands: (boolean if d.kind == "bool" else number)(*operands)


def _by_float(name: str, real: Function, other: Function) -> None:
    PRIMITIVES[name] = lambda d, *operands: (real if d.kind == "float" else other)(*operands)


# --- arithmetic ---------------------------------------------------------------------------------------------------

_by_kind("add", np.add, np.logical_or)
_by_kind("mul", np.multiply, np.logical_and)
for _name, _function in {"sub": np.subtract, "div": np.divide, "neg": np.negative, "sqrt": np.sqrt}.items():
    PRIMITIVES[_name] = lambda d, *operands, function=_function: function(*operands)
for _name, _function in {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint}.items():
    _by_float(_name, _function, lambda x: x)


@primitive("fma")
def _fma(d: DType, x: Array, y: Array, z: Array) -> Array:
    return fma(x, y, z) if d.kind == "float" else PRIMITIVES["add"](d, x, PRIMITIVES["mul"](d, y, z))


@primitive("copy", "cast", "check")
def _copy(d: DType, x: Array, *others: Array) -> Array:
    return x


@primitive("abs")
def _abs(d: DType, x: Array) -> Array:
    return x if d.kind == "bool" else np.abs(x)


@primitive("relu")
def _relu(d: DType, x: Array) -> Array:
    return x if d.kind == "bool" else np.where(x <= 0, np.zeros_like(x), x)  # NaN stays, -0 becomes 0


@primitive("sign")
def _sign(d: DType, x: Array) -> Array:
    return x if d.kind == "bool" else (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


@primitive("reciprocal")
def _reciprocal(d: DType, x: Array) -> Array:
    return np.ones_like(x) / x


@primitive("rsqrt")
def _rsqrt(d: DType, x: Array) -> Array:
    return np.ones_like(x) / np.sqrt(x)


@primitive("maximum")
def _maximum(d: DType, x: Array, y: Array) -> Array:
    return np.where((x > y) | (x != x), x, y)


@primitive("minimum")
def _minimum(d: DType, x: Array, y: Array) -> Array:
    return np.where((x < y) | (x != x), x, y)


@primitive("fmax")
def _fmax(d: DType, x: Array, y: Array) -> Array:
    return np.where((x > y) | (y != y), x, y)


@primitive("fmin")
def _fmin(d: DType, x: Array, y: Array) -> Array:
    return np.where((x < y) | (y != y), x, y)


# --- division with remainder ---------------------------------------------------------------------------------------


def _safe(y: Array) -> Array:
    """Divisors by which integers can be divided: one of 0 was reported before, and -1 overflows."""
    unsafe = (y == 0) | (y == -1) if y.dtype.kind == "i" else y == 0
    return np.where(unsafe, np.ones_like(y), y)


@primitive("trunc_divide")
def _trunc_divide(d: DType, x: Array, y: Array) -> Array:
    if d.kind == "float":
        return np.trunc(x / y)
    if d.kind == "bool":
        return x
    quotient = (x - np.fmod(x, _safe(y))) // _safe(y)
    return np.where(y == -1, -x, quotient) if d.signed else quotient


@primitive("floor_divide")
def _floor_divide(d: DType, x: Array, y: Array) -> Array:
    if d.kind == "float":
        return _float_floor_divide(x, y)
    if d.kind == "bool":
        return x
    quotient = x // _safe(y)
    return np.where(y == -1, -x, quotient) if d.signed else quotient


def _float_floor_divide(x: Array, y: Array) -> Array:
    """PyTorch's definition, which agrees with the remainder."""
    rest = np.fmod(x, y)
    quotient = (x - rest) / y
    quotient = np.where((rest != 0) & ((rest < 0) != (y < 0)), quotient - 1, quotient)
    floor = np.floor(quotient)
    floor = np.where(quotient - floor > 0.5, floor + 1, floor)
    floor = np.where(quotient == 0, np.copysign(np.zeros_like(x), x / y), floor)
    return np.where(y == 0, x / y, floor)


@primitive("remainder")
def _remainder(d: DType, x: Array, y: Array) -> Array:
    if d.kind == "float":
        rest = np.fmod(x, y)
        return np.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)
    return np.zeros_like(x) if d.kind == "bool" else _rest(np.remainder, x, y)


@primitive("fmod")
def _fmod(d: DType, x: Array, y: Array) -> Array:
    if d.kind == "float":
        return np.fmod(x, y)
    return np.zeros_like(x) if d.kind == "bool" else _rest(np.fmod, x, y)


def _rest(function: Function, x: Array, y: Array) -> Array:
    return np.where(_safe(y) == y, function(x, _safe(y)), np.zeros_like(x))


@primitive("pow")
def _pow(d: DType, x: Array, y: Array) -> Array:
    if d.kind == "float":
        return np.power(x.astype(np.float64), y.astype(np.float64)).astype(x.dtype)
    if d.kind == "bool":
        return x | ~y
    result, base, left = np.ones_like(x + y), x, y
    for _ in range(8 * d.itemsize - d.signed):
        result = np.where(left & 1 != 0, result * base, result)
        base, left = base * base, left >> 1
    if not d.signed:
        return result
    alternating = np.where(y & 1 != 0, -np.ones_like(x), np.ones_like(x))
    inverse = np.where(x == 1, np.ones_like(x), np.where(x == -1, alternating, np.zeros_like(x)))
    return np.where(y < 0, inverse, result)


# --- comparison, logic and bits -----------------------------------------------------------------------------------

for _name, _function in {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor, "bitwise_not": np.invert,
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor,
    "logical_not": np.logical_not, "where": np.where,
}.items():  # fmt: skip
    PRIMITIVES[_name] = lambda d, *operands, function=_function: function(*operands)

_by_float("isnan", np.isnan, lambda x: np.zeros(x.shape, bool))
_by_float("isinf", np.isinf, lambda x: np.zeros(x.shape, bool))
_by_float("isfinite", np.isfinite, lambda x: np.ones(x.shape, bool))
_by_float("signbit", np.signbit, lambda x: x < 0)


@primitive("lshift")
def _lshift(d: DType, x: Array, y: Array) -> Array:
    bits = 8 * d.itemsize
    beyond = (y < 0) | (y >= bits)
    return np.where(beyond, np.zeros_like(x), x << np.where(beyond, np.zeros_like(y), y))


@primitive("rshift")
def _rshift(d: DType, x: Array, y: Array) -> Array:
    bits = 8 * d.itemsize
    beyond = (y < 0) | (y >= bits)
    shifted = x >> np.where(beyond, np.full_like(y, bits - 1), y)
    return shifted if d.signed else np.where(beyond, np.zeros_like(x), shifted)


# --- functions of real numbers -------------------------------------------------------------------------------------

PRIMITIVES["copysign"] = lambda d, x, y: np.copysign(x, y)
PRIMITIVES["nextafter"] = lambda d, x, y: np.nextafter(x, y)


def _in_double(function: Any) -> Function:
    return lambda d, *operands: function(*[x.astype(np.float64) for x in operands]).astype(operands[0].dtype)


@primitive("lgamma")
@_in_double
def _lgamma(x: Array) -> Array:
    """SciPy's is infinite below 1e-305, where it is -log(abs(x)), and minus infinity at minus infinity."""
    small = np.abs(x) < 1e-300
    return np.where(small, -np.log(np.abs(x)), np.where(x == -np.inf, np.inf, special.gammaln(x)))


for _name, _function in {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "atan2": np.arctan2, "sigmoid": special.expit, "erf": special.erf, "erfc": special.erfc,
    "erfcx": special.erfcx, "erfinv": special.erfinv, "digamma": special.psi,
}.items():  # fmt: skip
    PRIMITIVES[_name] = _in_double(_function)
