"""Functions of complex numbers: absolute values and angles, exponentials, logarithms, powers, circular, hyperbolic functions."""

from __future__ import annotations

import math
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import complex128, float64
from .arithmetic import divided, multiplied
from .calls import complex_operation
from .holomorphic import Derivative, holomorphic
from .parts import Parts, as_complex, made, parts
from .tensor import ComplexTensor


@complex_operation()
def abs(input: ComplexTensor) -> Tensor:
    """The absolute value, whose gradient is zero at zero."""
    x, y = parts(input)
    zero = (x == 0) & (y == 0)
    size: Tensor = x.masked_fill(zero, 1.0).hypot(y).masked_fill(zero, 0.0)
    return size


@complex_operation()
def angle(input: ComplexTensor) -> Tensor:
    x, y = parts(input)
    return y.atan2(x)


@complex_operation("sgn")
def sgn(input: ComplexTensor) -> Tensor:
    x, y = parts(input)
    size = abs(input)
    size = size.masked_fill(size == 0, 1.0)
    return made(x / size, y / size)


def _exponential(z: Parts) -> Parts:
    x, y = z
    if not isinstance(x, Tensor):
        x = y.new_tensor(x)
    size = x.exp()
    imaginary = size * y.sin()
    return size * y.cos(), imaginary.where((y != 0) | (size < math.inf), y)  # infinite numbers stay real


def _logarithm(z: Parts) -> Parts:
    x, y = z
    return x.hypot(y).log(), y.atan2(x)


@complex_operation()
def exp(input: ComplexTensor) -> Tensor:
    return made(*_exponential(parts(input)))


@complex_operation()
def exp2(input: ComplexTensor) -> Tensor:
    x, y = parts(input)
    return made(*_exponential((x * math.log(2), y * math.log(2))))


@complex_operation()
def expm1(input: ComplexTensor) -> Tensor:
    x, y = parts(input)
    half = (y / 2).sin()
    return made(x.expm1() * y.cos() - 2 * half * half, x.exp() * y.sin())


@complex_operation()
def log(input: ComplexTensor) -> Tensor:
    return made(*_logarithm(parts(input)))


def _to_base(name: str, base: float) -> None:
    def logarithm(input: ComplexTensor) -> Tensor:
        x, y = _logarithm(parts(input))
        return made(x / math.log(base), y / math.log(base))

    complex_operation(name)(logarithm)


_to_base("log2", 2)
_to_base("log10", 10)


@complex_operation()
@holomorphic("log1p", lambda z, w: 1 / (z + 1))
def log1p(input: ComplexTensor) -> Tensor:
    x, y = parts(input)
    return made((x * (2 + x) + y * y).log1p() / 2, y.atan2(1 + x))


@complex_operation()
@holomorphic("sqrt", lambda z, w: 0.5 / w)
def sqrt(input: ComplexTensor) -> Tensor:
    """The root with the real part that is not negative: of the larger of the parts first, the other is a quotient."""
    x, y = parts(input)
    larger = ((abs(input) + x.abs()) / 2).sqrt()
    safe = larger.masked_fill(larger == 0, 1.0)
    smaller = y / (2 * safe)
    right = x >= 0
    return made(larger.where(right, smaller.abs()), smaller.where(right, larger.copysign(y)))


@complex_operation()
def rsqrt(input: ComplexTensor) -> Tensor:
    return made(*divided((1.0, None), parts(sqrt(input))))


def _whole_power(z: Parts, power: int) -> Parts:
    result: Parts | None = None
    factor, left = z, power if power >= 0 else -power
    while left:
        if left & 1:
            result = factor if result is None else multiplied(result, factor)
        left >>= 1
        if left:
            factor = multiplied(factor, factor)
    assert result is not None
    return result if power > 0 else divided((1.0, None), result)


@complex_operation()
def float_power(input: Any, exponent: Any) -> Tensor:
    wide = [x.to(complex128 if x.dtype.kind == "complex" else float64) if isinstance(x, Tensor) else x for x in (input, exponent)]
    return pow(*wide)


@complex_operation()
def pow(input: Any, exponent: Any) -> Tensor:
    """``exp(exponent * log(input))``; small whole powers are products, and 0 to a power is 0, or 1 to the power 0."""
    if isinstance(input, ComplexTensor) and isinstance(exponent, (int, float)):
        if exponent == 0:
            return made(input.real * 0 + 1, input.real * 0)
        if exponent == 0.5:
            return sqrt(input)
        if exponent == int(exponent) and -8 <= exponent <= 8:
            return made(*_whole_power(parts(input), int(exponent)))
    base, power = [x if isinstance(x, Tensor) else None for x in (input, exponent)]
    like: Any = base if base is not None else power
    z = as_complex(input if base is not None else like.real.new_full((), 1.0) * 0 + complex(input))
    zero = (z.real == 0) & (z.imag == 0)
    logarithm = _logarithm((z.real.masked_fill(zero, 1.0), z.imag))
    x, y = _exponential(multiplied(logarithm, parts(exponent)))
    one = (exponent.eq(0) if isinstance(exponent, Tensor) else exponent == 0) & zero
    at_zero = one.to(x.dtype) if isinstance(one, Tensor) else float(one)
    return made(x.where(~zero, at_zero), y.masked_fill(zero, 0.0))


