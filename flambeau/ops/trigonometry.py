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
from .operation import operation


class SinBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * cos(self.input(0))


@operation(inplace=True, out=True)
def sin(input: Tensor) -> Tensor:
    """Sine of radians."""
    return unary(F["sin"], input, SinBackward0)


class CosBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * -sin(self.input(0))


@operation(inplace=True, out=True)
def cos(input: Tensor) -> Tensor:
    """Cosine of radians."""
    return unary(F["cos"], input, CosBackward0)


class TanBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (result * result + 1)


@operation(inplace=True, out=True)
def tan(input: Tensor) -> Tensor:
    """Tangent of radians."""
    return unary(F["tan"], input, TanBackward0)


class AsinBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(1 - x * x)


@operation("arcsin", inplace=True, out=True)
def asin(input: Tensor) -> Tensor:
    """Inverse sine, in radians."""
    return unary(F["asin"], input, AsinBackward0)


class AcosBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * -rsqrt(1 - x * x)


@operation("arccos", inplace=True, out=True)
def acos(input: Tensor) -> Tensor:
    """Inverse cosine, in radians."""
    return unary(F["acos"], input, AcosBackward0)


class AtanBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad / (x * x + 1)


@operation("arctan", inplace=True, out=True)
def atan(input: Tensor) -> Tensor:
    """Inverse tangent, in radians."""
    return unary(F["atan"], input, AtanBackward0)


class SinhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * cosh(self.input(0))


@operation(inplace=True, out=True)
def sinh(input: Tensor) -> Tensor:
    """Hyperbolic sine."""
    return unary(F["sinh"], input, SinhBackward0)


class CoshBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * sinh(self.input(0))


@operation(inplace=True, out=True)
def cosh(input: Tensor) -> Tensor:
    """Hyperbolic cosine."""
    return unary(F["cosh"], input, CoshBackward0)


class TanhBackward0(Gradient):
    __slots__ = ()
    saves = RESULT

    def backward(self, grad: Tensor) -> Tensor:
        result = self.result()
        return grad * (1 - result * result)


@operation(inplace=True, out=True)
def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return unary(p.TANH, input, TanhBackward0)


class AsinhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(x * x + 1)


@operation("arcsinh", inplace=True, out=True)
def asinh(input: Tensor) -> Tensor:
    """Inverse hyperbolic sine."""
    return unary(F["asinh"], input, AsinhBackward0)


class AcoshBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad * rsqrt(x * x - 1)


@operation("arccosh", inplace=True, out=True)
def acosh(input: Tensor) -> Tensor:
    """Inverse hyperbolic cosine."""
    return unary(F["acosh"], input, AcoshBackward0)


class AtanhBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        x = self.input(0)
        return grad / (1 - x * x)


@operation("arctanh", inplace=True, out=True)
def atanh(input: Tensor) -> Tensor:
    """Inverse hyperbolic tangent."""
    return unary(F["atanh"], input, AtanhBackward0)


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
