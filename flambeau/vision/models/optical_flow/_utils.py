"""Coordinates of pixels, values between pixels, and flows in the size of the picture."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau.nn import functional as F


def grid_sample(img: Any, absolute_grid: Any, mode: str = "bilinear", align_corners: bool | None = None) -> Any:
    """``grid_sample`` with places (x, y) counted in pixels."""
    height, width = img.shape[-2:]
    x, y = absolute_grid.split([1, 1], dim=-1)
    x = 2 * x / (width - 1) - 1
    if height > 1:  # a map of one row has no other
        y = 2 * y / (height - 1) - 1
    return F.grid_sample(img, flambeau.cat([x, y], dim=-1), mode=mode, align_corners=align_corners)


def make_coords_grid(batch_size: int, h: int, w: int, device: Any = "cpu") -> Any:
    """The coordinates of each pixel, x and y: (batch, 2, h, w)."""
    rows, columns = (flambeau.arange(extent, device=device) for extent in (h, w))
    y, x = flambeau.meshgrid(rows, columns, indexing="ij")
    return flambeau.stack((x, y), dim=0).float()[None].repeat(batch_size, 1, 1, 1)


def upsample_flow(flow: Any, up_mask: Any = None, factor: int = 8) -> Any:
    """A flow (batch, channels, h, w) ``factor`` times as large, in pixels of that size.

    Each new value is a combination of nine old ones, for which ``up_mask`` (batch, 9 * factor², h, w) has scores; without
    it, it is interpolated.
    """
    batch, channels, h, w = flow.shape
    size = (h * factor, w * factor)
    if up_mask is None:
        return factor * F.interpolate(flow, size=size, mode="bilinear", align_corners=True)
    weights = up_mask.view(batch, 1, 9, factor, factor, h, w).softmax(dim=2)
    neighbours = F.unfold(factor * flow, kernel_size=3, padding=1).view(batch, channels, 9, 1, 1, h, w)
    combined = (weights * neighbours).sum(dim=2)
    return combined.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels, *size)
