"""Dropout of elements and of whole channels."""

from __future__ import annotations

import math
import warnings

import flambeau

from ... import ops
from ...ops.operation import assign
from ...tensor import Tensor


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _finish(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return assign(input, result) if inplace else result


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, zero each element with probability ``p`` and divide the others by ``1 - p``."""
    _check(p)
    if not training or p == 0.0:
        return input
    return _finish(input, ops.dropout(input, p, True), inplace)


def _channel_mask(input: Tensor, p: float) -> Tensor:
    """Zeros with probability ``p`` and ones, one for each sample and channel, to be broadcast over the rest."""
    if input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    shape = (*input.shape[:2], *(1,) * (input.dim() - 2))
    return flambeau.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1.0 - p)


def _dropout_channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    if not training or p == 0.0:
        return input
    # With p = 1 nothing is left to be scaled.
    scale = _channel_mask(input, p) / ((1.0 - p) or 1.0)
    return _finish(input, input * scale, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L)."""
    _check(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. "
            "Note that dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, a channel "
            "dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.dim() == 3:
        return _dropout_channels(input, p, training, inplace)
    result = _dropout_channels(input.unsqueeze(0), p, training, inplace).squeeze(0)
    return input if inplace else result


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, H, W) or (N, C, L)."""
    _check(p)
    if input.dim() not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and will result in an "
            "error in a future release. To retain the behavior and silence this warning, please use dropout instead. "
            "Note that dropout2d exists to provide channel-wise dropout on inputs with 2 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 3D or 4D inputs).",
            stacklevel=2,
        )
    if input.dim() == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _dropout_channels(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    _check(p)
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and will result in an "
            "error in a future release. To retain the behavior and silence this warning, please use dropout instead. "
            "Note that dropout3d exists to provide channel-wise dropout on inputs with 3 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 4D or 5D inputs).",
            stacklevel=2,
        )
    if input.dim() != 4:
        return _dropout_channels(input, p, training, inplace)
    result = _dropout_channels(input.unsqueeze(0), p, training, inplace).squeeze(0)
    return input if inplace else result


_ALPHA = 1.7580993408473766
"""What SELU tends to for very negative arguments, with its sign changed."""


def _alpha_dropout(input: Tensor, mask: Tensor, p: float, inplace: bool) -> Tensor:
    """Put what SELU saturates at where ``mask`` is 0, then restore mean and variance (Klambauer and others 2017)."""
    if p == 1.0:
        return _finish(input, input * 0.0, inplace)
    a = 1.0 / math.sqrt((_ALPHA * _ALPHA * p + 1.0) * (1.0 - p))
    shift = (mask - 1.0) * (_ALPHA * a) + _ALPHA * a * p
    return _finish(input, input * (mask * a) + shift, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for self-normalising networks: keeps mean 0 and variance 1."""
    _check(p)
    if not training or p == 0.0:
        return input
    return _alpha_dropout(input, flambeau.empty_like(input).bernoulli_(1.0 - p), p, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """:func:`alpha_dropout` of whole channels."""
    _check(p)
    if not training or p == 0.0:
        return input
    return _alpha_dropout(input, _channel_mask(input, p), p, inplace)
