"""Which elements are numbers, finite, negative; and numbers in the place of those that are not."""

from __future__ import annotations

import math

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from .dispatch import attach, nary, tracked, unary
from .operation import operation


@operation()
def isnan(input: Tensor) -> Tensor:
    """Where elements are NaN."""
    return unary(p.ISNAN, input)


@operation()
def isinf(input: Tensor) -> Tensor:
    """Where elements are infinite."""
    return unary(p.ISINF, input)


@operation()
def isfinite(input: Tensor) -> Tensor:
    """Where elements are neither infinite nor NaN."""
    return unary(p.ISFINITE, input)


@operation(out="exact")
def signbit(input: Tensor) -> Tensor:
    """Where the sign bit is set (negative numbers, and -0)."""
    return unary(p.SIGNBIT, input)


class NanToNumBackward0(Gradient):
    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * isfinite(self.input(0))


@operation(inplace=True, out="exact")
def nan_to_num(
    input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """NaN and infinities replaced by numbers (0 and the dtype's extremes unless given)."""
    if input.dtype.category < 2:
        return input.clone()
    from ..graph.limits import finfo

    limits = finfo(input.dtype)
    result = nary(p.WHERE, [isnan(input), 0.0 if nan is None else nan, input])
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    result = nary(p.WHERE, [nary(p.EQ, [input, math.inf]), high, result])
    result = nary(p.WHERE, [nary(p.EQ, [input, -math.inf]), low, result])
    if tracked(input):
        attach(result, NanToNumBackward0, [input])
    return result


@operation(out="exact")
def isposinf(input: Tensor) -> Tensor:
    """Where elements are plus infinity."""
    return input == math.inf


@operation(out="exact")
def isneginf(input: Tensor) -> Tensor:
    """Where elements are minus infinity."""
    return input == -math.inf
