"""Convolutions that move the pixels they read: X. Zhu et al., "Deformable ConvNets v2" (2018)."""

from __future__ import annotations

import math
from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn import init
from flambeau.nn.functional.sampling import _between_pixels
from flambeau.nn.modules.utils import _pair

__all__ = ["DeformConv2d", "deform_conv2d"]


def deform_conv2d(
    input: Any,
    offset: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = (1, 1),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    mask: Any = None,
) -> Any:
    """A convolution of ``input`` (batch, channels, height, width) whose taps are moved by ``offset`` and scaled by ``mask``.

    ``weight`` is (result's channels, channels / groups, kernel height, kernel width). ``offset`` is (batch, 2 * groups of
    offsets * taps, height and width of the result): for each tap, how far down and how far right it is moved; ``mask``
    half as many. Pixels between others are interpolated, those outside are zeros. ``RuntimeError`` for sizes that do not
    fit. All tensors have gradients.
    """
    (stride_y, stride_x), (pad_y, pad_x), (apart_y, apart_x) = _pair(stride), _pair(padding), _pair(dilation)
    out_channels, per_group, high, wide = weight.shape
    taps = high * wide
    offset_groups = offset.shape[1] // (2 * taps)
    if offset_groups == 0:
        raise RuntimeError(
            "the shape of the offset tensor at dimension 1 is not valid. It should be a multiple of 2 * weight.size[2] * "
            f"weight.size[3].\nGot offset.shape[1]={offset.shape[1]}, while 2 * weight.size[2] * weight.size[3]={2 * taps}"
        )
    batch, channels, height, width = input.shape
    groups = channels // per_group
    rows = (height + 2 * pad_y - apart_y * (high - 1) - 1) // stride_y + 1
    columns = (width + 2 * pad_x - apart_x * (wide - 1) - 1) // stride_x + 1
    _check(input, offset, weight, mask, offset_groups, groups, (rows, columns))
    moved = offset.reshape(batch * offset_groups, taps, 2, rows, columns)
    tap_y = flambeau.arange(high).repeat_interleave(wide).reshape(taps, 1, 1) * apart_y - pad_y
    tap_x = flambeau.arange(wide).repeat(high).reshape(taps, 1, 1) * apart_x - pad_x
    y = moved[:, :, 0] + (tap_y + flambeau.arange(rows).reshape(-1, 1) * stride_y)
    x = moved[:, :, 1] + (tap_x + flambeau.arange(columns) * stride_x)
    pixels = _between_pixels(
        input.reshape(batch * offset_groups, channels // offset_groups, height, width), [y, x], [height, width]
    )
    if mask is not None:
        pixels = pixels * mask.reshape(batch * offset_groups, 1, taps, rows, columns)
    grouped = pixels.reshape(batch, groups, per_group * taps, rows * columns)
    result = weight.reshape(groups, out_channels // groups, per_group * taps) @ grouped
    result = result.reshape(batch, out_channels, rows, columns)
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


def _check(
    input: Any, offset: Any, weight: Any, mask: Any, offset_groups: int, groups: int, size: tuple[int, int]
) -> None:
    """``RuntimeError`` unless shapes fit each other."""
    taps = weight.shape[2] * weight.shape[3]
    if weight.shape[1] * groups != input.shape[1] or weight.shape[0] % groups or input.shape[1] % offset_groups:
        raise RuntimeError(
            f"channels do not fit: input has {input.shape[1]}, weight is of shape {list(weight.shape)}, and there are "
            f"{offset_groups} groups of offsets"
        )
    if min(size) <= 0:
        raise RuntimeError(f"Calculated output size too small - out_h: {size[0]} out_w: {size[1]}")
    for name, given, each in (("offset", offset, 2 * taps), ("mask", mask, taps)):
        if given is None:
            continue
        if given.shape[1] != each * offset_groups:
            raise RuntimeError(f"{name}.shape[1] is not valid: got: {given.shape[1]} expected: {each * offset_groups}")
        if given.shape[0] != input.shape[0]:
            raise RuntimeError(f"invalid batch size of {name}")
        if tuple(given.shape[2:]) != size:
            raise RuntimeError(
                f"{name} output dims: ({given.shape[2]}, {given.shape[3]}) - computed output dims: ({size[0]}, {size[1]})"
            )


class DeformConv2d(nn.Module):
    """See :func:`deform_conv2d`; ``forward(input, offset, mask=None)``."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = _pair(padding)
        self.dilation = _pair(dilation)
        self.groups = groups
        self.weight = nn.Parameter(flambeau.empty(out_channels, in_channels // groups, *self.kernel_size))
        if bias:
            self.bias = nn.Parameter(flambeau.empty(out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as an ordinary convolution does."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            bound = 1 / math.sqrt(fan_in)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Any, offset: Any, mask: Any = None) -> Any:
        settings = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        return deform_conv2d(input, offset, self.weight, self.bias, mask=mask, **settings)

    def __repr__(self) -> str:
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        shown += [f"padding={self.padding}"] if self.padding != (0, 0) else []
        shown += [f"dilation={self.dilation}"] if self.dilation != (1, 1) else []
        shown += [f"groups={self.groups}"] if self.groups != 1 else []
        shown += ["bias=False"] if self.bias is None else []
        return f"{type(self).__name__}({', '.join(shown)})"
