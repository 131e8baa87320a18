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
        unpool = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self._dimensions - 1]
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Zeros, with the maxima of :class:`MaxPool1d` where it found them."""

    _dimensions = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """Zeros, with the maxima of :class:`MaxPool2d` where it found them."""

    _dimensions = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """Zeros, with the maxima of :class:`MaxPool3d` where it found them."""

    _dimensions = 3


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


class LPPool3d(_LPPoolNd):
    """The ``norm_type``-norm of each window of (N, C, D, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class _FractionalMaxPoolNd(Module):
    """Maxima over windows that begin at random places: ``output_size`` of them, or a share ``output_ratio`` of the input's
    extents."""

    __constants__ = ["kernel_size", "return_indices", "output_size", "output_ratio"]
    _dimensions: ClassVar[int]

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        every, name = _ntuple(self._dimensions), type(self).__name__
        self.kernel_size = every(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = every(output_size) if output_size is not None else None
        self.output_ratio = every(output_ratio) if output_ratio is not None else None
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        pool = (F.fractional_max_pool2d, F.fractional_max_pool3d)[self._dimensions - 2]
        size, ratio = self.output_size, self.output_ratio
        return pool(input, self.kernel_size, size, ratio, self.return_indices, _random_samples=self._random_samples)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima over windows of planes that begin at random places."""

    _dimensions = 2


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maxima over windows of volumes that begin at random places."""

    _dimensions = 3


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


@layer(F.adaptive_max_pool3d)
class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima over windows that divide the volume evenly."""


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
