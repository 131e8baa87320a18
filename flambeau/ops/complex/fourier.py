"""Discrete Fourier transforms of pairs, by NumPy, with their gradients. ``flambeau.fft`` has the functions that programs call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.history import Gradient
from ...core.tensor import Tensor
from ...graph.dtypes import float32, float64
from ...graph.shapes import Size
from ..dispatch import with_history
from ..host import on_host
from .tensor import ComplexTensor


def _numpy_transform(pairs: np.ndarray, axes: tuple[int, ...], forward: bool) -> np.ndarray:
    wide = np.complex64 if pairs.dtype == np.float32 else np.complex128
    numbers = np.ascontiguousarray(pairs).view(wide)[..., 0]
    # Neither direction is scaled here.
    result = np.fft.fftn(numbers, axes=axes) if forward else np.fft.ifftn(numbers, axes=axes, norm="forward")
    return np.ascontiguousarray(result.astype(wide, copy=False))[..., None].view(pairs.dtype)


class FftC2CBackward0(Gradient):
    """``context``: axes, and whether the transform was forward. Its adjoint is the other one."""

    def backward(self, grad: Tensor) -> Any:
        axes, forward = self.context
        return (_transformed(grad, axes, not forward),)


def _transformed(pairs: Tensor, axes: tuple[int, ...], forward: bool) -> Tensor:
    parameters = {"axes": axes, "forward": forward}
    result = on_host(_numpy_transform, parameters, [(pairs.shape, pairs.dtype)], pairs)[0]
    return with_history(result, FftC2CBackward0, (pairs,), (axes, forward))


# --- real numbers -----------------------------------------------------------------------------------------------------

# Of a transform of real numbers the second half of the last axis is the conjugate of the first, and is neither computed nor kept.
# What each direction is the other's adjoint by: elements of the half stand for their conjugates as well, but for the first, and
# the one in the middle of an even length.


def _numpy_to_half(numbers: np.ndarray, axes: tuple[int, ...], weight: float) -> np.ndarray:
    half = np.fft.rfftn(numbers, axes=axes)
    _weigh(half, axes[-1], numbers.shape[axes[-1]], weight)
    wide = np.complex64 if numbers.dtype == np.float32 else np.complex128
    return np.ascontiguousarray(half.astype(wide, copy=False))[..., None].view(numbers.dtype)


def _numpy_from_half(pairs: np.ndarray, axes: tuple[int, ...], length: int, weight: float) -> np.ndarray:
    wide = np.complex64 if pairs.dtype == np.float32 else np.complex128
    half = np.ascontiguousarray(pairs).view(wide)[..., 0]
    if weight != 1:
        half = half.copy()
        _weigh(half, axes[-1], length, weight)
    shape = [*[half.shape[axis] for axis in axes[:-1]], length]
    return np.fft.irfftn(half, shape, axes, norm="forward").astype(pairs.dtype, copy=False)


def _weigh(half: np.ndarray, axis: int, length: int, weight: float) -> None:
    if weight != 1:
        half[(slice(None),) * axis + (slice(1, (length + 1) // 2),)] *= weight


class FftR2CBackward0(Gradient):
    """``context``: axes, the real numbers' length along the last, and the weight of elements that stand for two."""

    def backward(self, grad: Tensor) -> Any:
        axes, length, weight = self.context
        return (_from_half(grad, axes, length, weight / 2),)


class FftC2RBackward0(Gradient):
    """As :class:`FftR2CBackward0`."""

    def backward(self, grad: Tensor) -> Any:
        axes, _, weight = self.context
        return (_to_half(grad, axes, weight * 2),)


def _to_half(x: Tensor, axes: tuple[int, ...], weight: float = 1.0) -> Tensor:
    """The first half of the forward transform, as pairs: float32 or float64 (…, n // 2 + 1, …, 2)."""
    length = x.shape[axes[-1]]
    shape = Size((*x.shape[: axes[-1]], length // 2 + 1, *x.shape[axes[-1] + 1 :], 2))
    result = on_host(_numpy_to_half, {"axes": axes, "weight": weight}, [(shape, x.dtype)], x)[0]
    return with_history(result, FftR2CBackward0, (x,), (axes, length, weight))


def _from_half(pairs: Tensor, axes: tuple[int, ...], length: int, weight: float = 1.0) -> Tensor:
    """The inverse of :func:`_to_half`, not scaled."""
    shape = Size((*pairs.shape[: axes[-1]], length, *pairs.shape[axes[-1] + 1 : -1]))
    parameters = {"axes": axes, "length": length, "weight": weight}
    result = on_host(_numpy_from_half, parameters, [(shape, pairs.dtype)], pairs)[0]
    return with_history(result, FftC2RBackward0, (pairs,), (axes, length, weight))


# --- scaled -----------------------------------------------------------------------------------------------------------


def transformed(x: ComplexTensor, axes: Sequence[int], forward: bool, norm: str | None) -> ComplexTensor:
    """The transform of complex numbers along axes (counted from the first), scaled as ``norm`` says.

    ``"backward"`` scales the inverse by one over the number of elements, ``"forward"`` the forward transform, ``"ortho"`` both by
    the root of that.
    """
    pairs = x.resolved()
    if pairs.dtype not in (float32, float64):
        pairs = pairs.float()
    if axes:
        pairs = _transformed(pairs, tuple(axes), forward)
    count = math.prod([x.shape[axis] for axis in axes])
    scale = scale_of(count, forward, norm)
    return ComplexTensor.of(pairs * scale if scale != 1 else pairs)


def half_of_transform(x: Tensor, axes: Sequence[int], norm: str | None) -> ComplexTensor:
    """The transform of real numbers along axes: along the last of them, the half of which the rest is the conjugate."""
    count = math.prod([x.shape[axis] for axis in axes])
    scale = scale_of(count, True, norm)
    pairs = _to_half(x, tuple(axes))
    return ComplexTensor.of(pairs * scale if scale != 1 else pairs)


def real_of_half(x: ComplexTensor, axes: Sequence[int], length: int, norm: str | None) -> Tensor:
    """The real numbers, ``length`` along the last of the axes, that have this half of a transform; not scaled forward."""
    count = math.prod([x.shape[axis] for axis in axes[:-1]]) * length
    scale = scale_of(count, False, norm)
    result = _from_half(x.resolved(), tuple(axes), length)
    return result * scale if scale != 1 else result


def scale_of(count: int, forward: bool, norm: str | None) -> float:
    """The factor of a transform of so many elements. ``RuntimeError`` for a ``norm`` that is none."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(count) if count else 1.0
    scaled = (norm == "forward") == forward
    return 1 / count if scaled and count else 1.0
