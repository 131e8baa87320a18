"""What integers stand for: one scale and zero point for a whole tensor, or one of each for every index of an axis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...core.composite import composite
from ...core.tensor import Tensor
from ...graph.dtypes import dtype, float32, float64, int8, int32, int64, uint8
from ...graph.named_dtypes import qint8, qint32, quint8  # type: ignore[attr-defined]
from ...graph.schemes import per_channel_affine, per_channel_affine_float_qparams, per_tensor_affine, qscheme
from ..choice import where
from ..from_data import tensor

INTEGERS: dict[dtype, dtype] = {qint8: int8, quint8: uint8, qint32: int32}
"""The dtypes of the integers, by the dtypes of what is quantized."""

LIMITS: dict[dtype, tuple[int, int]] = {qint8: (-128, 127), quint8: (0, 255), qint32: (-(2**31), 2**31 - 1)}
"""The smallest and the largest integer of each."""

QUANTIZED = {integers: quantized for quantized, integers in INTEGERS.items()}


class Scale(NamedTuple):
    """What integers stand for: ``(integer - zero_point) * scale``.

    Both are tensors: of no axes (float64 and int64) for a whole tensor, or with an element for every index of ``axis``.
    """

    scale: Tensor
    zero_point: Tensor
    axis: int | None = None

    @property
    def scheme(self) -> qscheme:
        if self.axis is None:
            return per_tensor_affine
        return per_channel_affine_float_qparams if self.zero_point.dtype.kind == "float" else per_channel_affine

    def along(self, ndim: int, kind: dtype = float32) -> tuple[Tensor, Tensor]:
        """Scale and zero point of a dtype, so that they can stand beside a tensor of ``ndim`` axes."""
        scale, zero_point = self.scale.to(kind), self.zero_point.to(kind)
        if self.axis is None:
            return scale, zero_point
        shape = [1] * ndim
        shape[self.axis] = -1
        return scale.reshape(shape), zero_point.reshape(shape)


def of_tensor(scale: float | Tensor, zero_point: int | Tensor) -> Scale:
    """One scale and zero point for all elements."""
    return Scale(_number(scale, float64), _number(zero_point, int64))


def _number(value: float | Tensor, kind: dtype) -> Tensor:
    return value.detach().reshape(()).to(kind) if isinstance(value, Tensor) else tensor(value, dtype=kind)


def quantized(numbers: Tensor, scale: Scale, kind: dtype) -> Tensor:
    """The integers that stand for numbers of float32, to the nearest (even, of two), within the limits of ``kind``."""
    return composite(_quantized, (kind, scale.axis), numbers, scale.scale, scale.zero_point)[0]


def _quantized(how: tuple[dtype, int | None], numbers: Tensor, scale: Tensor, zero_point: Tensor) -> tuple[Tensor]:
    kind, axis = how
    return (rounded_steps(numbers, Scale(scale, zero_point, axis), kind).to(INTEGERS[kind]),)


def rounded_steps(numbers: Tensor, scale: Scale, kind: dtype) -> Tensor:
    """The integers of :func:`quantized`, before they are converted."""
    low, high = LIMITS[kind]
    step, zero_point = scale.along(numbers.ndim)
    if scale.scheme is per_channel_affine_float_qparams:  # whose zero point is added before anything is rounded
        return (numbers / step + zero_point).round().clamp(low, high)
    steps = (numbers * (1.0 / step) + zero_point).round()
    if kind is qint32:
        steps = steps.double()
    steps = steps.nan_to_num(high, high, low)  # as the processors that PyTorch is made for have it
    return steps.clamp(low, high)


def dequantized(integers: Tensor, scale: Scale) -> Tensor:
    """The numbers of float32 that integers stand for."""
    return composite(_dequantized, scale.axis, integers, scale.scale, scale.zero_point)[0]


def _dequantized(axis: int | None, integers: Tensor, *given: Tensor) -> tuple[Tensor]:
    scale = Scale(given[0], given[1], axis)
    step, zero_point = scale.along(integers.ndim)
    if integers.dtype is int32:
        return ((integers.double() - scale.along(integers.ndim, float64)[1]).float() * step,)
    return ((integers.float() - zero_point) * step,)


# --- scales for numbers that are there -----------------------------------------------------------------------------------


def chosen_scale(lowest: Tensor, highest: Tensor, low: int, high: int) -> tuple[Tensor, Tensor]:
    """Scale (float64) and zero point (int64) by which integers from ``low`` to ``high`` stand for a range of numbers.

    Zero is in the range, and is exact: the zero point is rounded from the end of the range that leaves the smaller error. A range
    so narrow that the reciprocal of the scale overflows has the scale 0.1, and no scale is below 6.1e-5.
    """
    lowest, highest = lowest.detach().double().clamp(max=0), highest.detach().double().clamp(min=0)
    scale = (highest - lowest) / (high - low)
    single = scale.float()
    scale = where((single == 0) | (1 / single).isinf(), 0.1, scale)
    wider = where(scale < _SMALLEST, _SMALLEST / scale, 1.0)
    lowest, highest, scale = lowest * wider, highest * wider, scale * wider
    error_low, error_high = abs(low) - (lowest / scale).abs(), abs(high) - (highest / scale).abs()
    zero_point = where(error_low < error_high, low - lowest / scale, high - highest / scale)
    return scale, zero_point.clamp(low, high).round().long()


_SMALLEST = float(np.float32(6.1e-5))
"""The smallest scale: the smallest normal number of float16."""


def dynamic_scale(input: Tensor, low: int, high: int, reduce_range: bool) -> tuple[Tensor, Tensor]:
    """The scale and zero point for a tensor's elements."""
    if reduce_range:
        low, high = -(-low // 2), high // 2
    if not input.numel():
        return chosen_scale(input.new_zeros(()), input.new_zeros(()), low, high)
    return chosen_scale(input.amin(), input.amax(), low, high)


def fitted_steps(input: Tensor, reduce_range: bool) -> tuple[Tensor, Tensor]:
    """A tensor's elements in units of the scale that fits them, rounded as ``quint8`` are; and that scale (float64)."""
    scale, zero_point = dynamic_scale(input, *LIMITS[quint8], reduce_range)
    return rounded_steps(input, Scale(scale, zero_point), quint8) - zero_point.float(), scale
