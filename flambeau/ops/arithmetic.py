"""Sums, differences, products, quotients, powers, and what is composed of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.composite import composite
from ..core.history import Gradient
from ..core.tensor import Tensor, method
from ..graph import primitives as p
from ..graph.bounds import check_fits
from ..graph.dtypes import C_NAMES, float64, promote_types
from .assignment import assign
from .choice import where
from .conversion import check_floating, rounded_once
from .dispatch import no_slope, not_a_tensor, number_or_tensor, operand, with_history
from .elementwise import gradient_class
from .functions import log
from .operation import operation
from .recording_paths import binary, ternary, unary


def _history(name: str, *formulas: Callable[..., Any]) -> type[Gradient]:
    """The history of an operation on two operands, with a formula for each."""
    return gradient_class(name, formulas, ("input", "other", "factor"), 2)


# --- sums and differences -------------------------------------------------------------------------------------------------

AddBackward0 = _history(
    "AddBackward0", lambda grad: grad, lambda grad, factor: grad if factor is None else grad * factor
)


@operation(inplace=True, out=True, scales=("alpha",))
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``input + alpha * other``, broadcast and promoted."""
    if alpha != 1:
        _check_alpha(alpha, input, other)
        return ternary(p.FMA, input, other, alpha, AddBackward0, None, alpha)
    return binary(p.ADD, input, other, AddBackward0)


def _check_alpha(alpha: Any, a: Any, b: Any) -> None:
    if isinstance(a, Tensor) and a.dtype.category >= 2:
        if a.dtype.itemsize < 8 and isinstance(alpha, (int, float)):  # the factor becomes a number of the result's dtype
            other = b.dtype if isinstance(b, Tensor) else a.dtype
            check_fits(alpha, promote_types(a.dtype, other) if other is not a.dtype else other)
        return
    kinds = [t.dtype for t in (a, b) if isinstance(t, Tensor)]
    d = kinds[0] if len(kinds) == 1 else promote_types(kinds[0], kinds[1])
    if d.kind == "bool" and not isinstance(alpha, bool):
        raise RuntimeError("Boolean alpha only supported for Boolean results.")
    if isinstance(alpha, float) and d.category < 2:
        raise RuntimeError("For integral input tensors, argument alpha must not be a floating point number.")


# The factor is that of the sum: negative.
SubBackward0, RsubBackward0, RsubBackward1 = (
    _history(name, lambda grad: grad, lambda grad, factor: -grad if factor is None else grad * factor)
    for name in ("SubBackward0", "RsubBackward0", "RsubBackward1")
)


@operation("subtract", inplace=True, out=True, scales=("alpha",))
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    """``input - alpha * other``, broadcast and promoted. ``RuntimeError`` for booleans."""
    if alpha != 1 and not any(isinstance(t, Tensor) and t.dtype.kind == "bool" for t in (input, other)):
        _check_alpha(alpha, input, other)
        return ternary(p.FMA, input, other, -alpha, SubBackward0, None, -alpha)
    return binary(p.SUB, input, other, SubBackward0)


@operation(method=False)
def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """``other - alpha * input``."""
    if not isinstance(input, Tensor):
        raise not_a_tensor("rsub", input=input)
    if alpha != 1:
        return sub(other, input, alpha=alpha)
    return binary(p.SUB, other, input, RsubBackward0 if isinstance(other, Tensor) else RsubBackward1)


@operation()
def positive(input: Tensor) -> Tensor:
    """``+input``: the tensor itself. ``RuntimeError`` for booleans."""
    if input.dtype.kind == "bool":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


# --- products and quotients -----------------------------------------------------------------------------------------------

MulBackward0 = _history("MulBackward0", lambda grad, other: grad * other, lambda grad, input: grad * input)


@operation("multiply", inplace=True, out=True)
def mul(input: Any, other: Any) -> Tensor:
    """``input * other``, broadcast and promoted."""
    return binary(p.MUL, input, other, MulBackward0)


DivBackward0, DivBackward1 = (
    _history(
        name, lambda grad, other: grad / other, lambda grad, input, other: -grad * (input / other) / other
    )
    for name in ("DivBackward0", "DivBackward1")
)
DivBackward2 = _history("DivBackward2", no_slope, no_slope)


def div_by_number(x: Tensor, divisor: Any) -> Tensor:
    """``x / divisor`` under the name that it has in PyTorch's own compositions."""
    return binary(p.DIV, x, divisor, DivBackward1)


