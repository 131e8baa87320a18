"""Means over regions of feature maps, each bin of channels of its own: J. Dai et al., "R-FCN" (2016)."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn.modules.utils import _pair

from ._utils import regions
from ._windows import check, half_away, in_groups, pixels_of, spans, table_of, weighted, wide, within
from .ps_roi_align import parts_of

__all__ = ["PSRoIPool", "ps_roi_pool"]


def ps_roi_pool(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Any:
    """Means over the bins of regions of maps (batch, channels, height, width); bins read channels of their own.

    ``boxes`` are rows (number of the picture, x1, y1, x2, y2), or a list of (n, 4) for each picture; they are multiplied
    by ``spatial_scale`` and rounded to pixels. The last row and column of a map do not take part; bins without pixels
    give zeros. The result has ``channels / (output_size[0] * output_size[1])`` channels; ``RuntimeError`` unless that
    goes in. The gradient is that of ``input``.
    """
    rows = regions(boxes)
    check(input, rows)
    bins = _pair(output_size)
    parts = parts_of(input, bins)
    return _pooled(wide(input), wide(rows.detach()), bins, spatial_scale, parts).to(input.dtype)


def _pooled(input: Any, rows: Any, bins: Any, scale: float, parts: int) -> Any:
    high, wide_ = bins
    height, width = input.shape[2:]
    corners = half_away(rows[:, 1:] * scale)
    size_x = (corners[:, 2] - corners[:, 0]).clamp(min=1) / wide_
    size_y = (corners[:, 3] - corners[:, 1]).clamp(min=1) / high
    first_y, behind_y = spans(corners[:, 1], size_y, high, height - 1)
    first_x, behind_x = spans(corners[:, 0], size_x, wide_, width - 1)
    every = flambeau.cat([rows[:, :1].long(), first_y, behind_y, first_x, behind_x], 1)
    table = table_of(input, parts)
    part_of_bin = flambeau.arange(parts).reshape(high, wide_, 1)

    def core(every: Any, most_y: int, most_x: int) -> Any:
        first_y, behind_y, first_x, behind_x = every[:, 1:].split([high, high, wide_, wide_], 1)
        taps_y = within(first_y, behind_y, most_y, height)
        taps_x = within(first_x, behind_x, most_x, width)
        places, counts = pixels_of(every, taps_y, taps_x, height, width)
        weights = counts.to(table.dtype)
        weights = weights / weights.sum(-1, keepdim=True).clamp(min=1)
        return weighted(table, places * parts + part_of_bin, weights)

    longest_y, longest_x = (behind_y - first_y).amax(1), (behind_x - first_x).amax(1)
    return in_groups(every, longest_y, longest_x, core).contiguous()


class PSRoIPool(nn.Module):
    """See :func:`ps_roi_pool`."""

    def __init__(self, output_size: Any, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Any, rois: Any) -> Any:
        return ps_roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
