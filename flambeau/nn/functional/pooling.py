"""Pooling over windows that slide, or that divide the input evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES, int64
from ...ops import pooling as pools
from ...ops.conversion import with_gradient_in_order
from ...ops.memory_order import format_order, lay
from ...ops.one_node import one_node
from ...ops.pooling import avg_pool1d, avg_pool2d, avg_pool3d
from .._arguments import _pair, _single, _triple


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over ``output_size`` windows that divide the length evenly, and their places if ``return_indices``."""
    values, places = pools.adaptive_max_pool1d(input, output_size)
    return (values, places) if return_indices else values


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over ``output_size`` windows that divide the plane evenly, and their places if ``return_indices``."""
    values, places = pools.adaptive_max_pool2d(input, output_size)
    return (values, places) if return_indices else values


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over ``output_size`` windows that divide the volume evenly, and their places if ``return_indices``."""
    values, places = pools.adaptive_max_pool3d(input, output_size)
    return (values, places) if return_indices else values


# --- maxima put back where they were found ------------------------------------------------------------------------


def _unpool(
    input: Tensor, indices: Tensor, kernel_size: Sequence[int], stride: Sequence[int], padding: Sequence[int],
    output_size: Sequence[int] | None,
) -> Tensor:  # fmt: skip
    count = len(kernel_size)
    if min(map(len, (stride, padding, input.shape))) < count:
        raise IndexError(f"max_unpooling{count}d(): tuple index out of range")
    default = [
        (input.shape[k - count] - 1) * stride[k] + kernel_size[k] - 2 * padding[k] for k in range(count)
    ]
    extents = default
    if output_size is not None:
        extents = [int(extent) for extent in output_size[-count:]]
        if len(output_size) not in (count, count + 2):
            raise ValueError(
                f"output_size should be a sequence containing {count} or {count + 2} elements, but it has a length of "
                f"'{len(output_size)}'"
            )
        for wanted, usual, step in zip(extents, default, stride):
            if not usual - step < wanted < usual + step:
                raise ValueError(
                    f"invalid output_size {list(output_size)} (dim 0 must be between {usual - step} and {usual + step})"
                )
    if min(extents) < 0:
        raise ValueError(
            f"max_unpooling: output_size must contain non-negative spatial dimensions, but got output_size={extents}"
        )
    if indices.shape != input.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got indices tensor "
            f"with shape: {list(indices.shape)}"
        )
    if indices.dtype is not int64:
        raise RuntimeError(f"elements in indices should be type int64 but got: {TYPE_NAMES[indices.dtype]}")
    if input.dim() not in (count + 1, count + 2):
        raise RuntimeError(
            f"Input to max_unpooling{count}d should be a {count + 1}d or {count + 2}d Tensor, but got a tensor with "
            f"{input.dim()} dimensions."
        )
    leading = input.shape[:-count]
    size = 1
    for extent in extents:
        size *= extent
    flat = input.new_zeros(*leading, size)
    order = format_order(input)
    places, values = indices.reshape(*leading, -1), with_gradient_in_order(input, order).reshape(*leading, -1)
    return lay(flat.scatter(-1, places, values).reshape(*leading, *extents), order)


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Zeros, with the maxima of :func:`max_pool1d` where it found them."""
    kernel_size = _single(kernel_size)
    stride = _single(stride) if stride is not None else kernel_size
    return _unpool(input, indices, kernel_size, stride, _single(padding), output_size)


@one_node("MaxUnpool2DBackward0")
def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Zeros, with the maxima of :func:`max_pool2d` where it found them."""
    kernel_size = _pair(kernel_size)
    stride = _pair(stride) if stride is not None else kernel_size
    return _unpool(input, indices, kernel_size, stride, _pair(padding), output_size)


@one_node("MaxUnpool3DBackward0")
def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Zeros, with the maxima of :func:`max_pool3d` where it found them."""
    kernel_size = _triple(kernel_size)
    stride = _triple(stride) if stride is not None else kernel_size
    return _unpool(input, indices, kernel_size, stride, _triple(padding), output_size)


# --- power means --------------------------------------------------------------------------------------------------


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: int, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The ``norm_type``-norm of each window of (N, C, L)."""
    total = avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode) * kernel_size
    return (flambeau.sign(total) * total.abs().relu()).pow(1.0 / norm_type)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The ``norm_type``-norm of each window of (N, C, H, W)."""
    height, width = _pair(kernel_size)
    total = avg_pool2d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode) * (height * width)
    return (flambeau.sign(total) * total.abs().relu()).pow(1.0 / norm_type)


def lp_pool3d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The ``norm_type``-norm of each window of (N, C, D, H, W)."""
    depth, height, width = _triple(kernel_size)
    total = avg_pool3d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode) * (depth * height * width)
    return (flambeau.sign(total) * total.abs().relu()).pow(1.0 / norm_type)
