"""What pooling computes, by the windows it looks at: planes ``[planes, height, width]`` give ``[planes, out_height, out_width]``.

All are row-major; pairs are (vertical, horizontal). A tuple each, for they are part of the keys under which recording finds
steps.
"""

from __future__ import annotations

from typing import NamedTuple

MOST_PLACES = 1 << 31
"""Planes and windows have fewer elements than this, and what describes them is less: 32 bits hold a place."""


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
