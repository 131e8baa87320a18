"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import math

from ..core.history import INPUTS, RESULT, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.primitives import FLOAT_FUNCTIONS as F
from .dispatch import unary
from .exponentials import rsqrt
from .one_node import one_node
from .operation import operation, write_out


class SinBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * cos(self.input(0))


@operation(inplace=True)
def sin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sine of radians."""
    result = unary(F["sin"], input, SinBackward0)
    return result if out is None else write_out(out, result)


class CosBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * -sin(self.input(0))


@operation(inplace=True)
def cos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Cosine of radians."""
    result = unary(F["cos"], input, CosBackward0)
    return result if out is None else write_out(out, result)


class TanBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (result * result + 1)


@operation(inplace=True)
def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Tangent of radians."""
    result = unary(F["tan"], input, TanBackward0)
    return result if out is None else write_out(out, result)


class AsinBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(1 - x * x)


@operation("arcsin", inplace=True)
def asin(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse sine, in radians."""
    result = unary(F["asin"], input, AsinBackward0)
    return result if out is None else write_out(out, result)


class AcosBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * -rsqrt(1 - x * x)


@operation("arccos", inplace=True)
def acos(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse cosine, in radians."""
    result = unary(F["acos"], input, AcosBackward0)
    return result if out is None else write_out(out, result)


class AtanBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad / (x * x + 1)


@operation("arctan", inplace=True)
def atan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse tangent, in radians."""
    result = unary(F["atan"], input, AtanBackward0)
    return result if out is None else write_out(out, result)


class SinhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * cosh(self.input(0))


@operation(inplace=True)
def sinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic sine."""
    result = unary(F["sinh"], input, SinhBackward0)
    return result if out is None else write_out(out, result)


class CoshBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * sinh(self.input(0))


@operation(inplace=True)
def cosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic cosine."""
    result = unary(F["cosh"], input, CoshBackward0)
    return result if out is None else write_out(out, result)


class TanhBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (1 - result * result)


@operation(inplace=True)
def tanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Hyperbolic tangent."""
    result = unary(p.TANH, input, TanhBackward0)
    return result if out is None else write_out(out, result)


class AsinhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(x * x + 1)


@operation("arcsinh", inplace=True)
def asinh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic sine."""
    result = unary(F["asinh"], input, AsinhBackward0)
    return result if out is None else write_out(out, result)


class AcoshBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(x * x - 1)


@operation("arccosh", inplace=True)
def acosh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic cosine."""
    result = unary(F["acosh"], input, AcoshBackward0)
    return result if out is None else write_out(out, result)


class AtanhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad / (1 - x * x)


@operation("arctanh", inplace=True)
def atanh(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inverse hyperbolic tangent."""
    result = unary(F["atanh"], input, AtanhBackward0)
    return result if out is None else write_out(out, result)


@operation(inplace=True)
@one_node("Deg2RadBackward0")
def deg2rad(input: Tensor) -> Tensor:
    """Degrees to radians."""
    return input * (math.pi / 180)


@operation(inplace=True)
@one_node("Rad2DegBackward0")
def rad2deg(input: Tensor) -> Tensor:
    """Radians to degrees."""
    return input * (180 / math.pi)
