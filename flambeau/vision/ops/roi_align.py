"""Regions of feature maps by samples between pixels: K. He et al., "Mask R-CNN" (2017)."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn.modules.utils import _pair

from ._utils import regions
from ._windows import check, in_groups, pixels_of, samples, table_of, weighted, wide

__all__ = ["RoIAlign", "roi_align"]


def roi_align(
    input: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Any:
    """Means over the bins of regions, (k, channels, *``output_size``), of maps (batch, channels, height, width).

    ``boxes`` are rows (number of the picture, x1, y1, x2, y2), or a list of (n, 4) for each picture; they are multiplied
    by ``spatial_scale``. A bin is the mean of ``sampling_ratio`` by ``sampling_ratio`` samples, if that is positive, and
    otherwise of one for each pixel begun. With ``aligned``, a pixel's centre is where its coordinates say, less a half;
    without, regions are at least one pixel in size. The gradient is that of ``input``.
    """
    rows = regions(boxes)
    check(input, rows, "input should have the same type as rois")
    bins = _pair(output_size)
    made = aligned_regions(wide(input), wide(rows.detach()), bins, spatial_scale, sampling_ratio, aligned, not aligned)
    return made.to(input.dtype)


def aligned_regions(
    input: Any, rows: Any, bins: Any, scale: float, ratio: int, aligned: bool, at_least_one: bool, parts: int = 1
) -> Any:
    """Means over bins, as :func:`roi_align` says; with ``parts``, bin number b reads the channels c of c % ``parts`` = b."""
    high, wide_ = bins
    height, width = input.shape[2:]
    corners = rows[:, 1:] * scale - (0.5 if aligned else 0.0)
    start_x, start_y = corners[:, 0], corners[:, 1]
    size_x, size_y = corners[:, 2] - start_x, corners[:, 3] - start_y
    if at_least_one:
        size_x, size_y = size_x.clamp(min=1.0), size_y.clamp(min=1.0)
    if ratio > 0:
        count_y = count_x = flambeau.full_like(start_x, ratio)
    else:
        count_y, count_x = (size_y / high).ceil(), (size_x / wide_).ceil()
    every = flambeau.cat([rows[:, :1], flambeau.stack([start_y, size_y, count_y, start_x, size_x, count_x], 1)], 1)
    table = table_of(input, parts)
    part_of_bin = flambeau.arange(high * wide_).reshape(high, wide_, 1)

    def core(every: Any, most_y: int, most_x: int) -> Any:
        y0, size_y, count_y, x0, size_x, count_x = every[:, 1:].unbind(1)
        taps_y = samples(y0, size_y / high, high, count_y, most_y, height)
        taps_x = samples(x0, size_x / wide_, wide_, count_x, most_x, width)
        places, weights = pixels_of(every, taps_y, taps_x, height, width)
        if parts > 1:
            places = places * parts + part_of_bin
        return weighted(table, places, weights / (count_y * count_x).clamp(min=1)[:, None, None, None])

    if ratio > 0:
        return core(every, ratio, ratio).contiguous()
    return in_groups(every, count_y, count_x, core).contiguous()


class RoIAlign(nn.Module):
    """See :func:`roi_align`."""

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, input: Any, rois: Any) -> Any:
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned})"
        )
