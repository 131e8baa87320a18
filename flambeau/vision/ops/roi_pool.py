"""Regions of feature maps by maxima: R. Girshick, "Fast R-CNN" (2015)."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau import nn
from flambeau.nn.modules.utils import _pair

from ...core.modes import no_grad
from ._utils import regions
from ._windows import check, half_away, in_groups, pixels_of, spans, table_of, wide, within

__all__ = ["RoIPool", "roi_pool"]


def roi_pool(input: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Any:
    """Maxima over the bins of regions, (k, channels, *``output_size``), of maps (batch, channels, height, width).

    ``boxes`` are rows (number of the picture, x1, y1, x2, y2), or a list of (n, 4) for each picture; they are multiplied
    by ``spatial_scale`` and rounded to pixels. Bins outside the map give zeros. The gradient is that of ``input``; it
    goes to the first maximum of a bin.
    """
    rows = regions(boxes)
    check(input, rows)
    return _pooled(wide(input), wide(rows.detach()), _pair(output_size), spatial_scale).to(input.dtype)


def _pooled(input: Any, rows: Any, bins: Any, scale: float) -> Any:
    high, wide_ = bins
    height, width = input.shape[2:]
    channels = input.shape[1]
    corners = half_away(rows[:, 1:] * scale)
    size_x = (corners[:, 2] - corners[:, 0] + 1).clamp(min=1) / wide_
    size_y = (corners[:, 3] - corners[:, 1] + 1).clamp(min=1) / high
    first_y, behind_y = spans(corners[:, 1], size_y, high, height)
    first_x, behind_x = spans(corners[:, 0], size_x, wide_, width)
    # What tells the bins of a region is put into its row, so that a choice of regions is a choice of rows.
    every = flambeau.cat([rows[:, :1].long(), first_y, behind_y, first_x, behind_x], 1)
    table = table_of(input)
    flat, values = table.reshape(-1), table.detach()
    channel = flambeau.arange(channels)

    def core(every: Any, most_y: int, most_x: int) -> Any:
        with no_grad():
            first_y, behind_y, first_x, behind_x = every[:, 1:].split([high, high, wide_, wide_], 1)
            taps_y = within(first_y, behind_y, most_y, height)
            taps_x = within(first_x, behind_x, most_x, width)
            places, counts = pixels_of(every, taps_y, taps_x, height, width)
            places, counts = places.reshape(-1, places.shape[-1]), counts.reshape(-1, places.shape[-1])
            chosen = flambeau.where(counts[:, :, None], values[places], -flambeau.inf)
            place = places.gather(1, chosen.argmax(1))
            some = counts.any(1, keepdim=True)
        greatest = flambeau.where(some, flat[place * channels + channel], 0.0)
        return greatest.reshape(-1, high, wide_, channels).permute(0, 3, 1, 2)

    longest_y, longest_x = (behind_y - first_y).amax(1), (behind_x - first_x).amax(1)
    return in_groups(every, longest_y, longest_x, core).contiguous()


class RoIPool(nn.Module):
    """See :func:`roi_pool`."""

    def __init__(self, output_size: Any, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Any, rois: Any) -> Any:
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
