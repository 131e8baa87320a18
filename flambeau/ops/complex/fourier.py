"""Discrete Fourier transforms of pairs, by NumPy, with their gradients. ``flambeau.fft`` has the functions that programs call."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.history import Gradient
from ...core.tensor import Tensor
from ...graph.dtypes import float32, float64
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


def scale_of(count: int, forward: bool, norm: str | None) -> float:
    """The factor of a transform of so many elements. ``RuntimeError`` for a ``norm`` that is none."""
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'Invalid normalization mode: "{norm}"')
    if norm == "ortho":
        return 1 / math.sqrt(count) if count else 1.0
    scaled = (norm == "forward") == forward
    return 1 / count if scaled and count else 1.0
