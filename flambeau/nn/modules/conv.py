"""Convolutions and their transposes in one, two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ...core.tensor import Tensor
from .. import functional as F
from .. import init
from ..parameter import empty_parameter
from ._layer import unusual
from .module import Module
from .utils import _ntuple, _reverse_repeat_tuple

_PADDINGS = {"same", "valid"}
_PADDING_MODES = {"zeros", "reflect", "replicate", "circular"}


class _ConvNd(Module):
    """What all convolutions share: their settings, the weight (out, in / groups, *kernel) and the bias (out,)."""

    __constants__ = [
        "stride", "padding", "dilation", "groups", "padding_mode", "output_padding", "in_channels", "out_channels",
        "kernel_size",
    ]  # fmt: skip
    _dimensions: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in _PADDINGS:
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {_PADDINGS}")
            if padding == "same" and any(step != 1 for step in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if padding_mode not in _PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {_PADDING_MODES}, but got padding_mode='{padding_mode}'")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = _explicit_padding(padding, dilation, kernel_size)
        outer, inner = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = empty_parameter((outer, inner // groups, *kernel_size), device, dtype)
        self.register_parameter("bias", empty_parameter(out_channels, device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias uniformly from ± 1 / √(inputs of one output)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        none, ones = (0,) * len(self.kernel_size), (1,) * len(self.kernel_size)
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        text += unusual(self, padding=none, dilation=ones, output_padding=none, groups=1)
        if self.bias is None:
            text += ", bias=False"
        return text + unusual(self, padding_mode="zeros")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("padding_mode", "zeros")


def _explicit_padding(padding: str | tuple[int, ...], dilation: Sequence[int], kernel_size: Sequence[int]) -> Any:
    """The padding as ``F.pad`` takes it: before and after, from the last dimension to the first."""
    if not isinstance(padding, str):
        return _reverse_repeat_tuple(padding, 2)
    pairs = [0, 0] * len(kernel_size)
    if padding == "same":
        for place, (step, extent) in enumerate(zip(reversed(dilation), reversed(kernel_size), strict=True)):
            total = step * (extent - 1)
            pairs[2 * place] = total // 2
            pairs[2 * place + 1] = total - total // 2
    return pairs


class _CrossCorrelation(_ConvNd):
    """What convolutions share that are no transposes."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        parse = _ntuple(self._dimensions)
        super().__init__(
            in_channels, out_channels, parse(kernel_size), parse(stride),
            padding if isinstance(padding, str) else parse(padding), parse(dilation), False, parse(0), groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        convolution = (F.conv1d, F.conv2d, F.conv3d)[self._dimensions - 1]
        if self.padding_mode == "zeros":
            return convolution(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return convolution(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_CrossCorrelation):
    """Cross-correlation over (N, C, L) or (C, L)."""

    _dimensions = 1


class Conv2d(_CrossCorrelation):
    """Cross-correlation over (N, C, H, W) or (C, H, W)."""

    _dimensions = 2


class Conv3d(_CrossCorrelation):
    """Cross-correlation over (N, C, D, H, W) or (C, D, H, W)."""

    _dimensions = 3


class _ConvTransposeNd(_ConvNd):
    """What transposed convolutions share: they map as the gradient of a convolution does."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {self.__class__.__name__}')
        parse = _ntuple(self._dimensions)
        super().__init__(
            in_channels, out_channels, parse(kernel_size), parse(stride), parse(padding), parse(dilation), True,
            parse(output_padding), groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        output_padding = self._output_padding(input, output_size)
        convolution = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self._dimensions - 1]
        return convolution(
            input, self.weight, self.bias, self.stride, self.padding, output_padding, self.groups, self.dilation
        )

    def _output_padding(self, input: Tensor, output_size: Sequence[int] | None) -> tuple[int, ...]:
        """The module's own, or what it takes to reach ``output_size``, which a stride leaves open."""
        if output_size is None:
            return self.output_padding
        count = self._dimensions
        leading = input.dim() - count
        if leading not in (1, 2):
            raise ValueError(f"expected {count + 1}D or {count + 2}D input (got {input.dim()}D input)")
        wanted = list(output_size)
        if len(wanted) == count + leading:
            wanted = wanted[leading:]
        if len(wanted) != count:
            raise ValueError(
                f"ConvTranspose{count}D: for {input.dim()}D input, output_size must have {count} or {input.dim()} "
                f"elements (got {len(output_size)})"
            )
        smallest = [
            (input.size(axis + leading) - 1) * self.stride[axis]
            - 2 * int(self.padding[axis])
            + self.dilation[axis] * (self.kernel_size[axis] - 1)
            + 1
            for axis in range(count)
        ]
        largest = [extent + step - 1 for extent, step in zip(smallest, self.stride, strict=True)]
        for extent, low, high in zip(wanted, smallest, largest, strict=True):
            if not low <= extent <= high:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes range from {smallest} to {largest} "
                    f"(for an input of {list(input.shape[2:])})"
                )
        return tuple(extent - low for extent, low in zip(wanted, smallest, strict=True))


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution over (N, C, L) or (C, L)."""

    _dimensions = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution over (N, C, H, W) or (C, H, W)."""

    _dimensions = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution over (N, C, D, H, W) or (C, D, H, W)."""

    _dimensions = 3