@operation("divide", inplace=True, out=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    """``input / other``; integers divide to floats. ``rounding_mode`` "trunc" or "floor" keeps the dtype."""
    if rounding_mode is None:
        return binary(p.DIV, input, other, DivBackward0)
    if rounding_mode == "floor":
        return binary(p.FLOOR_DIVIDE, input, other, DivBackward2)
    if rounding_mode == "trunc":
        return binary(p.TRUNC_DIVIDE, input, other, DivBackward2)
    raise RuntimeError(
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
    )


@operation(inplace=True, out=True)
def true_divide(input: Any, other: Any) -> Tensor:
    """``input / other``."""
    return binary(p.DIV, input, other, DivBackward0)


def _no_derivative(grad: Tensor) -> Any:
    raise RuntimeError("derivative for aten::floor_divide is not implemented")


FloorDivideBackward = _history("NotImplemented", _no_derivative, _no_derivative)


@operation(inplace=True, out=True)
def floor_divide(input: Any, other: Any) -> Tensor:
    """The quotient rounded down, in the operands' dtype. ``RuntimeError`` when an integer is divided by zero."""
    return binary(p.FLOOR_DIVIDE, input, other, FloorDivideBackward)


RemainderBackward0, RemainderBackward1 = (
    _history(name, lambda grad: grad, lambda grad, input, other: -(grad * div(input, other, rounding_mode="floor")))
    for name in ("RemainderBackward0", "RemainderBackward1")
)
FmodBackward0, FmodBackward1 = (
    _history(name, lambda grad: grad, lambda grad, input, other: -(grad * div(input, other, rounding_mode="trunc")))
    for name in ("FmodBackward0", "FmodBackward1")
)


@operation(inplace=True, out=True)
def remainder(input: Any, other: Any) -> Tensor:
    """What is left of a division rounded down: has the divisor's sign, as Python's ``%``."""
    if not (isinstance(input, Tensor) or isinstance(other, Tensor)):
        raise not_a_tensor("remainder", input=input)
    return binary(p.REMAINDER, input, other, RemainderBackward1 if isinstance(other, Tensor) else RemainderBackward0)


@operation(inplace=True, out=True)
def fmod(input: Tensor, other: Any) -> Tensor:
    """What is left of a division rounded towards zero: has the dividend's sign, as C's ``fmod``."""
    return binary(p.FMOD, input, other, FmodBackward1 if isinstance(other, Tensor) else FmodBackward0)


# --- powers ---------------------------------------------------------------------------------------------------------------


def _slope_of_base(grad: Tensor, input: Any, other: Any) -> Tensor:
    slope = other * pow(input, other - 1)
    return grad * (where(other == 0, 0.0, slope) if isinstance(other, Tensor) else slope)


def _slope_of_exponent(grad: Tensor, input: Any, other: Tensor, result: Tensor) -> Tensor:
    base = number_or_tensor(input, grad.dtype)
    return grad * where((base == 0) & (other >= 0), 0.0, result * log(base))


PowBackward1, PowBackward2 = (
    _history(name, _slope_of_base, _slope_of_exponent) for name in ("PowBackward1", "PowBackward2")
)


@operation("pow(self)", inplace=True, out=True)
def pow(input: Any, exponent: Any) -> Tensor:
    """``input ** exponent``, broadcast and promoted. Integers to negative integer powers raise ``RuntimeError``."""
    if isinstance(exponent, Tensor):
        return binary(p.POW, input, exponent, PowBackward1 if isinstance(input, Tensor) else PowBackward2)
    if not isinstance(input, Tensor):
        raise not_a_tensor("pow", input=input)
    return _power(input, operand(exponent))


PowBackward0 = gradient_class(
    "PowBackward0",
    lambda grad, input, exponent: no_slope(grad) if exponent == 0 else grad * (pow(input, exponent - 1) * exponent),
    ("input", "exponent"),
    1,
)


def _power(x: Tensor, exponent: float) -> Tensor:
    """Small exponents are products or roots, exactly as PyTorch computes them."""
    d = x.dtype
    result = None
    if d.itemsize == 2 and d.category == 2 and isinstance(exponent, (int, float)):
        check_fits(exponent, d)
    if d.category == 2 or (d.category == 1 and isinstance(exponent, int)):
        if exponent == 2:
            result = binary(p.MUL, x, x)
        elif exponent == 3:
            result = binary(p.MUL, binary(p.MUL, x, x), x)
        elif exponent == 1:
            result = unary(p.COPY, x)
        elif d.category == 1 and exponent < 0:
            raise RuntimeError("Integers to negative integer powers are not allowed.")
    if d.category == 2 and result is None:
        if exponent == 0.5:
            result = unary(p.SQRT, x)
        elif exponent == -0.5:
            result = unary(p.RSQRT, x)
        elif exponent == -1:
            result = unary(p.RECIPROCAL, x)
        elif exponent == -2:
            result = unary(p.RECIPROCAL, binary(p.MUL, x, x))
    if result is None:
        result = binary(p.POW, x, exponent)
    return with_history(result, PowBackward0, [x], exponent)


@operation(inplace=True, out=True)
def square(input: Tensor) -> Tensor:
    """``input ** 2``."""
    return pow(input, 2)


@operation(out="exact")
def float_power(input: Any, exponent: Any) -> Tensor:
    """``pow`` in float64."""
    first = input.to(float64) if isinstance(input, Tensor) else input
    second = exponent.to(float64) if isinstance(exponent, Tensor) else float(operand(exponent))
    return pow(first, second)


@method()
def float_power_(self: Tensor, exponent: Any) -> Tensor:
    """In-place version of ``float_power``, for float64."""
    if self.dtype is not float64:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {self.dtype} but the operation's result requires dtype torch.float64"
        )
    return assign(self, float_power(self, exponent))


