"""What convolutions and pooling compute, by the windows that they look at. Pairs are (vertical, horizontal), all is row-major.

Pooling takes planes ``[planes, height, width]`` to ``[planes, out_height, out_width]``. All of these are parts of the keys
under which recording finds steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from .dtypes import DType, float32, float64

MOST_PLACES = 1 << 31
"""Planes and windows have fewer elements than this, and what describes them is less: 32 bits hold a place."""


@dataclass(frozen=True)
class Convolution:
    """Cross-correlation of ``x [batch, in_channels, height, width]`` with ``w [out_channels, in_channels / groups, kh,
    kw]``, giving ``y [batch, out_channels, out_height, out_width]``; all row-major.

    ``dtype`` is float32 or float64. Pairs are (vertical, horizontal). Raises ``ValueError`` for sizes that do not fit
    together.
    """

    dtype: DType
    batch: int
    in_channels: int
    height: int
    width: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        if self.dtype not in (float32, float64):
            raise ValueError(f"convolution of {self.dtype.name} is not supported")
        # One by one: which of several sizes is the smallest need not be known.
        extents = self.in_channels, self.out_channels, self.height, self.width, self.groups
        if self.batch < 0 or any(extent < 1 for extent in extents):
            raise ValueError("convolution needs at least one channel, row, column and group")
        if min(*self.kernel, *self.stride, *self.dilation) < 1 or min(self.padding) < 0:
            raise ValueError("kernel, stride and dilation must be positive, padding not negative")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError("channels must be divisible by groups")
        if self.out_height < 1 or self.out_width < 1:
            raise ValueError("the kernel window is larger than the padded input")

    @property
    def out_height(self) -> int:
        reach = self.dilation[0] * (self.kernel[0] - 1) + 1
        return (self.height + 2 * self.padding[0] - reach) // self.stride[0] + 1

    @property
    def out_width(self) -> int:
        reach = self.dilation[1] * (self.kernel[1] - 1) + 1
        return (self.width + 2 * self.padding[1] - reach) // self.stride[1] + 1

    @property
    def item_bytes(self) -> int:
        return self.dtype.itemsize

    @property
    def flops(self) -> int:
        """Two for each multiplication by an element of the input or its padding."""
        positions = self.batch * self.out_height * self.out_width
        return 2 * positions * self.out_channels * (self.in_channels // self.groups) * prod(self.kernel)


class SlidingWindows(NamedTuple):
    """Window (i, j) begins at row ``i * stride[0] - padding[0]`` and has every ``dilation[0]``-th of ``kernel[0]`` rows;
    columns likewise. What of it lies outside the plane takes no part.

    The largest element of each is wanted, and its flat position in the plane: NaN is larger than all, the first of equals is
    the one found. If all are minus infinity, that is the first element inside the plane.
    """

    planes: int
    height: int
    width: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    out_height: int
    out_width: int


class SlidingMeans(NamedTuple):
    """Windows without gaps, of which the sum is divided by ``divisor``, or if that is None by the number of elements:
    those of the padding included if ``count_padding``, never those behind the padding.
    """

    planes: int
    height: int
    width: int
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    out_height: int
    out_width: int
    count_padding: bool
    divisor: int | None


class EvenWindows(NamedTuple):
    """Window i of n covers elements ``floor(i * extent / n)`` up to, not including, ``ceil((i + 1) * extent / n)``: windows
    may differ in size and overlap. Also the extents of what puts a gradient at the places where maxima were found."""

    planes: int
    height: int
    width: int
    out_height: int
    out_width: int


Pooling = SlidingWindows | SlidingMeans | EvenWindows
