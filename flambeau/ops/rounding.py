"""Absolute values, signs, and numbers without what is behind the point."""

from __future__ import annotations

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from .conversion import check_floating
from .dispatch import differentiated, no_slope, unary
from .operation import operation, write_out


class AbsBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * sign(self.input(0))


@operation("absolute", inplace=True)
def abs(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Absolute value."""
    result = unary(p.ABS, input, AbsBackward0)
    return result if out is None else write_out(out, result)


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


@operation(inplace=True)
def sgn(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1 by sign."""
    result = unary(p.SIGN, input, SgnBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-1, 0 or 1 by sign."""
    result = unary(p.SIGN, input, SignBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Largest integer not above."""
    result = unary(p.FLOOR, input, FloorBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Smallest integer not below."""
    result = unary(p.CEIL, input, CeilBackward0)
    return result if out is None else write_out(out, result)


@operation("fix", inplace=True)
def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Integer part."""
    result = unary(p.TRUNC, input, TruncBackward0)
    return result if out is None else write_out(out, result)


@differentiated(RoundBackward1)
def _rounded(input: Tensor, decimals: int) -> Tensor:
    power = float(f"1e{decimals if decimals > 0 else -decimals}")  # infinite where there is no such number
    if decimals > 0:
        return unary(p.ROUND, input * power) / power
    return unary(p.ROUND, input / power) * power


@operation(inplace=True)
def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor:
    """Nearest integer, halves to even; or to ``decimals`` places."""
    if decimals and input.dtype.category < 2:
        raise NotImplementedError(f"\"round_cpu\" not implemented for '{p.TYPE_NAMES[input.dtype]}'")
    decimals = max(-400, min(decimals, 400))  # beyond these the powers of ten are zero or infinite all the same
    if decimals == 0:
        result = unary(p.ROUND, input, RoundBackward0)
    else:
        result = _rounded(input, decimals=decimals)
    return result if out is None else write_out(out, result)


class FracBackward0(Gradient):
    __slots__ = ()

    def backward(self, grad: Tensor) -> Tensor:
        return grad


@operation(inplace=True)
@differentiated(FracBackward0)
def frac(input: Tensor) -> Tensor:
    """What is left after the integer part."""
    check_floating("frac_cpu", input.dtype)
    return input - trunc(input)
