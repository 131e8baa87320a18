"""Less common functions of one or two numbers; some are computed by NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import return_types
from ..core.history import INPUTS, Gradient
from ..core.modes import without_history
from ..core.tensor import Tensor
from ..graph import dtypes
from .comparison import where
from .conversion import converted, floating
from .dispatch import attach, no_slope, not_a_tensor, tracked
from .exponentials import log
from .host import elementwise, on_host
from .one_node import one_node
from .operation import operation
from .precision import computed_in_double, rounded_once
from .trigonometry import sin

# --- classes of numbers -------------------------------------------------------------------------------------------------


class AngleBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return no_slope(grad)


@operation(out=True)
def angle(input: Tensor) -> Tensor:
    """0 for positive numbers, π for negative ones, NaN for NaN."""
    x = floating(input.detach())
    result = where(x.isnan(), x, where(x < 0, math.pi, x * 0 if x.numel() == 0 else where(x < 0, x, 0.0)))
    if tracked(input):
        attach(result, AngleBackward0, [input], [])
    return result


# --- parts of numbers ---------------------------------------------------------------------------------------------------


def _frexp(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mantissa, exponent = np.frexp(array)
    return mantissa, exponent


@operation(out="exact")
@one_node("FrexpBackward0")
def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """(mantissa, exponent) with input = mantissa · 2^exponent and mantissas in [0.5, 1), exponents int32."""
    if input.dtype.kind != "float":
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    outputs = [(input.shape, input.dtype), (input.shape, dtypes.int32)]
    mantissa, exponent = on_host(_frexp, {}, outputs, input.detach())
    if tracked(input):
        mantissa = input / exp2_of(exponent, input)
    return return_types.frexp((mantissa, exponent))  # type: ignore[no-any-return]


def exp2_of(exponent: Any, like: Tensor) -> Any:
    """2 to the power of ``exponent``: of integers, in the floating-point dtype of ``like``."""
    if not isinstance(exponent, Tensor):
        return 2.0**exponent
    return (exponent if exponent.dtype.category == 2 else converted(exponent, floating(like).dtype)).exp2()


@operation(inplace=True, out=True)
@one_node("LdexpBackward0")
def ldexp(input: Tensor, other: Any) -> Tensor:
    """input · 2^other."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("ldexp", input=input, other=other)
    if other.dtype.kind == "bool" and input.dtype.category == 2:
        raise NotImplementedError("\"ldexp_cpu_exp\" not implemented for 'Bool'")
    return input * exp2_of(other, input)


# --- integers -----------------------------------------------------------------------------------------------------------


def _whole(array: np.ndarray, other: np.ndarray, name: str) -> np.ndarray:
    return getattr(np, name)(array, other)  # type: ignore[no-any-return]


def _of_integers(name: str, input: Tensor, other: Tensor) -> Tensor:
    from ..graph.dtypes import result_type
    from ..graph.primitives import TYPE_NAMES
    from ..graph.shapes import broadcast_shapes

    d = result_type([(t.dtype, 0 if t.ndim else 1) for t in (input, other)])
    if d.category != 1:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{TYPE_NAMES[d]}'")
    shape = broadcast_shapes(input.shape, other.shape)
    return on_host(_whole, {"name": name}, [(shape, d)], converted(input, d), converted(other, d))[0]


