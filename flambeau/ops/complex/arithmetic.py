"""Sums, products, quotients and comparisons of complex numbers."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor
from .calls import complex_operation
from .parts import Parts, as_complex, made, minus, parts, plus, times
from .tensor import TABLE, ComplexTensor


def multiplied(a: Parts, b: Parts) -> Parts:
    """The parts of a product. A real number is one with the imaginary part 0: that decides on which side of a cut zeros are."""
    (x, y), (u, v) = a, b
    y = 0.0 if y is None and v is not None else y
    v = 0.0 if v is None and y is not None else v
    return minus(times(x, u), times(y, v)), plus(times(x, v), times(y, u))


def divided(a: Parts, b: Parts) -> Parts:
    """The parts of a quotient. The denominator is scaled by its larger part, so that its square stays within range."""
    (x, y), (u, v) = a, b
    if v is None:
        return x / u, None if y is None else y / u
    scale: Any
    if isinstance(u, Tensor) or isinstance(v, Tensor):
        scale = made(u, v).detach()._pair.abs().amax(-1)
    else:
        scale = max(abs(u), abs(v)) or 1.0
    u, v = u / scale, v / scale
    size = (u * u + v * v) * scale
    if y is None:
        return x * u / size, -(x * v / size)
    return (x * u + y * v) / size, (y * u - x * v) / size


def _scaled(x: Any, alpha: Any) -> Parts:
    return parts(x) if alpha == 1 else multiplied(parts(x), parts(alpha))


@complex_operation()
def add(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    (x, y), (u, v) = parts(input), _scaled(other, alpha)
    return made(plus(x, u), plus(y, v))


@complex_operation("sub")
def sub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    (x, y), (u, v) = parts(input), _scaled(other, alpha)
    return made(minus(x, u), minus(y, v))


@complex_operation()
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Tensor:
    return sub(other, input, alpha=alpha)


@complex_operation()
def mul(input: Any, other: Any) -> Tensor:
    return made(*multiplied(parts(input), parts(other)))


@complex_operation("div", "true_divide", "divide")
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Tensor:
    if rounding_mode is not None:
        raise NotImplementedError(f"\"div_{rounding_mode}_cpu\" not implemented for 'ComplexFloat'")
    return made(*divided(parts(input), parts(other)))


@complex_operation()
def neg(input: ComplexTensor) -> Tensor:
    return ComplexTensor.of(-input._pair, input._conjugated)


@complex_operation()
def positive(input: ComplexTensor) -> Tensor:
    return input


@complex_operation()
def reciprocal(input: ComplexTensor) -> Tensor:
    return made(*divided((1.0, None), parts(input)))


@complex_operation()
def square(input: ComplexTensor) -> Tensor:
    return mul(input, input)


@complex_operation()
def conj(input: ComplexTensor) -> Tensor:
    return ComplexTensor.of(input._pair.view_as(input._pair), not input._conjugated)  # its gradient is its own


@complex_operation()
def resolve_conj(input: ComplexTensor) -> Tensor:
    return ComplexTensor.of(input.resolved()) if input._conjugated else input


@complex_operation()
def resolve_neg(input: ComplexTensor) -> Tensor:
    return input


@complex_operation()
def conj_physical(input: ComplexTensor) -> Tensor:
    x, y = parts(input)
    return made(x, -y)


@complex_operation("lerp")
def lerp(input: Any, end: Any, weight: Any) -> Tensor:
    return add(input, TABLE["mul"](weight, sub(end, input)))


@complex_operation()
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    return add(input, mul(tensor1, tensor2) if _any(tensor1, tensor2) else tensor1 * tensor2, alpha=value)


@complex_operation()
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Tensor:
    return add(input, div(tensor1, tensor2) if _any(tensor1, tensor2) else tensor1 / tensor2, alpha=value)


def _any(*values: Any) -> bool:
    return any([isinstance(value, ComplexTensor) for value in values])


# --- comparisons ------------------------------------------------------------------------------------------------------


@complex_operation()
def eq(input: Any, other: Any) -> Tensor:
    (x, y), (u, v) = parts(input), parts(other)
    same: Tensor = (x == u) & ((0.0 if y is None else y) == (0.0 if v is None else v))
    return same


@complex_operation()
def ne(input: Any, other: Any) -> Tensor:
    return ~eq(input, other)


@complex_operation()
def equal(input: Any, other: Any) -> bool:
    if input.dtype is not other.dtype:
        return False
    return input.shape == other.shape and bool(eq(input, other).all())


@complex_operation()
def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    x, y = as_complex(input), as_complex(other)
    close = eq(x, y)
    finite = TABLE["isfinite"](x) & TABLE["isfinite"](y)
    allowed = atol + rtol * TABLE["abs"](y)
    close = close | finite & (TABLE["abs"](sub(x, y)) <= allowed)
    return close | TABLE["isnan"](x) & TABLE["isnan"](y) if equal_nan else close


@complex_operation()
def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def _of_both(name: str, join: Any) -> None:
    def question(input: ComplexTensor) -> Tensor:
        x, y = parts(input)
        return join(getattr(x, name)(), getattr(y, name)())  # type: ignore[no-any-return]

    complex_operation(name)(question)


for _name in ("isnan", "isinf"):
    _of_both(_name, lambda x, y: x | y)
_of_both("isfinite", lambda x, y: x & y)


@complex_operation()
def isreal(input: ComplexTensor) -> Tensor:
    return input.imag == 0


def nonzero_numbers(input: Any) -> Tensor:
    """Where numbers are not zero."""
    if not isinstance(input, ComplexTensor):
        return input != 0  # type: ignore[no-any-return]
    x, y = parts(input)
    return (x != 0) | (y != 0)


@complex_operation()
def logical_not(input: Any) -> Tensor:
    return ~nonzero_numbers(input)


@complex_operation()
def logical_and(input: Any, other: Any) -> Tensor:
    return nonzero_numbers(input) & nonzero_numbers(other)


@complex_operation()
def logical_or(input: Any, other: Any) -> Tensor:
    return nonzero_numbers(input) | nonzero_numbers(other)


@complex_operation()
def logical_xor(input: Any, other: Any) -> Tensor:
    return nonzero_numbers(input) ^ nonzero_numbers(other)


# --- operators --------------------------------------------------------------------------------------------------------

_NUMBERS = (int, float, complex)


def _operator(name: str, swapped: bool) -> Any:
    def operator(self: ComplexTensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, *_NUMBERS)) and not hasattr(other, "dtype"):
            return NotImplemented
        function = TABLE[name]
        return function(other, self) if swapped else function(self, other)

    return operator


def _in_place(name: str) -> Any:
    def operator(self: ComplexTensor, other: Any) -> Any:
        return getattr(self, name + "_")(other)

    return operator


for _dunder, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "div": "div", "pow": "pow", "matmul": "matmul",
}.items():  # fmt: skip
    setattr(ComplexTensor, f"__{_dunder}__", _operator(_name, False))
    setattr(ComplexTensor, f"__r{_dunder}__", _operator(_name, True))
    if _dunder != "matmul":
        setattr(ComplexTensor, f"__i{_dunder}__", _in_place(_name))
for _name in ("eq", "ne"):
    setattr(ComplexTensor, f"__{_name}__", _operator(_name, False))
for _name in ("neg", "pos", "abs"):
    _named = {"pos": "positive"}.get(_name, _name)
    setattr(ComplexTensor, f"__{_name}__", lambda self, _named=_named: TABLE[_named](self))


def _refusing(name: str) -> Any:
    def operator(self: ComplexTensor, other: Any) -> Any:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'ComplexFloat'")

    return operator


for _dunder, _name in {
    "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "floordiv": "div_floor", "mod": "remainder", "and": "bitwise_and",
    "or": "bitwise_or", "xor": "bitwise_xor", "lshift": "lshift", "rshift": "rshift",
}.items():  # fmt: skip
    setattr(ComplexTensor, f"__{_dunder}__", _refusing(_name))
    setattr(ComplexTensor, f"__r{_dunder}__", _refusing(_name))
