"""Dropout. What is kept is decided by random bits; backward needs these decisions alone, one byte an element."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..core.history import INPUTS, Gradient
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.dtypes import TYPE_NAMES, dtype
from ..graph.shapes import Size
from .dispatch import with_history
from .operation import operation
from .random import bits
from .recording_paths import binary, ternary, unary


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")


def limit_of(p_drop: float) -> int:
    """The integer (int32) that random bits are below with probability ``p_drop`` < 1."""
    return round(p_drop * (1 << 32)) - (1 << 31)


def _kept(shape: Size, p_drop: float) -> Tensor:
    """Booleans that are true with probability 1 - ``p_drop`` < 1 (to 32 bits)."""
    return binary(p.GE, bits(shape, dtypes.int32, None), limit_of(p_drop))


def factor_of(kept: Tensor, scale: float, d: dtype) -> Tensor:
    """``scale`` where elements are kept, else zero."""
    return binary(p.MUL, unary(p.CAST, kept, None, d), scale)


class NativeDropoutBackward0(Gradient):
    """``saved``: what was kept; ``context``: what that was multiplied by."""

    saves = INPUTS

    def backward(self, grad: Tensor) -> Tensor:
        return grad * factor_of(self.input(1), self.context, grad.dtype)


def _dropped(input: Tensor, kept: Tensor, p_drop: float) -> Tensor:
    """Elements that are not kept times zero, the others divided by 1 - ``p_drop``."""
    scale = 1.0 / (1.0 - p_drop)
    result = binary(p.MUL, input, factor_of(kept, scale, input.dtype))
    return with_history(result, NativeDropoutBackward0, [input, kept], scale, kept=[None, kept])


def _apply(
    drop: Callable[[Tensor, Tensor, float], Tensor], whole: bool, input: Tensor, p: float, train: bool
) -> Tensor:
    """``drop`` by chance, with one draw an element or, for ``whole`` channels, one a channel."""
    _check(p)
    if not train or p == 0 or input.numel() == 0:
        return input
    if input.dtype.category < 2:
        raise RuntimeError(f"result type Float can't be cast to the desired output type {TYPE_NAMES[input.dtype]}")
    shape = _channel_shape(input) if whole else input.shape
    return input * 0.0 if p == 1 else drop(input, _kept(shape, p), p)


@operation(method=False, inplace=True)
def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """In training, zero each element with probability ``p`` and divide the others by ``1 - p``."""
    return _apply(_dropped, False, input, p, train)


def _channel_shape(input: Tensor) -> Size:
    """One element for each sample and channel."""
    if input.ndim < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return Size((*input.shape[:2], *[1] * (input.ndim - 2)))


@operation(method=False, inplace=True)
def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """:func:`dropout` of whole channels (dimension 1) of samples."""
    return _apply(_dropped, True, input, p, train)


_SATURATION = 1.7580993408473766
"""What SELU tends to for very negative arguments, with its sign changed."""


def _alpha_dropped(input: Tensor, kept: Tensor, p_drop: float) -> Tensor:
    """SELU's saturation where elements are not kept; mean and variance restored (Klambauer and others, 2017)."""
    scale = 1.0 / math.sqrt((_SATURATION * _SATURATION * p_drop + 1.0) * (1.0 - p_drop))
    shift = _SATURATION * scale * p_drop
    value = ternary(p.WHERE, kept, shift, shift - _SATURATION * scale)
    value = value if value.dtype is input.dtype else unary(p.CAST, value, None, input.dtype)
    result = binary(p.ADD, binary(p.MUL, input, factor_of(kept, scale, input.dtype)), value)
    return with_history(result, NativeDropoutBackward0, [input, kept], scale, kept=[None, kept])


@operation(method=False, inplace=True)
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Dropout for self-normalising networks: keeps mean 0 and variance 1."""
    return _apply(_alpha_dropped, False, input, p, train)


@operation(method=False, inplace=True)
def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """:func:`alpha_dropout` of whole channels (dimension 1) of samples."""
    return _apply(_alpha_dropped, True, input, p, train)
