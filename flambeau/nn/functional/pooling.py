"""Pooling over windows that slide, or that divide the input evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ... import ops
from ...tensor import Tensor
from .._arguments import _list_with_default, _pair, _single, _triple


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Largest value of each window of (N, C, L) or (C, L), and its place if ``return_indices``."""
    kernel_size, padding, dilation = _single(kernel_size), _single(padding), _single(dilation)
    stride = kernel_size if not stride and stride != 0 else _single(stride)
    values = ops.max_pool2d(
        input.unsqueeze(-2), (1, *kernel_size), (1, *stride), (0, *padding), (1, *dilation), ceil_mode, return_indices
    )
    if return_indices:
        return values[0].squeeze(-2), values[1].squeeze(-2)
    return values.squeeze(-2)


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Largest value of each window of (N, C, H, W) or (C, H, W), and its place in the plane if ``return_indices``."""
    return ops.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """Largest value of each window of (N, C, D, H, W) or (C, D, H, W), and its place if ``return_indices``."""
    return ops.max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool1d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """:func:`max_pool1d` with places, whatever the last argument says."""
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """:func:`max_pool2d` with places, whatever the last argument says."""
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def avg_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Mean of each window of (N, C, L) or (C, L)."""
    kernel_size, padding = _single(kernel_size), _single(padding)
    stride = kernel_size if not stride and stride != 0 else _single(stride)
    return ops.avg_pool2d(
        input.unsqueeze(-2), (1, *kernel_size), (1, *stride), (0, *padding), ceil_mode, count_include_pad
    ).squeeze(-2)


def avg_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Mean of each window of (N, C, H, W) or (C, H, W)."""
    return ops.avg_pool2d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Mean of each window of (N, C, D, H, W) or (C, D, H, W)."""
    return ops.avg_pool3d(input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Means over ``output_size`` windows that divide the length evenly."""
    return ops.adaptive_avg_pool2d(input.unsqueeze(-2), (1, *_single(output_size))).squeeze(-2)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over ``output_size`` windows that divide the plane evenly; None keeps an extent."""
    return ops.adaptive_avg_pool2d(input, _extents(output_size, input, 2))


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over ``output_size`` windows that divide the volume evenly; None keeps an extent."""
    return ops.adaptive_avg_pool3d(input, _extents(output_size, input, 3))


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over ``output_size`` windows that divide the length evenly, and their places if ``return_indices``."""
    values, places = ops.adaptive_max_pool2d(input.unsqueeze(-2), (1, *_single(output_size)))
    values = values.squeeze(-2)
    return (values, places.squeeze(-2)) if return_indices else values


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
    """Maxima over ``output_size`` windows that divide the plane evenly, and their places if ``return_indices``."""
    values, places = ops.adaptive_max_pool2d(input, _extents(output_size, input, 2))
    return (values, places) if return_indices else values


def adaptive_max_pool1d_with_indices(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool1d` with places, whatever the last argument says."""
    return adaptive_max_pool1d(input, output_size, True)


def adaptive_max_pool2d_with_indices(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> tuple[Tensor, Tensor]:
    """:func:`adaptive_max_pool2d` with places, whatever the last argument says."""
    return adaptive_max_pool2d(input, output_size, True)


def _extents(output_size: Any, input: Tensor, count: int) -> tuple[int, ...]:
    wanted = (_pair if count == 2 else _triple)(output_size)
    return tuple(_list_with_default(list(wanted), list(input.shape)))


# --- maxima put back where they were found ---------------------------------------------------------------------------


def _unpool(
    input: Tensor, indices: Tensor, kernel_size: Sequence[int], stride: Sequence[int], padding: Sequence[int],
    output_size: Sequence[int] | None,
) -> Tensor:  # fmt: skip
    count = len(kernel_size)
    default = [
        (extent - 1) * step + window - 2 * edge
        for extent, step, window, edge in zip(input.shape[-count:], stride, kernel_size, padding, strict=True)
    ]
    extents = default
    if output_size is not None:
        extents = [int(extent) for extent in output_size[-count:]]
        if len(output_size) not in (count, count + 2):
            raise ValueError(
                f"output_size should be a sequence containing {count} or {count + 2} elements, but it has a length of "
                f"'{len(output_size)}'"
            )
        for wanted, usual, step in zip(extents, default, stride, strict=True):
            if not usual - step < wanted < usual + step:
                raise ValueError(
                    f"invalid output_size {list(output_size)} (dim 0 must be between {usual - step} and {usual + step})"
                )
    leading = input.shape[:-count]
    size = 1
    for extent in extents:
        size *= extent
    flat = input.new_zeros(*leading, size)
    places = indices.reshape(*leading, -1)
    return flat.scatter(-1, places, input.reshape(*leading, -1)).reshape(*leading, *extents)


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Zeros, with the maxima of :func:`max_pool1d` where it found them."""
    kernel_size = _single(kernel_size)
    stride = _single(stride) if stride is not None else kernel_size
    return _unpool(input, indices, kernel_size, stride, _single(padding), output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Zeros, with the maxima of :func:`max_pool2d` where it found them."""
    kernel_size = _pair(kernel_size)
    stride = _pair(stride) if stride is not None else kernel_size
    return _unpool(input, indices, kernel_size, stride, _pair(padding), output_size)


# --- power means -----------------------------------------------------------------------------------------------------


def lp_pool1d(input: Tensor, norm_type: float, kernel_size: int, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The ``norm_type``-norm of each window of (N, C, L)."""
    total = avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode) * kernel_size
    return (flambeau.sign(total) * total.abs().relu()).pow(1.0 / norm_type)


def lp_pool2d(input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """The ``norm_type``-norm of each window of (N, C, H, W)."""
    height, width = _pair(kernel_size)
    total = avg_pool2d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode) * (height * width)
    return (flambeau.sign(total) * total.abs().relu()).pow(1.0 / norm_type)
