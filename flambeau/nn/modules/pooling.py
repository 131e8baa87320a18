"""Pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ...core.tensor import Tensor
from .. import functional as F
from ._layer import layer
from .module import Module
from .utils import _ntuple, _single


@layer(
    shows="kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, ceil_mode={ceil_mode}"
)
class _MaxPoolNd(Module):
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    return_indices: bool = False
    ceil_mode: bool = False

    def _settle(self) -> None:
        if self.stride is None:
            self.stride = self.kernel_size


@layer(F.max_pool1d)
class MaxPool1d(_MaxPoolNd):
    """Largest value of each window of (N, C, L) or (C, L)."""


@layer(F.max_pool2d)
class MaxPool2d(_MaxPoolNd):
    """Largest value of each window of (N, C, H, W) or (C, H, W)."""


@layer(F.max_pool3d)
class MaxPool3d(_MaxPoolNd):
    """Largest value of each window of (N, C, D, H, W) or (C, D, H, W)."""


@layer(shows="kernel_size={kernel_size}, stride={stride}, padding={padding}")
class _MaxUnpoolNd(Module):
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    _dimensions: ClassVar[int]

    def _settle(self) -> None:
        stride = self.kernel_size if self.stride is None else self.stride
        parse = _ntuple(self._dimensions)
        self.kernel_size, self.stride, self.padding = map(parse, (self.kernel_size, stride, self.padding))

    def forward(self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        unpool = (F.max_unpool1d, F.max_unpool2d)[self._dimensions - 1]
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Zeros, with the maxima of :class:`MaxPool1d` where it found them."""

    _dimensions = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Zeros, with the maxima of :class:`MaxPool2d` where it found them."""

    _dimensions = 2


@layer(shows="kernel_size={kernel_size}, stride={stride}, padding={padding}")
class _AvgPoolNd(Module):
    kernel_size: Any
    stride: Any = None
    padding: Any = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    def _settle(self) -> None:
        if self.stride is None:
            self.stride = self.kernel_size


@layer(F.avg_pool1d)
class AvgPool1d(_AvgPoolNd):
    """Mean of each window of (N, C, L) or (C, L)."""

    def _settle(self) -> None:
        super()._settle()
        self.kernel_size, self.stride, self.padding = map(_single, (self.kernel_size, self.stride, self.padding))


@layer(F.avg_pool2d)
class AvgPool2d(_AvgPoolNd):
    """Mean of each window of (N, C, H, W) or (C, H, W)."""

    divisor_override: int | None = None


@layer(F.avg_pool3d)
class AvgPool3d(_AvgPoolNd):
    """Mean of each window of (N, C, D, H, W) or (C, D, H, W)."""

    divisor_override: int | None = None


@layer()
class _LPPoolNd(Module):
    norm_type: float
    kernel_size: Any
    stride: Any = None
    ceil_mode: bool = False


class LPPool1d(_LPPoolNd):
    """The ``norm_type``-norm of each window of (N, C, L)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPoolNd):
    """The ``norm_type``-norm of each window of (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


@layer(shows="output_size={output_size}")
class _AdaptiveMaxPoolNd(Module):
    output_size: Any
    return_indices: bool = False


@layer(F.adaptive_max_pool1d)
class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima over windows that divide the length evenly."""


@layer(F.adaptive_max_pool2d)
class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima over windows that divide the plane evenly."""


@layer()
class _AdaptiveAvgPoolNd(Module):
    output_size: Any


@layer(F.adaptive_avg_pool1d)
class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means over windows that divide the length evenly."""


@layer(F.adaptive_avg_pool2d)
class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means over windows that divide the plane evenly."""


@layer(F.adaptive_avg_pool3d)
class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means over windows that divide the volume evenly."""
