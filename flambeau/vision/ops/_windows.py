"""Regions of feature maps as weighted sums of pixels.

A map (batch, channels, height, width) is a table with a row for each pixel, and each bin of a region names some of its rows, so
that the channels of a pixel are read together. How many pixels a bin has depends on the region's size: regions are dealt with
in groups of about one size, and the bins of a group are filled up with pixels that do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import flambeau

from ...core.modes import no_grad
from ...ops.host import array_of

Taps = tuple[Any, Any]
"""Along one axis, of each region (k), bin (p) and tap (t): the pixel, and its weight (0 for what does not count)."""

Core = Callable[[Any, int, int], Any]


def in_groups(rows: Any, heights: Any, widths: Any, core: Core) -> Any:
    """``core(rows, height, width)``, joined, for regions (k, 5) of which bins have so many pixels (k, k) at most."""
    with no_grad():
        sizes = np.stack([array_of(heights), array_of(widths)], 1)
    bounds = _STEPS[np.searchsorted(_STEPS, np.maximum(sizes, 1))]
    kinds, kind_of = np.unique(bounds, axis=0, return_inverse=True)
    if len(kinds) <= 1:
        height, width = kinds[0] if len(kinds) else (1, 1)
        return core(rows, int(height), int(width))
    order = np.argsort(kind_of.reshape(-1), kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(kind_of.reshape(-1)))[:-1])
    made = [core(rows[flambeau.from_numpy(part)], int(h), int(w)) for part, (h, w) in zip(parts, kinds)]
    return flambeau.cat(made)[flambeau.from_numpy(np.argsort(order))]


# Powers of two and what lies between them: few groups, and little that does not count.
_STEPS = np.array([1, 2, *(share << k for k in range(30) for share in (3, 4))])


def table_of(input: Any, parts: int = 1) -> Any:
    """A row of channels for each pixel: (batch * height * width * ``parts``, channels / ``parts``).

    With several parts, channel c is in column c // ``parts`` of row c % ``parts``.
    """
    batch, channels, height, width = input.shape
    pixels = input.permute(0, 2, 3, 1).reshape(batch * height * width, channels // parts, parts)
    return pixels.transpose(1, 2).reshape(batch * height * width * parts, channels // parts)


def pixels_of(rows: Any, taps_y: Taps, taps_x: Taps, height: int, width: int) -> Taps:
    """Rows of the table (k, bins high, bins wide, taps), and weights, of regions ``rows`` from the taps of both axes."""
    (y, weight_y), (x, weight_x) = taps_y, taps_x
    y = rows[:, 0].long()[:, None, None] * height + y
    place = y[:, :, None, :, None] * width + x[:, None, :, None, :]
    weight = weight_y[:, :, None, :, None] * weight_x[:, None, :, None, :]
    return place.flatten(3), weight.flatten(3)


def weighted(table: Any, places: Any, weights: Any) -> Any:
    """Sums (k, columns, bins high, bins wide) of rows of the table, (k, bins high, bins wide, taps) of them."""
    chosen = table[places.reshape(-1, places.shape[-1])]
    sums = (chosen * weights.reshape(-1, weights.shape[-1], 1)).sum(1)
    return sums.reshape(*places.shape[:3], table.shape[1]).permute(0, 3, 1, 2)


def samples(start: Any, size: Any, bins: int, count: Any, most: int, extent: int) -> Taps:
    """Taps of samples between pixels: ``count`` (k) in each of ``bins`` bins of ``size`` (k) pixels, from ``start`` (k) on.

    ``most`` is the greatest count. A sample takes two pixels by their distance; beyond the outer pixels it takes these,
    and more than a pixel beyond the map of ``extent`` pixels it takes none.
    """
    number = flambeau.arange(most, dtype=start.dtype)
    corner = start[:, None] + flambeau.arange(bins, dtype=start.dtype) * size[:, None]
    place = corner[:, :, None] + ((number + 0.5) * (size / count)[:, None])[:, None, :]
    counts = (place >= -1.0) & (place <= extent) & (number < count[:, None])[:, None, :]
    place = flambeau.where(counts, place, 0.0).clamp(0, extent - 1)
    low = place.long()
    share = place - low
    pixel = flambeau.cat([low, (low + 1).clamp(max=extent - 1)], 2)
    return pixel, flambeau.cat([flambeau.where(counts, 1 - share, 0.0), flambeau.where(counts, share, 0.0)], 2)


def spans(start: Any, size: Any, bins: int, last: int) -> tuple[Any, Any]:
    """First pixels of bins (k, bins) and those behind their last ones: bins of whole pixels, none of them beyond ``last``.

    Regions begin at ``start`` (k); their bins are of ``size`` (k), which is no whole number, so they overlap.
    """
    number = flambeau.arange(bins, dtype=size.dtype)
    first = (number * size[:, None]).floor().long() + start.long()[:, None]
    behind = ((number + 1) * size[:, None]).ceil().long() + start.long()[:, None]
    return first.clamp(0, last), behind.clamp(0, last)


def within(first: Any, behind: Any, most: int, extent: int) -> tuple[Any, Any]:
    """Pixels (k, bins, ``most``) from ``first`` on, and whether they are before ``behind``."""
    pixel = first[:, :, None] + flambeau.arange(most)
    return pixel.clamp(max=extent - 1), pixel < behind[:, :, None]


def half_away(x: Any) -> Any:
    """Whole numbers next to ``x``, halves away from zero."""
    return x.trunc() + ((x - x.trunc()) * 2).trunc()


def check(input: Any, rows: Any, message: str = "input and rois must have the same dtype") -> None:
    """``RuntimeError`` unless maps and regions are of one dtype, or autocast is on, which gives them one."""
    if input.dtype is not rows.dtype and not flambeau.is_autocast_enabled("cpu"):
        raise RuntimeError(f"{message}, got {input.dtype} and {rows.dtype}")


def wide(t: Any) -> Any:
    """``t``, in float32 if it is of a half type."""
    return t if t.dtype in (flambeau.float32, flambeau.float64) else t.float()
