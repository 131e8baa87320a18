"""Sums of a tensor and a weighted product or quotient, each rounded as one operation."""

from __future__ import annotations

from typing import Any

from ..core.composite import composite
from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.bounds import check_fits
from .arithmetic import add, div, mul, neg, sub
from .conversion import check_floating
from .dispatch import attach, nary, tracked
from .operation import operation
from .precision import rounded_once

_LARGEST_HALF = 65504.0
"""What is no more in amount fits every floating-point type."""


class AddcmulBackward0(Gradient):
    """``context``: what the product was multiplied by."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        weighted = grad if self.context == 1 else mul(grad, self.context)
        return (
            grad,
            mul(weighted, self.input(2)) if self.edges[1] is not None else None,
            mul(weighted, self.input(1)) if self.edges[2] is not None else None,
        )


@operation(inplace=True, out=True, scales=("value",))
def addcmul(input: Tensor, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``, the last product and the sum rounded as one."""
    if input.dtype.kind == tensor1.dtype.kind == tensor2.dtype.kind == "bool":
        raise NotImplementedError("\"addcmul_cpu_out\" not implemented for 'Bool'")
    if type(value) is float and abs(value) > _LARGEST_HALF:
        check_fits(value, input.dtype)
    (result,) = composite(_product_added, value == 1, input, tensor1, tensor2, value)
    if tracked(input, tensor1, tensor2):
        attach(result, AddcmulBackward0, [input, tensor1, tensor2], None, value)
    return result


@rounded_once
def _product_added(plain: bool, input: Tensor, first: Tensor, second: Tensor, value: Any) -> tuple[Tensor]:
    return (nary(p.FMA, [input, first if plain else mul(first, value), second]),)


class AddcdivBackward0(Gradient):
    """``context``: what the quotient was multiplied by."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        first, second = self.input(1), self.input(2)
        share = div(grad if self.context == 1 else mul(grad, self.context), second)
        return (
            grad,
            share if self.edges[1] is not None else None,
            neg(mul(share, div(first, second))) if self.edges[2] is not None else None,
        )


@operation(inplace=True, out=True, scales=("value",))
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Any = 1) -> Tensor:
    """``input + value * tensor1 / tensor2``. Integer operands raise ``RuntimeError``."""
    if tensor1.dtype.category < 2 and tensor2.dtype.category < 2:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
            "division of tensor1 and tensor2."
        )
    if type(value) is float and abs(value) > _LARGEST_HALF:
        check_fits(value, input.dtype)
    (result,) = composite(_quotient_added, value == 1, input, tensor1, tensor2, value)
    if tracked(input, tensor1, tensor2):
        attach(result, AddcdivBackward0, [input, tensor1, tensor2], None, value)
    return result


@rounded_once
def _quotient_added(plain: bool, input: Tensor, first: Tensor, second: Tensor, value: Any) -> tuple[Tensor]:
    return (add(input, div(first if plain else mul(first, value), second)),)


class LerpBackward0(Gradient):
    """``context``: the weight, if it is a number."""

    __slots__ = ()
    saves = INPUTS

    def backward(self, grad: Tensor) -> tuple[Tensor | None, ...]:
        weight: Any = self.context
        if weight is None:
            weight = self.input(2)
        return (
            mul(grad, 1 - weight) if self.edges[0] is not None else None,
            mul(grad, weight) if self.edges[1] is not None else None,
            mul(grad, sub(self.input(1), self.input(0))) if self.edges[2] is not None else None,
        )


class LerpBackward1(LerpBackward0):
    """Of a tensor of weights."""

    __slots__ = ()


@operation(inplace=True, out="exact")
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """``input + weight * (end - input)``, computed from the nearer end as PyTorch does."""
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, Tensor) and other.dtype is not input.dtype and (name == "end" or other.ndim):
            raise RuntimeError(
                f"expected dtype {p.C_NAMES[input.dtype]} for `{name}` but got dtype {p.C_NAMES[other.dtype]}"
            )
    check_floating("lerp_kernel_tensor" if isinstance(weight, Tensor) else "lerp_kernel_scalar", input.dtype)
    if isinstance(weight, Tensor):
        (result,) = composite(_between, None, input, end, weight)
        gradient: type[Gradient] = LerpBackward1
    else:
        near = -0.5 < weight < 0.5
        (result,) = composite(_between, near, input, end, weight if near else weight - 1)
        gradient = LerpBackward0
    if tracked(input, end, weight):
        attach(result, gradient, [input, end, weight], None, None if isinstance(weight, Tensor) else weight)
    return result


@rounded_once
def _between(near: bool | None, input: Tensor, end: Tensor, weight: Any) -> tuple[Tensor]:
    """``near``: whether a number as weight is that of the end (else less one); None for a tensor of weights."""
    whole = sub(end, input)
    if near is not None:
        return (nary(p.FMA, [input if near else end, whole, weight]),)
    from_start = nary(p.FMA, [input, whole, weight])
    from_end = nary(p.FMA, [end, whole, sub(weight, 1)])
    return (nary(p.WHERE, [weight.abs() < 0.5, from_start, from_end]),)
