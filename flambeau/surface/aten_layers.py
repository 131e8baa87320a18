"""Layers by the names, and with the arguments, that they have beneath Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau

from ..nn import functional
from ..nn.functional.vision import _resized as by_scales
from ..ops.activation import _elu as exponential_below

REDUCTIONS = ("none", "mean", "sum")


def _pooled(name: str) -> Callable[..., Any]:
    """Maxima with their places."""
    return lambda input, output_size: getattr(functional, name)(input, output_size, True)


def _resized(mode: str, antialias: bool = False) -> Callable[..., Any]:
    """The form of a resizing that is given sizes or factors."""
    corners = () if mode.startswith("nearest") else ("align_corners",)

    def resized(input: Any, *arguments: Any, **options: Any) -> Any:
        given = dict(zip(("output_size", *corners, "scale_factors"), arguments)) | options
        how = {"antialias": True} if antialias else {}
        return functional.interpolate(
            input, given.get("output_size"), given.get("scale_factors"), mode, given.get("align_corners"), **how
        )

    return resized


def _unpooled(input: Any, indices: Any, output_size: Any) -> Any:
    """Elements at places of planes that are zero otherwise."""
    count = len(output_size)
    front = input.shape[:-count]
    zeros = input.new_zeros((*front, math.prod(output_size)))
    return zeros.scatter(-1, indices.flatten(-count), input.flatten(-count)).reshape(*front, *output_size)


def _bags(
    weight: Any, indices: Any, offsets: Any, scale_grad_by_freq: bool = False, mode: int = 0, sparse: bool = False,
    per_sample_weights: Any = None, include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """Sums of rows; what the operation gives besides, for its gradient, is empty."""
    found = functional.embedding_bag(
        indices, weight, offsets, mode=("sum", "mean", "max")[mode], per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset, padding_idx=padding_idx,
    )  # fmt: skip
    return found, *[flambeau.empty(0, dtype=flambeau.int64) for _ in range(3)]


LAYERS: dict[str, Callable[..., Any]] = {
    **{f"adaptive_max_pool{count}d": _pooled(f"adaptive_max_pool{count}d") for count in (1, 2, 3)},
    "affine_grid_generator": lambda theta, size, align_corners: functional.affine_grid(theta, size, align_corners),
    "grid_sampler": lambda input, grid, interpolation_mode, padding_mode, align_corners: functional.grid_sample(
        input, grid, ("bilinear", "nearest", "bicubic")[interpolation_mode], ("zeros", "border", "reflection")[padding_mode],
        align_corners,
    ),
    "col2im": lambda input, output_size, kernel_size, dilation, padding, stride: functional.fold(
        input, output_size, kernel_size, dilation, padding, stride
    ),
    "im2col": lambda input, kernel_size, dilation, padding, stride: functional.unfold(
        input, kernel_size, dilation, padding, stride
    ),
    "binary_cross_entropy_with_logits": lambda input, target, weight=None, pos_weight=None, reduction=1: (
        functional.binary_cross_entropy_with_logits(
            input, target, weight, reduction=REDUCTIONS[reduction], pos_weight=pos_weight
        )
    ),
    "kl_div": lambda input, target, reduction=1, *, log_target=False: functional.kl_div(
        input, target, reduction=REDUCTIONS[reduction], log_target=log_target
    ),
    "nll_loss_nd": lambda input, target, weight=None, reduction=1, ignore_index=-100: functional.nll_loss(
        input, target, weight, ignore_index=ignore_index, reduction=REDUCTIONS[reduction]
    ),
    "embedding_bag": _bags,
    "log_sigmoid": functional.logsigmoid,
    "max_unpool2d": lambda input, indices, output_size: _unpooled(input, indices, output_size),
    "max_unpool3d": lambda input, indices, output_size, stride, padding: _unpooled(input, indices, output_size),
    "unfold": flambeau.Tensor.unfold,
    "tensordot": lambda input, other, dims_self, dims_other: flambeau.tensordot(input, other, (dims_self, dims_other)),
    "instance_norm": lambda input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled: (
        functional.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)
    ),
    "_reshape_from_tensor": lambda input, shape: input.reshape(shape.tolist()),
}
"""What is called otherwise in Python."""

RESIZED: dict[str, Callable[..., Any]] = {
    **{f"upsample_nearest{count}d": _resized("nearest") for count in (1, 2, 3)},
    **{f"_upsample_nearest_exact{count}d": _resized("nearest-exact") for count in (1, 2, 3)},
    "upsample_linear1d": _resized("linear"), "upsample_bilinear2d": _resized("bilinear"),
    "upsample_bicubic2d": _resized("bicubic"), "upsample_trilinear3d": _resized("trilinear"),
    "_upsample_bilinear2d_aa": _resized("bilinear", True), "_upsample_bicubic2d_aa": _resized("bicubic", True),
}  # fmt: skip
"""The forms ``vec`` of resizings, which are given sizes or factors."""


# --- layers as they are when all that they are composed of has been taken apart -----------------------------------------


def _convolved(
    input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, output_padding: Any,
    groups: int,
) -> Any:  # fmt: skip
    """A convolution, or the transpose of one, along as many axes as there are behind the first two."""
    count = input.ndim - 2
    if not transposed:
        return getattr(functional, f"conv{count}d")(input, weight, bias, stride, padding, dilation, groups)
    function = getattr(functional, f"conv_transpose{count}d")
    return function(input, weight, bias, stride, padding, output_padding, groups, dilation)


def _nll_forward(input: Any, target: Any, weight: Any, reduction: int, ignore_index: int) -> Any:
    """The loss, and the sum of the weights of targets (zero where nothing is reduced)."""
    loss = functional.nll_loss(input, target, weight, ignore_index=ignore_index, reduction=REDUCTIONS[reduction])
    if not reduction:
        return loss, input.new_zeros(())
    counted = target != ignore_index
    weights = counted if weight is None else flambeau.where(counted, weight[target.clamp(0, len(weight) - 1)], 0.0)
    return loss, weights.sum().to(input.dtype)


def _attended(
    query: Any, key: Any, value: Any, dropout_p: float = 0.0, is_causal: bool = False, *, attn_mask: Any = None, scale: Any = None
) -> Any:
    """Attention, with the logarithms of what the exponentials of scores add up to."""
    result = functional.scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale=scale)
    scores = query.detach() @ key.detach().mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        kept = flambeau.ones(scores.shape[-2:], dtype=flambeau.bool).tril()
        scores = scores.masked_fill(~kept, -math.inf)
    elif attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype is flambeau.bool else scores + attn_mask
    return result, scores.logsumexp(-1)


def _scaled(mode: str) -> Callable[..., Any]:
    def resized(input: Any, output_size: Any, *how: Any) -> Any:
        corners, scales = (how[0], how[1:]) if mode == "bilinear" else (False, how)
        return by_scales(input, list(output_size), [*scales, None, None][:2], mode, corners, False)

    return resized


def _padded(mode: str) -> Callable[..., Any]:
    return lambda input, padding: functional.pad(input, padding, mode)


BENEATH: dict[str, Callable[..., Any]] = {
    "convolution": _convolved,
    "elu": lambda input, alpha=1.0, scale=1.0, input_scale=1.0: exponential_below(input, alpha, scale, input_scale),
    "max_pool3d_with_indices": lambda input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False: (
        functional.max_pool3d(input, kernel_size, stride or None, padding, dilation, ceil_mode, True)),
    "_adaptive_avg_pool2d": functional.adaptive_avg_pool2d,
    "log_sigmoid_forward": lambda input: (functional.logsigmoid(input), input.new_empty(0)),
    "_prelu_kernel": lambda input, weight: flambeau.where(input > 0, input, input * weight),
    "nll_loss_forward": _nll_forward, "nll_loss2d_forward": _nll_forward,
    "_scaled_dot_product_flash_attention_for_cpu": _attended,
    "upsample_nearest2d": _scaled("nearest"), "upsample_bilinear2d": _scaled("bilinear"),
    **{f"reflection_pad{count}d": _padded("reflect") for count in (1, 2, 3)},
    **{f"replication_pad{count}d": _padded("replicate") for count in (1, 2, 3)},
}  # fmt: skip
"""What is beneath layers, by its names and arguments."""
