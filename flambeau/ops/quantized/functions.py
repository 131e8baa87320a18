"""What computes with quantized tensors: on the numbers that they stand for, and quantized again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.tensor import Tensor
from ...graph.dtypes import float32
from ..by_name import functional, real
from .calls import not_run, quantized_operation
from .scheme import LIMITS, of_tensor, qint32
from .tensor import TYPES, QuantizedTensor, requantized


@quantized_operation()
def dequantize(input: Any) -> Any:
    if isinstance(input, (list, tuple)):
        return tuple([part.dequantize() for part in input])
    return input.dequantize()


for _name in (
    "int_repr", "q_scale", "q_zero_point", "q_per_channel_scales", "q_per_channel_zero_points", "q_per_channel_axis",
):  # fmt: skip
    quantized_operation(_name)(getattr(QuantizedTensor, _name))


@quantized_operation()
def relu(input: QuantizedTensor, inplace: bool = False) -> Tensor:
    zero = input._scale.zero_point.to(input._integers.dtype)
    result = QuantizedTensor.of(input._integers.maximum(zero), input._scale)
    return input.copy_(result) if inplace else result


def _within(name: str, reach: float, lowest: float, table: Any) -> None:
    """Have a function be quantized by the scale for values from ``lowest`` on that reach as far; of 32 bits, about zero."""
    plain: Callable[..., Any] = getattr(table, name)

    def compute(input: QuantizedTensor, inplace: bool = False) -> Tensor:
        input._of_all(name)
        low, high = LIMITS[input.dtype]
        scale = reach / (high - low + 1)
        zero_point = 0 if input.dtype is qint32 else low - round(lowest / scale)
        result = requantized(plain(input.dequantize()), input, of_tensor(scale, zero_point))
        return input.copy_(result) if inplace else result

    quantized_operation(name)(compute)


_within("sigmoid", 1.0, 0.0, real)
_within("tanh", 2.0, -1.0, real)
_within("hardsigmoid", 1.0, 0.0, functional)

# --- what is not quantized --------------------------------------------------------------------------------------------


def _compared(name: str) -> None:
    plain: Callable[..., Any] = getattr(real, name)

    def compare(input: Any, other: Any) -> Tensor:
        return plain(*[x.dequantize() if isinstance(x, QuantizedTensor) else x for x in (input, other)])

    quantized_operation(name)(compare)
    setattr(QuantizedTensor, f"__{name}__", compare)


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    _compared(_name)


@quantized_operation()
def equal(input: Any, other: Any) -> bool:
    """Whether integers and what they stand for are the same."""
    if not isinstance(input, QuantizedTensor) or not isinstance(other, QuantizedTensor):
        return False
    mine, others = input._scale, other._scale
    if input.dtype is not other.dtype or mine.axis != others.axis or input.shape != other.shape:
        return False
    same = bool(mine.scale.equal(others.scale)) and bool(mine.zero_point.equal(others.zero_point))
    return same and bool(input._integers.equal(other._integers))


@quantized_operation()
def empty_like(input: QuantizedTensor, **keywords: Any) -> QuantizedTensor:
    return QuantizedTensor.of(real.empty_like(input._integers), input._scale)


@quantized_operation()
def ones_like(input: QuantizedTensor, **keywords: Any) -> QuantizedTensor:
    return requantized(real.ones_like(input._integers, dtype=float32), input)


@quantized_operation()
def dropout(input: QuantizedTensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> QuantizedTensor:
    if training:
        raise not_run("dropout")
    return input


@quantized_operation("is_floating_point", "is_complex")
def _is_neither(input: QuantizedTensor) -> bool:
    return False


@quantized_operation("type")
def _type(input: QuantizedTensor) -> str:
    return f"torch.quantized.{TYPES[input.dtype.name]}Tensor"


@quantized_operation("to")
def _to(input: QuantizedTensor, *arguments: Any, **keywords: Any) -> QuantizedTensor:
    """The tensor itself: there is one device, and no other dtype to which quantized numbers are converted."""
    for value in (*arguments, keywords.get("dtype")):
        kind = value.dtype if isinstance(value, Tensor) else value
        if hasattr(kind, "kind") and kind is not input.dtype:
            raise RuntimeError("Creation of quantized tensor requires quantized dtype like torch.quint8")
    return input


def _refuses_dtype(name: str) -> None:
    def refuse(input: QuantizedTensor, *arguments: Any, **keywords: Any) -> Any:
        raise RuntimeError("Creation of quantized tensor requires quantized dtype like torch.quint8")

    quantized_operation(name)(refuse)


def _refuses_operand(name: str) -> None:
    def refuse(self: QuantizedTensor, *arguments: Any) -> Any:
        raise not_run(name)

    for form in (f"__{name}__", f"__r{name}__", f"__i{name}__"):
        setattr(QuantizedTensor, form, refuse)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    _refuses_operand(_name)
for _name in ("neg", "abs", "invert"):
    setattr(QuantizedTensor, f"__{_name}__", lambda self, _called=_name: getattr(self, _called)())


for _name in ("float", "double", "half", "bfloat16", "int", "long", "short", "bool", "char", "byte"):
    _refuses_dtype(_name)
