"""Sliding windows as columns (``unfold``), and columns added up again where they overlap (``fold``)."""

from __future__ import annotations

import operator
from typing import Any

from ...core.tensor import Tensor
from ...ops.conversion import in_new_memory
from ...ops.one_node import one_node
from ...ops.operation import operation
from ...ops.padding import pad
from .._arguments import _pair


def _check_windows(**numbers: tuple[int, int]) -> None:
    """``RuntimeError`` for windows, gaps and steps that are not positive."""
    for name, (down, across) in numbers.items():
        if min(down, across) <= 0:
            raise RuntimeError(
                f"{name} should be greater than zero, but got {name}_height: {down} {name}_width: {across}"
            )


def _two(name: str, value: Any) -> tuple[int, int]:
    """Two integers, given as such or as one for both; ``RuntimeError`` for another number of them."""
    numbers = tuple(map(operator.index, _pair(value)))
    if len(numbers) != 2:
        raise RuntimeError(f"It is expected {name} equals to 2, but got size {len(numbers)}")
    return numbers


@operation(only="functional.unfold")
@one_node("Im2ColBackward0")
def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows that slide over (N, C, H, W), as columns: (N, C·kh·kw, number of windows)."""
    if input.dim() == 3:
        return unfold(input.unsqueeze(0), kernel_size, dilation, padding, stride).squeeze(0)
    if input.dim() < 3:
        _check_windows(kernel_size=_two("kernel_size", kernel_size), dilation=_two("dilation", dilation))
        if input.size(1):  # an IndexError
            input.size(2)
    if input.dim() != 4:
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    kernel_h, kernel_w = _two("kernel_size", kernel_size)
    dilation_h, dilation_w = _two("dilation", dilation)
    padding_h, padding_w = _two("padding", padding)
    stride_h, stride_w = _two("stride", stride)
    _check_windows(kernel=(kernel_h, kernel_w), dilation=(dilation_h, dilation_w), stride=(stride_h, stride_w))
    if min(padding_h, padding_w) < 0:
        raise RuntimeError(f"padding should be non-negative, but got padding_height: {padding_h} padding_width: {padding_w}")
    padded = pad(input, (padding_w, padding_w, padding_h, padding_h)) if padding_h or padding_w else input
    span_h, span_w = dilation_h * (kernel_h - 1) + 1, dilation_w * (kernel_w - 1) + 1
    windows = padded.unfold(2, span_h, stride_h).unfold(3, span_w, stride_w)[..., ::dilation_h, ::dilation_w]
    samples, channels, rows, columns = windows.shape[:4]
    result = windows.permute(0, 1, 4, 5, 2, 3).reshape(samples, channels * kernel_h * kernel_w, rows * columns)
    return in_new_memory(result, input, None)


@one_node("Col2ImBackward0")
def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """The counterpart of :func:`unfold`: columns (N, C·kh·kw, windows) added up where their windows overlap."""
    if input.dim() == 2:
        return fold(input.unsqueeze(0), output_size, kernel_size, dilation, padding, stride).squeeze(0)
    if input.dim() != 3:
        raise RuntimeError(
            f"Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for "
            f"input, but got: {list(input.shape)}"
        )
    height, width = _two("output_size", output_size)
    kernel_h, kernel_w = _two("kernel_size", kernel_size)
    dilation_h, dilation_w = _two("dilation", dilation)
    padding_h, padding_w = _two("padding", padding)
    stride_h, stride_w = _two("stride", stride)
    _check_windows(kernel=(kernel_h, kernel_w), dilation=(dilation_h, dilation_w), stride=(stride_h, stride_w))
    rows = (height + 2 * padding_h - dilation_h * (kernel_h - 1) - 1) // stride_h + 1
    columns = (width + 2 * padding_w - dilation_w * (kernel_w - 1) - 1) // stride_w + 1
    if input.size(1) % (kernel_h * kernel_w):
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={input.size(1)} and kernel_size=({kernel_h}, {kernel_w})."
        )
    if input.size(2) != rows * columns:
        raise RuntimeError(
            f"Given output_size=({height}, {width}), kernel_size=({kernel_h}, {kernel_w}), dilation=({dilation_h}, "
            f"{dilation_w}), padding=({padding_h}, {padding_w}), stride=({stride_h}, {stride_w}), expected size of "
            f"input's dimension 2 to match the calculated number of sliding blocks {rows} * {columns} = "
            f"{rows * columns}, but got input.size(2)={input.size(2)}."
        )
    samples = input.size(0)
    parts = input.reshape(samples, -1, kernel_h, kernel_w, rows, columns)
    result = input.new_zeros(samples, parts.size(1), height + 2 * padding_h, width + 2 * padding_w)
    for i in range(kernel_h):
        for j in range(kernel_w):
            top, left = i * dilation_h, j * dilation_w
            result[
                :,
                :,
                top : top + stride_h * (rows - 1) + 1 : stride_h,
                left : left + stride_w * (columns - 1) + 1 : stride_w,
            ] += parts[:, :, i, j]
    return result[:, :, padding_h : padding_h + height, padding_w : padding_w + width]
