"""Turned boxes cut at the border of their picture.

A box keeps its angles, so cutting a corner moves its neighbours along their sides. One side of the picture is dealt with at a
time: points are put in an order that begins at the leftmost one, and lie on lines ``y = slope * x + intercept``, of which
intercepts are moved. Then the picture is turned by a quarter.
"""

from __future__ import annotations

from typing import Any

import flambeau

from ....tv_tensors import BoundingBoxFormat
from ._formats import converted

_CORNERS = BoundingBoxFormat.XYXYXYXY


def clamped_turned(boxes: Any, format: BoundingBoxFormat, canvas_size: tuple[int, int], clamping_mode: str) -> Any:
    """Boxes (..., coordinates) of a turned format within a picture of ``canvas_size`` (height, width).

    ``"soft"`` lets a box reach a little out where it would shrink too much; ``"hard"`` does not.
    """
    points = converted(boxes, format, _CORNERS).reshape(-1, 8)
    before = points
    size = canvas_size
    for _ in range(4):
        order = _from_the_left(points)
        there, there_before = points.gather(1, order), before.gather(1, order)
        there = _clamped_at_left(there, there_before, size, clamping_mode)
        points, before = there.gather(1, order), there_before.gather(1, order)
        points, before = _quarter_turn(points, size[1]), _quarter_turn(before, size[1])
        size = (size[1], size[0])
    return converted(points, _CORNERS, format).reshape(boxes.shape)


def _quarter_turn(points: Any, width: int) -> Any:
    return flambeau.stack([points[:, 1::2], width - points[:, ::2]], -1).reshape(-1, 8)


def _from_the_left(points: Any) -> Any:
    """Numbers of the coordinates (n, 8) such that the leftmost point comes first, and of equally far ones the upper."""
    x, y = points[:, 0::2], points[:, 1::2]
    rank = y / y.abs().amax(1, keepdim=True) + x / x.abs().amax(1, keepdim=True) * 100
    return (rank.argmin(1, keepdim=True) * 2 + flambeau.arange(8)) % 8


def _lines(points: Any) -> tuple[Any, Any]:
    """Slopes and intercepts (n, 4) of the sides."""
    x, y = points[:, ::2], points[:, 1::2]
    slope = y.diff(append=y[:, 0:1]) / x.diff(append=x[:, 0:1])
    return slope, y - slope * x


def _corners_of(slope: Any, intercept: Any) -> Any:
    """Where each line meets the one before it (n, 8)."""
    x = -intercept.diff(prepend=intercept[:, 3:4]) / slope.diff(prepend=slope[:, 3:4])
    return flambeau.stack([x, slope * x + intercept], -1).reshape(-1, 8)


def _intercepts(points: Any, before: Any, size: tuple[int, int], mode: str) -> Any:
    height, width = size
    slope, intercept = _lines(points)
    a1, a2, a3, a4 = slope.unbind(-1)
    b1, b2, b3, b4 = intercept.unbind(-1)
    b1m, b2m, b3m, b4m = _lines(before)[1].unbind(-1)
    b1 = b2.clamp(b1, b3).clamp(0, height)
    b4 = b3.clamp(b2, b4).clamp(0, height)
    if mode == "hard":
        b1 = b4 = (b1 + b4) / 2
        lower = [b1 * a2 / a1, b3 * a2 / a3, (a1 - a2) * width + b1, (a3 - a2) * width + b3]
        b2 = flambeau.stack(lower, 1).amax(1).clamp(max=b2)
        upper = [
            height * (1 - a3 / a4) + b4 * a3 / a4,
            height * (1 - a3 / a2) + b2 * a3 / a2,
            (a2 - a3) * width + b2,
            (a4 - a3) * width + b4,
        ]
        b3 = flambeau.stack(upper, 1).amin(1).clamp(min=b3)
        both = b1.clamp(b1m, b3m).clamp(b2m, b4m)
        return flambeau.stack([both, b2.clamp(b2m, b4m), b3.clamp(b1m, b3m), both], -1)
    return flambeau.stack([b1.clamp(b1m, b3m), b2.clamp(b2m, b4m), b3.clamp(b1m, b3m), b4.clamp(b2m, b4m)], -1)


def _clamped_at_left(points: Any, before: Any, size: tuple[int, int], mode: str) -> Any:
    slope, _ = _lines(points)
    x1, y1, x2, y2, x3, y3, x4, y4 = points.unbind(-1)
    cut = _corners_of(slope, _intercepts(points, before, size, mode))
    upright = flambeau.stack([x1.clamp(0), y1, x2, y2, x3, y3, x4.clamp(0), y4], -1)
    is_cut = (x1 < 0) & ~cut.isnan().any(-1)
    is_upright = y1.isclose(y2) | y3.isclose(y4)
    is_outside = (x1 <= 0) & (x2 <= 0) & (x3 <= 0) & (x4 <= 0)
    is_outside = is_outside | y1.isclose(y4) | y2.isclose(y3) | is_upright & x1.isclose(x2)
    for case, result in ((is_cut, cut), (is_upright, upright), (is_outside, flambeau.zeros_like(points))):
        points = flambeau.where(case.unsqueeze(1), result, points)
    return points