@complex_operation()
def sigmoid(input: ComplexTensor) -> Tensor:
    x, y = parts(input)
    u, v = _exponential((-x, -y))
    return made(*divided((1.0, None), (1 + u, v)))


@complex_operation()
def silu(input: ComplexTensor) -> Tensor:
    return input * sigmoid(input)  # type: ignore[no-any-return]


@complex_operation()
def softsign(input: ComplexTensor) -> Tensor:
    return input / (1 + abs(input))


@complex_operation()
def tanhshrink(input: ComplexTensor) -> Tensor:
    return input - input.tanh()  # type: ignore[no-any-return]


# --- circular and hyperbolic ------------------------------------------------------------------------------------------


def _turned(z: Parts) -> Parts:
    """``i * z``."""
    x, y = z
    return -y, x


def _turned_back(z: Parts) -> Parts:
    """``z / i``."""
    x, y = z
    return y, -x


def _sine(z: Parts) -> Parts:
    x, y = z
    return x.sin() * y.cosh(), x.cos() * y.sinh()


def _cosine(z: Parts) -> Parts:
    x, y = z
    return x.cos() * y.cosh(), -(x.sin() * y.sinh())


def _tangent(z: Parts) -> Parts:
    x, y = z
    t, h = x.tan(), y.tanh()
    size = 1 + (t * h) * (t * h)
    return t * (1 - h) * (1 + h) / size, h * (1 + t * t) / size


def _arcsine(z: Parts) -> Parts:
    """After Hull, Fairgrieve and Tang (1997), without their care for the largest and the smallest numbers."""
    x, y = z
    a, b = x.abs(), y.abs()
    r, s = (a + 1).hypot(b), (a - 1).hypot(b)
    mean = (r + s) / 2
    inside = a < 1
    above_one = 1 - a
    beyond = (b * b / (r + a + 1) + (b * b / (s + above_one.abs())).where(inside, s - above_one)) / 2
    outside = s - above_one
    outside = b * b / outside.masked_fill(outside == 0, 1.0)
    nearer = ((mean + a) * ((b * b / (r + a + 1) + (s + above_one).where(inside, outside)) / 2)).sqrt()
    real = a.atan2(nearer)
    imaginary = (beyond + (beyond * (mean + 1)).sqrt()).log1p()
    return real.copysign(x), imaginary.copysign(y)


def _arctangent(z: Parts) -> Parts:
    x, y = z
    return (2 * x).atan2((1 - x) * (1 + x) - y * y) / 2, (4 * y / (x * x + (1 - y) * (1 - y))).log1p() / 4


def _arccosine(z: Parts) -> Parts:
    x, y = _arcsine(z)
    return math.pi / 2 - x, -y


def _area_cosine(z: Parts) -> Parts:
    x, y = _arccosine(z)
    return y.abs(), x.copysign(z[1])


_ONE = 1 + 0j
"""Added as a complex number, it makes a negative zero a positive one, which decides on which side of a cut a root lies."""


def _declared(name: str, function: Any, wide: bool = False, derivative: Derivative | None = None) -> None:
    def operation(input: ComplexTensor) -> Tensor:
        z = parts(input)
        narrow = z[0].dtype
        if wide and narrow is not float64:
            x, y = function((z[0].to(float64), z[1].to(float64)))
            return made(x.to(narrow), y.to(narrow))
        return made(*function(z))

    complex_operation(name)(operation if derivative is None else holomorphic(name, derivative)(operation))


_declared("sin", _sine)
_declared("cos", _cosine)
_declared("sinh", lambda z: _turned_back(_sine(_turned(z))))
_declared("cosh", lambda z: _cosine(_turned(z)))
_declared("tan", _tangent, derivative=lambda z, w: w * w + _ONE)
_declared("tanh", lambda z: _turned_back(_tangent(_turned(z))), derivative=lambda z, w: _ONE - w * w)
_declared("asin", _arcsine, wide=True, derivative=lambda z, w: (_ONE - z * z).rsqrt())
_declared("acos", _arccosine, wide=True, derivative=lambda z, w: -(_ONE - z * z).rsqrt())
_declared("atan", _arctangent, wide=True)
_declared("asinh", lambda z: _turned_back(_arcsine(_turned(z))), wide=True, derivative=lambda z, w: (z * z + _ONE).rsqrt())
_declared("acosh", _area_cosine, wide=True, derivative=lambda z, w: (z + (-1 + 0j)).rsqrt() * (z + _ONE).rsqrt())
_declared("atanh", lambda z: _turned_back(_arctangent(_turned(z))), wide=True, derivative=lambda z, w: 1 / (_ONE - z * z))


@complex_operation()
def sinc(input: ComplexTensor) -> Tensor:
    zero = (input.real == 0) & (input.imag == 0)
    x, y = input.real.masked_fill(zero, 1.0) * math.pi, input.imag * math.pi
    u, v = divided(_sine((x, y)), (x, y))
    return made(u.masked_fill(zero, 1.0), v.masked_fill(zero, 0.0))


@complex_operation()
def nan_to_num(input: ComplexTensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Tensor:
    x, y = parts(input)
    return made(x.nan_to_num(nan, posinf, neginf), y.nan_to_num(nan, posinf, neginf))

