"""Layers by the names, and with the arguments, that they have beneath Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau

from ..nn import functional

_REDUCTIONS = ("none", "mean", "sum")


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
            input, target, weight, reduction=_REDUCTIONS[reduction], pos_weight=pos_weight
        )
    ),
    "kl_div": lambda input, target, reduction=1, *, log_target=False: functional.kl_div(
        input, target, reduction=_REDUCTIONS[reduction], log_target=log_target
    ),
    "nll_loss_nd": lambda input, target, weight=None, reduction=1, ignore_index=-100: functional.nll_loss(
        input, target, weight, ignore_index=ignore_index, reduction=_REDUCTIONS[reduction]
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