# --- weighted sums, each rounded as one operation -------------------------------------------------------------------------

_LARGEST_HALF = 65504.0
"""What is no more in amount fits every floating-point type."""


def _scaled(grad: Tensor, value: Any) -> Tensor:
    return grad if value == 1 else grad * value


def _product_slopes(grad: Tensor, tensor1: Tensor, tensor2: Tensor, value: Any) -> tuple[Tensor, ...]:
    weighted = _scaled(grad, value)
    return grad, weighted * tensor2, weighted * tensor1


AddcmulBackward0 = gradient_class("AddcmulBackward0", _product_slopes, ("input", "tensor1", "tensor2", "value"), 3)


@operation(inplace=True, out=True, scales=("value",))
def addcmul(input: Tensor, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    """``input + value * tensor1 * tensor2``, the last product and the sum rounded as one."""
    if input.dtype.kind == tensor1.dtype.kind == tensor2.dtype.kind == "bool":
        raise NotImplementedError("\"addcmul_cpu_out\" not implemented for 'Bool'")
    if type(value) is float and abs(value) > _LARGEST_HALF:
        check_fits(value, input.dtype)
    (result,) = composite(_product_added, value == 1, input, tensor1, tensor2, value)
    return with_history(result, AddcmulBackward0, [input, tensor1, tensor2], value)


@rounded_once
def _product_added(plain: bool, input: Tensor, first: Tensor, second: Tensor, value: Any) -> tuple[Tensor]:
    return (ternary(p.FMA, input, first if plain else first * value, second),)


def _quotient_slopes(grad: Tensor, tensor1: Tensor, tensor2: Tensor, value: Any) -> tuple[Tensor, ...]:
    share = _scaled(grad, value) / tensor2
    return grad, share, -(share * (tensor1 / tensor2))


AddcdivBackward0 = gradient_class("AddcdivBackward0", _quotient_slopes, ("input", "tensor1", "tensor2", "value"), 3)


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
    return with_history(result, AddcdivBackward0, [input, tensor1, tensor2], value)


@rounded_once
def _quotient_added(plain: bool, input: Tensor, first: Tensor, second: Tensor, value: Any) -> tuple[Tensor]:
    return (input + (first if plain else first * value) / second,)


_TOWARDS = (lambda grad, weight: grad * (1 - weight), lambda grad, weight: grad * weight)
_LERPED = ("input", "end", "weight")
LerpBackward0 = gradient_class("LerpBackward0", _TOWARDS, _LERPED, 2)
LerpBackward1 = gradient_class("LerpBackward1", (*_TOWARDS, lambda grad, input, end: grad * (end - input)), _LERPED, 3)


@operation(inplace=True, out=True)
def lerp(input: Tensor, end: Tensor, weight: Any) -> Tensor:
    """``input + weight * (end - input)``, computed from the nearer end as PyTorch does."""
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, Tensor) and other.dtype is not input.dtype and (name == "end" or other.ndim):
            raise RuntimeError(
                f"expected dtype {C_NAMES[input.dtype]} for `{name}` but got dtype {C_NAMES[other.dtype]}"
            )
    check_floating("lerp_kernel_tensor" if isinstance(weight, Tensor) else "lerp_kernel_scalar", input.dtype)
    if isinstance(weight, Tensor):
        (result,) = composite(_between, None, input, end, weight)
        return with_history(result, LerpBackward1, [input, end, weight])
    near = -0.5 < weight < 0.5
    (result,) = composite(_between, near, input, end, weight if near else weight - 1)
    return with_history(result, LerpBackward0, [input, end], weight)


@rounded_once
def _between(near: bool | None, input: Tensor, end: Tensor, weight: Any) -> tuple[Tensor]:
    """``near``: whether a number as weight is that of the end (else less one); None for a tensor of weights."""
    whole = end - input
    if near is not None:
        return (ternary(p.FMA, input if near else end, whole, weight),)
    from_start = ternary(p.FMA, input, whole, weight)
    from_end = ternary(p.FMA, end, whole, weight - 1)
    return (ternary(p.WHERE, weight.abs() < 0.5, from_start, from_end),)
