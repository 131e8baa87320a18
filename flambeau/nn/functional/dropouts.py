"""Dropout of elements and of whole channels."""

from __future__ import annotations

from ...core.tensor import Tensor
from ...graph.notices import warn
from ...ops import dropout as drops
from ...ops.assignment import assign


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:  # what is no number is for the operation to refuse
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _finish(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return assign(input, result) if inplace and result is not input else result


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, zero each element with probability ``p`` and divide the others by ``1 - p``."""
    if not 0.0 <= p <= 1.0:
        _check(p)
    return _finish(input, drops.dropout(input, p, training), inplace)


def _dropout_channels(input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    return _finish(input, drops.feature_dropout(input, p, training), inplace)


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
        warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and will result in an "
            "error in a future release. To retain the behavior and silence this warning, please use dropout instead. "
            "Note that dropout2d exists to provide channel-wise dropout on inputs with 2 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 3D or 4D inputs).",
        )
    if input.dim() == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
        )
    return _dropout_channels(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W)."""
    _check(p)
    if input.dim() not in (4, 5):
        warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and will result in an "
            "error in a future release. To retain the behavior and silence this warning, please use dropout instead. "
            "Note that dropout3d exists to provide channel-wise dropout on inputs with 3 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 4D or 5D inputs).",
        )
    if input.dim() != 4:
        return _dropout_channels(input, p, training, inplace)
    result = _dropout_channels(input.unsqueeze(0), p, training, inplace).squeeze(0)
    return input if inplace else result


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for self-normalising networks: keeps mean 0 and variance 1."""
    _check(p)
    if not isinstance(input, Tensor):
        raise TypeError(f"alpha_dropout(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return _finish(input, drops.alpha_dropout(input, p, training), inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """:func:`alpha_dropout` of whole channels."""
    _check(p)
    if not isinstance(input, Tensor):
        raise TypeError(f"feature_alpha_dropout(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return _finish(input, drops.feature_alpha_dropout(input, p, training), inplace)
