"""Normalisation over batches, layers, groups, instances and rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ...core.tensor import Tensor
from ...ops import normalization as norms
from ...ops.assignment import write_out
from ...ops.conversion import rounded_once
from ...ops.padding import pad
from ...ops.pooling import avg_pool2d


def _verify_batch_size(size: Sequence[int]) -> None:
    if size[0] * prod(size[2:]) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel (dimension 1) by the batch's statistics in training, else by the running ones.

    In training the running statistics, if given, move towards the batch's by ``momentum``.
    """
    if training:
        _verify_batch_size(input.size())
        if eps <= 0.0:
            raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    return norms.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each sample by itself, or by the running statistics."""
    if use_input_stats and prod(input.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.size()}")
    return norms.instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last dimensions, whose extents are ``normalized_shape``."""
    return norms.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each of ``num_groups`` groups of channels of each sample by itself."""
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    _verify_batch_size([input.size(0) * input.size(1) // num_groups, num_groups, *input.shape[2:]])
    return norms.group_norm(input, num_groups, weight, bias, eps)


@rounded_once
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide by a power of the mean square of ``size`` neighbouring channels."""
    if input.dim() < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {input.dim()} dimensions)"
        )
    if input.numel() == 0:
        return input
    square = (input.square() if input.dtype.category >= 2 else input * input).unsqueeze(1)
    channels = input.size(1)
    padded = pad(square.reshape(input.size(0), 1, channels, -1), (0, 0, size // 2, (size - 1) // 2)).squeeze(1)
    if input.dtype.category < 2:  # means of integers are integers
        whole = avg_pool2d(padded.unsqueeze(1), (size, 1), 1).reshape(input.shape)
        return input / (whole * alpha + k).pow(beta)
    total = padded[:, :channels]
    for shift in range(1, size):
        total = total + padded[:, shift : shift + channels]
    mean = (total / size).reshape(input.shape)
    return input / (mean * alpha + k).pow(beta)


@rounded_once
def _normalized(input: Tensor, p: float, dim: int | tuple[int, ...], eps: float) -> Tensor:
    return input / input.norm(p, dim, keepdim=True).clamp_min(eps)


def normalize(
    input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """``input`` divided by its ``p``-norm along ``dim``, or by ``eps`` where that is larger."""
    result = _normalized(input, p, dim, eps)
    return result if out is None else write_out(out, result)
