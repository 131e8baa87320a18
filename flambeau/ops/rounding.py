"""Absolute values, signs, and numbers without what is behind the point."""

from __future__ import annotations

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from .conversion import check_floating
from .dispatch import differentiated, no_slope, unary
from .operation import operation


class AbsBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * sign(self.input(0))


@operation("absolute", inplace=True, out="exact")
def abs(input: Tensor) -> Tensor:
    """Absolute value."""
    return unary(p.ABS, input, AbsBackward0)


Tensor.__abs__ = abs  # type: ignore[attr-defined]


class SignBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return no_slope(grad)


class FloorBackward0(SignBackward0):
    __slots__ = ()


class CeilBackward0(SignBackward0):
    __slots__ = ()


class TruncBackward0(SignBackward0):
    __slots__ = ()


class RoundBackward0(SignBackward0):
    __slots__ = ()


class RoundBackward1(SignBackward0):
    __slots__ = ()


class SgnBackward0(SignBackward0):
    __slots__ = ()


@operation(inplace=True, out="exact")
def sgn(input: Tensor) -> Tensor:
    """-1, 0 or 1 by sign."""
    return unary(p.SIGN, input, SgnBackward0)


@operation(inplace=True, out="exact")
def sign(input: Tensor) -> Tensor:
    """-1, 0 or 1 by sign."""
    return unary(p.SIGN, input, SignBackward0)


@operation(inplace=True, out="exact")
def floor(input: Tensor) -> Tensor:
    """Largest integer not above."""
    return unary(p.FLOOR, input, FloorBackward0)


@operation(inplace=True, out="exact")
def ceil(input: Tensor) -> Tensor:
    """Smallest integer not below."""
    return unary(p.CEIL, input, CeilBackward0)


@operation("fix", inplace=True, out="exact")
def trunc(input: Tensor) -> Tensor:
    """Integer part."""
    return unary(p.TRUNC, input, TruncBackward0)


@differentiated(RoundBackward1)
def _rounded(input: Tensor, decimals: int) -> Tensor:
    power = float(f"1e{decimals if decimals > 0 else -decimals}")  # infinite where there is no such number
    if decimals > 0:
        return unary(p.ROUND, input * power) / power
    return unary(p.ROUND, input / power) * power


@operation(inplace=True, out="exact")
def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Nearest integer, halves to even; or to ``decimals`` places."""
    if decimals and input.dtype.category < 2:
        raise NotImplementedError(f"\"round_cpu\" not implemented for '{p.TYPE_NAMES[input.dtype]}'")
    decimals = max(-400, min(decimals, 400))  # beyond these the powers of ten are zero or infinite all the same
    if decimals == 0:
        return unary(p.ROUND, input, RoundBackward0)
    return _rounded(input, decimals=decimals)


class FracBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad


@operation(inplace=True, out="exact")
@differentiated(FracBackward0)
def frac(input: Tensor) -> Tensor:
    """What is left after the integer part."""
    check_floating("frac_cpu", input.dtype)
    return input - trunc(input)


@operation(only="special.round", out="exact")
def special_round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Nearest floating-point number of so many decimal places, halves to even. ``NotImplementedError`` for integers."""
    if input.dtype.category < 2:
        raise NotImplementedError(f"\"round_vml_cpu\" not implemented for '{p.TYPE_NAMES[input.dtype]}'")
    return round(input, decimals=decimals)
