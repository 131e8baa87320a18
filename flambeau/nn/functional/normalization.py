"""Normalisation over batches, layers, groups, instances and rows."""

from __future__ import annotations

from collections.abc import Sequence

import flambeau

from ... import ops
from ...tensor import Tensor


def _verify_batch_size(size: Sequence[int]) -> None:
    values = size[0]
    for extent in size[2:]:
        values *= extent
    if values == 1:
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
    return ops.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


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
    shape = input.shape
    if use_input_stats:
        values = 1
        for extent in shape[2:]:
            values *= extent
        if values == 1:
            raise ValueError(f"Expected more than 1 spatial element when training, got input size {shape}")
    else:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when use_input_stats is false")
        return ops.batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)
    samples, channels = shape[0], shape[1]
    merged = input.reshape(1, samples * channels, *shape[2:])
    means = None if running_mean is None else running_mean.repeat(samples)
    variances = None if running_var is None else running_var.repeat(samples)
    result = ops.batch_norm(merged, None, None, means, variances, True, momentum, eps).reshape(shape)
    with flambeau.no_grad():
        # The samples are taken together only here: the running statistics are those of the channel.
        if running_mean is not None and means is not None:
            running_mean.copy_(means.reshape(samples, channels).mean(0))
        if running_var is not None and variances is not None:
            running_var.copy_(variances.reshape(samples, channels).mean(0))
    axes = (1, channels, *(1,) * (input.dim() - 2))
    if weight is not None:
        result = result * weight.reshape(axes)
    if bias is not None:
        result = result + bias.reshape(axes)
    return result


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last dimensions, whose extents are ``normalized_shape``."""
    return ops.layer_norm(input, tuple(normalized_shape), weight, bias, eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last dimensions; ``eps`` defaults to the dtype's own."""
    count = len(normalized_shape)
    if tuple(input.shape[-count:]) != tuple(normalized_shape):
        raise RuntimeError(
            f"Given normalized_shape={list(normalized_shape)}, expected input with shape "
            f"[*, {', '.join(str(extent) for extent in normalized_shape)}], but got input of size{list(input.shape)}"
        )
    if eps is None:
        eps = flambeau.finfo(input.dtype).eps
    value = input if input.dtype.itemsize >= 4 else input.float()
    result = value * (value.square().mean(tuple(range(-count, 0)), keepdim=True) + eps).rsqrt()
    if weight is not None:
        result = result * weight
    return result if result.dtype == input.dtype else result.to(input.dtype)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each of ``num_groups`` groups of channels of each sample by itself."""
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    shape = input.shape
    samples, channels = shape[0], shape[1]
    if channels % num_groups:
        raise RuntimeError(
            f"Expected number of channels in input to be divisible by num_groups, but got input of shape {list(shape)} "
            f"and num_groups={num_groups}"
        )
    _verify_batch_size([samples * channels // num_groups, num_groups, *shape[2:]])
    for name, affine in (("weight", weight), ("bias", bias)):
        if affine is not None and tuple(affine.shape) != (channels,):
            raise RuntimeError(
                f"Expected {name} to be a vector of size equal to the number of channels in input, but got {name} of "
                f"shape {list(affine.shape)} and input of shape {list(shape)}"
            )
    grouped = input.reshape(samples, num_groups, -1)
    result = ops.layer_norm(grouped, (grouped.size(-1),), None, None, eps).reshape(shape)
    axes = (1, channels, *(1,) * (input.dim() - 2))
    if weight is not None:
        result = result * weight.reshape(axes)
    if bias is not None:
        result = result + bias.reshape(axes)
    return result


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """Divide by a power of the mean square of ``size`` neighbouring channels."""
    if input.dim() < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {input.dim()} dimensions)"
        )
    if input.numel() == 0:
        return input
    square = input.square().unsqueeze(1)
    channels = input.size(1)
    padded = flambeau.nn.functional.pad(
        square.reshape(input.size(0), 1, channels, -1), (0, 0, size // 2, (size - 1) // 2)
    ).squeeze(1)
    total = padded[:, :channels]
    for shift in range(1, size):
        total = total + padded[:, shift : shift + channels]
    mean = (total / size).reshape(input.shape)
    return input / (mean * alpha + k).pow(beta)


def normalize(
    input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """``input`` divided by its ``p``-norm along ``dim``, or by ``eps`` where that is larger."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps)
    result = input / length
    return result if out is None else out.copy_(result)