@operation(inplace=True, out=True)
def gcd(input: Tensor, other: Tensor) -> Tensor:
    """Greatest common divisors of integers."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("gcd", input=input, other=other)
    return _of_integers("gcd", input, other)


@operation(inplace=True, out=True)
def lcm(input: Tensor, other: Tensor) -> Tensor:
    """Least common multiples of integers."""
    if not (isinstance(input, Tensor) and isinstance(other, Tensor)):
        raise not_a_tensor("lcm", input=input, other=other)
    return _of_integers("lcm", input, other)


# --- x log x and sin(x) / x -------------------------------------------------------------------------------------------


class SpecialEntrBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * (-1 - log(self.input(0)))


@operation(only="special.entr", out=True)
def entr(input: Tensor) -> Tensor:
    """-x · log(x): 0 at 0, minus infinity below."""
    x = floating(input)
    result = without_history(lambda: _entropies(x))
    if tracked(x):
        attach(result, SpecialEntrBackward0, [x])
    return result


@rounded_once
def _entropies(x: Tensor) -> Tensor:
    inside = -x * log(where(x > 0, x, 1.0))
    return where(x == 0, 0.0, where(x < 0, -math.inf, inside))  # type: ignore[no-any-return]


class SincBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * _sinc_slope(self.input(0))


@computed_in_double
def _sinc_slope(x: Tensor) -> Tensor:
    safe = where(x == 0, 1.0, x)
    angle = safe * math.pi
    return where(x == 0, 0.0, (angle.cos() - sin(angle) / angle) / safe)


@operation("special.sinc", method=True, inplace=True, out=True)
def sinc(input: Tensor) -> Tensor:
    """sin(πx) / (πx), 1 at zero."""
    x = floating(input)
    result = without_history(lambda: _sinc(x))
    if tracked(x):
        attach(result, SincBackward0, [x])
    return result


@computed_in_double
def _sinc(x: Tensor) -> Tensor:
    angle = where(x == 0, 1.0, x * math.pi)
    return where(x == 0, 1.0, sin(angle) / angle)  # type: ignore[no-any-return]


# --- modified Bessel functions ------------------------------------------------------------------------------------------

_NODES = 96
_FAR = 25.0


def _bessel(x: np.ndarray, order: int, scaled: bool) -> np.ndarray:
    """I₀ or I₁ (times exp(-|x|) if ``scaled``).

    Near zero the power series (Abramowitz and Stegun, 9.6.10); further on the trapezoidal rule over
    (1/π) ∫ exp(x cos t) cos(order · t) dt, which converges exponentially for periodic functions; far away Hankel's
    asymptotic series (9.6.19 and 9.7.1).
    """
    size = np.abs(x)
    least = np.minimum(size, 1.0)
    quarter = least * least / 4
    term = series = np.full_like(least, 1.0) if order == 0 else least / 2
    for k in range(1, 12):
        term = term * quarter / (k * (k + order))
        series = series + term
    near = np.minimum(size, _FAR)
    angles = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    inner = np.zeros_like(near)
    for t in angles:
        inner += np.exp(near * (np.cos(t) - 1)) * np.cos(order * t)
    inner /= _NODES
    far = np.maximum(size, _FAR)
    outer, term = np.ones_like(far), np.ones_like(far)
    for k in range(1, 25):
        term = term * -(4 * order**2 - (2 * k - 1) ** 2) / (8 * k * far)
        outer += term
    value = np.where(size <= _FAR, inner, outer / (np.sqrt(2 * np.pi) * np.sqrt(far)))
    if scaled:
        value = np.where(size <= 1, series * np.exp(-least), value)
    else:  # by two halves of the exponential, which overflows before the function does
        half = np.exp(size / 2)
        value = np.where(size <= 1, series, value * half * half)
    value = np.where(np.isinf(size), 0.0 if scaled else np.inf, np.where(np.isnan(x), x, value))
    return np.copysign(value, x) if order else value


class I0Backward0(Gradient):
    """``context`` (order, scaled), with I₀' = I₁ and I₁' = I₀ - I₁ / x, a half at zero."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        order, scaled = self.context
        x = self.input(0)
        value = modified_bessel(x, order, scaled)
        if order == 0:
            slope = modified_bessel(x, 1, scaled)
        else:
            slope = modified_bessel(x, 0, scaled) - value / x
        if scaled:
            slope = slope - x.sign() * value
        return grad * (slope if order == 0 else where(x.abs() > _TINY, slope, 0.5))


class SpecialI0EBackward0(I0Backward0):
    __slots__ = ()


class SpecialI1Backward0(I0Backward0):
    __slots__ = ()


class SpecialI1EBackward0(I0Backward0):
    __slots__ = ()


_TINY = 2.0**-52
_BESSEL_GRADIENTS = {
    (0, False): I0Backward0, (0, True): SpecialI0EBackward0, (1, False): SpecialI1Backward0, (1, True): SpecialI1EBackward0,
}  # fmt: skip


def modified_bessel(input: Tensor, order: int, scaled: bool) -> Tensor:
    """I₀ or I₁, times exp(-|x|) if ``scaled``."""
    x = floating(input)
    result = elementwise(_bessel, x, order=order, scaled=scaled)
    if tracked(x):
        attach(result, _BESSEL_GRADIENTS[order, scaled], [x], None, (order, scaled))
    return result


@operation("special.i0", inplace=True, out=True)
def i0(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind of order 0."""
    return modified_bessel(input, 0, False)


@operation(only="special.i0e", out=True)
def i0e(input: Tensor) -> Tensor:
    """exp(-|x|) I₀(x)."""
    return modified_bessel(input, 0, True)


@operation(only="special.i1", out=True)
def i1(input: Tensor) -> Tensor:
    """The modified Bessel function of the first kind of order 1."""
    return modified_bessel(input, 1, False)


@operation(only="special.i1e", out=True)
def i1e(input: Tensor) -> Tensor:
    """exp(-|x|) I₁(x)."""
    return modified_bessel(input, 1, True)
