"""Quantizing: what makes quantized tensors, and what only rounds numbers as they do (``fake_quantize``), with gradients.

Loaded when a program names one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..core.tensor import Tensor
from ..graph.dtypes import TYPE_NAMES, dtype, float16, float32, float64, int32, int64
from .arguments import export
from .choice import where
from .elementwise import differentiated
from .operation import NAMESPACE, operation
from .quantized.scheme import INTEGERS, LIMITS, Scale, chosen_scale, dynamic_scale, of_tensor, quantized, quint8
from .quantized.tensor import QuantizedTensor


def _quantized(input: Tensor, scale: Scale, kind: dtype) -> QuantizedTensor:
    """``RuntimeError`` unless numbers of float32 are to be quantized as integers."""
    if kind not in INTEGERS:
        raise RuntimeError(f"ScalarType {_type_name(kind)} is not supported in new_qtensor.")
    if input.dtype is not float32:
        raise RuntimeError(f"Quantize only works on Float Tensor, got {TYPE_NAMES[input.dtype]}")
    return QuantizedTensor.of(quantized(input.detach(), scale, kind), scale)


def _type_name(kind: Any) -> str:
    return TYPE_NAMES.get(kind, str(kind))


def _check_zero_point(zero_point: int, kind: dtype, name: str) -> None:
    low, high = LIMITS.get(kind, (0, 0))
    if kind in LIMITS and not low <= zero_point <= high:
        bound = "above upper" if zero_point > high else "below lower"
        raise RuntimeError(f"{name} zero_point {zero_point} is {bound} bound.")


@operation("quantize_per_tensor(tensors, scales, zero_points)", method=False)
def quantize_per_tensor(input: Any, scale: Any, zero_point: Any, dtype: dtype) -> Any:
    """``input`` (float32) as integers that stand for multiples of ``scale``, ``zero_point`` for zero.

    ``dtype`` is ``qint8``, ``quint8`` or ``qint32``. Of a list of tensors each has its scale and zero point. ``RuntimeError`` for
    other dtypes, and for a zero point beyond the integers of the dtype.
    """
    if isinstance(input, (list, tuple)):
        return tuple([quantize_per_tensor(x, s, z, dtype) for x, s, z in zip(input, scale, zero_point)])
    if not isinstance(zero_point, Tensor):
        _check_zero_point(zero_point, dtype, "quantize_tensor_per_tensor_affine")
    return _quantized(input, of_tensor(scale, zero_point), dtype)


@operation(method=False)
def quantize_per_channel(input: Tensor, scales: Tensor, zero_points: Tensor, axis: int, dtype: dtype) -> Any:
    """``input`` (float32) as integers, with a scale and a zero point (both as long as ``axis``) for each index of an axis.

    Zero points of a floating-point dtype are numbers of steps that need not be whole. ``RuntimeError`` if lengths do not fit.
    """
    if not 0 <= axis < input.dim():
        raise RuntimeError(
            f"Channel axis out of range in per channel affine quantization. Got: {axis} Expected: [0, {input.dim()})"
        )
    for given, name in ((scales, "scales"), (zero_points, "zero_points")):
        if given.dim() != 1:
            raise RuntimeError(f"{name} tensor must have dimension 1")
        if given.numel() != input.shape[axis]:
            raise RuntimeError(f"length of {name} must equal to channel, expected {input.shape[axis]} got, {given.numel()}")
    if zero_points.dtype.kind == "float":
        scale = Scale(scales.detach().float(), zero_points.detach().float(), axis)
    else:
        scale = Scale(scales.detach().double(), zero_points.detach().long(), axis)
    return _quantized(input, scale, dtype)


@operation(method=False)
def quantize_per_tensor_dynamic(input: Tensor, dtype: dtype, reduce_range: bool) -> Any:
    """``input`` (float32) as integers, by the scale that fits its smallest and largest element.

    With ``reduce_range`` half of the integers are used. ``dtype`` is ``qint8`` or ``quint8``; ``RuntimeError`` for others.
    """
    if dtype not in INTEGERS or dtype.itemsize > 1:
        raise RuntimeError(f"dtype {dtype} not supported")
    scale, zero_point = dynamic_scale(input, *LIMITS[dtype], reduce_range)
    return _quantized(input, of_tensor(scale, zero_point), dtype)


@operation("dequantize(tensors)", method=False)
def dequantize(input: Any) -> Any:
    """The numbers that a quantized tensor (or each of several) stands for, in float32."""
    return tuple([x.dequantize() for x in input]) if isinstance(input, (list, tuple)) else input.dequantize()


# --- rounded as quantized tensors are ---------------------------------------------------------------------------------


def _steps(input: Tensor, scale: Any, zero_point: Any) -> Tensor:
    inverse = 1.0 / scale if isinstance(scale, Tensor) or scale else math.inf
    return (input * inverse).round() + zero_point


def _limited(steps: Tensor, low: int, high: int) -> Tensor:
    """Steps within the limits; the lowest for what is no number."""
    return steps.nan_to_num(low, high, low).clamp(low, high)


def _inside(input: Tensor, scale: Any, zero_point: Any, low: int, high: int) -> Tensor:
    """Where numbers are within the limits."""
    steps = _steps(input.detach(), scale, zero_point)
    return (steps >= low) & (steps <= high)


def _check_limits(low: int, high: int) -> None:
    if low > high:
        raise RuntimeError("`quant_min` should be less than or \n        equal to `quant_max`.")


def _given(value: Any, like: Tensor) -> Any:
    """A scale or a zero point beside numbers: in their dtype, without axes or as it comes."""
    if not isinstance(value, Tensor):
        return value
    return value.detach().reshape(()).to(like.dtype)


@operation(method=False)
def fake_quantize_per_tensor_affine(input: Tensor, scale: Any, zero_point: Any, quant_min: int, quant_max: int) -> Tensor:
    """Each number as it would be after quantizing: the nearest multiple of ``scale`` that an integer stands for.

    Integers are from ``quant_min`` to ``quant_max``, and ``zero_point`` stands for zero. The gradient is passed on where a number
    is within the limits (the straight-through estimator). ``RuntimeError`` if the limits or the zero point do not fit.
    """
    _check_limits(quant_min, quant_max)
    for given, name in ((scale, "scale"), (zero_point, "zero_point")):
        if isinstance(given, Tensor) and given.requires_grad:
            raise RuntimeError(
                "The function 'fake_quantize_per_tensor_affine' is not differentiable with respect to argument "
                f"'{name}'. This input cannot have requires_grad True."
            )
    if input.dtype.kind != "float":
        raise NotImplementedError(f"\"fake_quantize_per_tensor_affine\" not implemented for '{_type_name(input.dtype)}'")
    if not isinstance(zero_point, Tensor) and not quant_min <= zero_point <= quant_max:
        raise RuntimeError("`zero_point` must be between `quant_min` and `quant_max`.")
    return _rounded_by_tensor(input, _given(scale, input), _given(zero_point, input), quant_min, quant_max)


def _rounded_to_steps(input: Tensor, scale: Any, zero_point: Any, low: int, high: int) -> Tensor:
    return (_limited(_steps(input, scale, zero_point), low, high) - zero_point) * scale


def _with_gradient(history: str) -> Callable[..., Tensor]:
    """The numbers rounded, with a history of that name: gradients are passed on within the limits."""
    return differentiated(
        lambda grad, input, scale, zero_point, low, high: grad * _inside(input, scale, zero_point, low, high), name=history
    )(_rounded_to_steps)


_rounded_by_tensor = _with_gradient("FakeQuantizePerTensorAffineCachemaskBackward0")
_rounded_by_channel = _with_gradient("FakeQuantizePerChannelAffineCachemaskBackward0")


@operation(method=False)
def fake_quantize_per_channel_affine(
    input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int, quant_max: int
) -> Tensor:
    """:func:`fake_quantize_per_tensor_affine` with a scale and a zero point (as long as ``axis``) for each index of an axis."""
    _check_limits(quant_min, quant_max)
    if not 0 <= axis < max(input.dim(), 1):
        raise RuntimeError("`axis` must be between 0 and number of dimensions of input")
    if zero_point.dtype not in (int32, float32, float16):
        raise RuntimeError(f"Zero-point must be Int32, Float or Half, found {TYPE_NAMES[zero_point.dtype]}")
    for given, name in ((scale, "scale"), (zero_point, "zero_point")):
        if given.dim() != 1:
            raise RuntimeError(f"{name} should be a 1-D tensor")
        if given.numel() != input.shape[axis]:
            raise RuntimeError("dimensions of scale and zero-point are not consistent with input tensor")
    shape = [1] * input.dim()
    shape[axis] = -1
    scale, zero_point = (given.detach().to(input.dtype).reshape(shape) for given in (scale, zero_point))
    return _rounded_by_channel(input, scale, zero_point, quant_min, quant_max)


@operation(method=False)
def fused_moving_avg_obs_fake_quant(
    input: Tensor, observer_on: Tensor, fake_quant_on: Tensor, running_min: Tensor, running_max: Tensor, scale: Tensor,
    zero_point: Tensor, averaging_const: float, quant_min: int, quant_max: int, ch_axis: int,
    per_row_fake_quant: bool = False, symmetric_quant: bool = False,
) -> Tensor:  # fmt: skip
    """:func:`fake_quantize_per_tensor_affine` (per channel, along ``ch_axis``) by a range that follows what comes.

    The running extremes move by the share ``averaging_const`` towards those of ``input`` (from infinities at once), where
    ``observer_on`` says so; they, ``scale`` and ``zero_point`` are written to.
    """
    if bool(observer_on[0]):
        _observe(input.detach(), running_min, running_max, averaging_const, ch_axis, per_row_fake_quant)
        _follow(running_min, running_max, scale, zero_point, quant_min, quant_max, symmetric_quant)
    if not bool(fake_quant_on[0]):
        return input.view_as(input)
    if per_row_fake_quant:
        return fake_quantize_per_channel_affine(input, scale, zero_point, ch_axis, quant_min, quant_max)
    return fake_quantize_per_tensor_affine(input, scale, zero_point, quant_min, quant_max)


def _observe(
    input: Tensor, running_min: Tensor, running_max: Tensor, share: float, axis: int, per_row: bool
) -> None:
    if per_row:
        rows = input.movedim(axis, 0).reshape(input.shape[axis], -1)
        lowest, highest = rows.amin(1), rows.amax(1)
        if running_min.shape != lowest.shape:
            running_min.resize_(lowest.shape).fill_(float("inf"))
            running_max.resize_(highest.shape).fill_(float("-inf"))
    else:
        lowest, highest = (part.reshape(running_min.shape) for part in (input.amin(), input.amax()))
    running_min.copy_(where(running_min.isinf(), lowest, running_min + share * (lowest - running_min)))
    running_max.copy_(where(running_max.isinf(), highest, running_max + share * (highest - running_max)))


def _follow(
    lowest: Tensor, highest: Tensor, scale: Tensor, zero_point: Tensor, low: int, high: int, symmetric: bool
) -> None:
    if symmetric:  # integers as many above zero as below it, where there are numbers on both sides
        below, above = -((high - low) // 2 + 1), (high - low) // 2
        widest = (lowest.double() / below).abs().maximum((highest.double() / above).abs())
        both = (lowest < 0) & (highest > 0)
        lowest, highest = where(both, widest * below, lowest.double()), where(both, widest * above, highest.double())
    found, zero = chosen_scale(lowest, highest, low, high)
    if scale.numel() != found.numel():
        scale.resize_(found.shape)
        zero_point.resize_(found.shape)
    scale.copy_(found.reshape(scale.shape))
    zero_point.copy_(zero.reshape(zero_point.shape))


# --- of their parts ---------------------------------------------------------------------------------------------------


@operation(method=False)
def _empty_affine_quantized(
    size: Any, *, scale: float = 1.0, zero_point: int = 0, dtype: dtype = quint8, device: Any = None,
    memory_format: Any = None, layout: Any = None, pin_memory: bool | None = None, requires_grad: bool = False,
) -> Any:  # fmt: skip
    """A quantized tensor whose integers are anything."""
    integers = NAMESPACE["empty"](*size, dtype=INTEGERS[dtype])
    return QuantizedTensor.of(integers, of_tensor(scale, zero_point))


@operation(method=False)
def _make_per_tensor_quantized_tensor(input: Tensor, scale: float, zero_point: int) -> Any:
    """What integers (int8, uint8 or int32) stand for."""
    return QuantizedTensor.of(input.clone(), of_tensor(scale, zero_point))


@operation(method=False)
def _make_per_channel_quantized_tensor(input: Tensor, scale: Tensor, zero_point: Tensor, axis: int) -> Any:
    """What integers stand for, with a scale and a zero point for each index of ``axis``."""
    return QuantizedTensor.of(input.clone(), Scale(scale.to(float64), zero_point.to(int64), axis))


def _asked(name: str) -> None:
    """A function that asks a quantized tensor; what is none, is refused by the name of the operation."""

    def ask(input: Tensor) -> Any:
        if not isinstance(input, QuantizedTensor):
            raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the 'CPU' backend.")
        return getattr(input, name)()

    ask.__name__ = ask.__qualname__ = name
    ask.__doc__ = f"``input.{name}()`` of a quantized tensor. ``NotImplementedError`` for another one."
    operation(method=False)(ask)


_ASKED = ("int_repr", "q_scale", "q_zero_point", "q_per_channel_scales", "q_per_channel_zero_points", "q_per_channel_axis")
for _name in _ASKED:
    _asked(_name)

_EXPORTED = (
    "quantize_per_tensor", "quantize_per_channel", "quantize_per_tensor_dynamic", "dequantize",
    "fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine", "fused_moving_avg_obs_fake_quant",
    "_empty_affine_quantized", "_make_per_tensor_quantized_tensor", "_make_per_channel_quantized_tensor", *_ASKED,
)  # fmt: skip
globals().update(export({name: NAMESPACE[name] for name in _EXPORTED}, "flambeau"))
