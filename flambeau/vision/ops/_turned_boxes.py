"""Overlaps of boxes that are turned.

Where two convex polygons meet is a convex polygon, whose corners are those of either that lie in the other and the points where
sides cross. Its area is half the sum of cross products of neighbours around it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops.from_data import from_array
from ...ops.host import array_of

_PAIRS = 1 << 16


def turned_box_iou(boxes1: Any, boxes2: Any) -> Any:
    """Intersection over union (n, m) of boxes (n, 5) and (m, 5): centre, width, height, angle. Computed at once."""
    for boxes in (boxes1, boxes2):
        if boxes.dim() != 2 or boxes.shape[1] != 5:
            raise RuntimeError(f"boxes should be a tensor of shape (n, 5), got {tuple(boxes.shape)}")
    first, second = array_of(boxes1).astype(np.float64), array_of(boxes2).astype(np.float64)
    step = max(1, _PAIRS // max(1, len(second)))
    rows = [_overlaps(first[at : at + step], second) for at in range(0, len(first), step)]
    table = np.concatenate(rows) if rows else np.zeros((0, len(second)))
    made: Any = from_array(np.ascontiguousarray(table.astype(np.float32)))
    return made.to(boxes1.dtype) if boxes1.is_floating_point() else made


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    count1, count2 = len(first), len(second)
    a, b = np.repeat(first, count2, 0), np.tile(second, (count1, 1))
    # Both about their middle: large coordinates leave no digits for small boxes.
    middle = (a[:, :2] + b[:, :2]) / 2
    corners_a, corners_b = _corners(a, middle), _corners(b, middle)
    crossings, crossed = _crossings(corners_a, corners_b)
    points = np.concatenate([crossings, corners_a, corners_b], 1)
    valid = np.concatenate([crossed, _inside(corners_a, corners_b), _inside(corners_b, corners_a)], 1)
    shared = _area(points, valid)
    area_a, area_b = a[:, 2] * a[:, 3], b[:, 2] * b[:, 3]
    some = (area_a >= 1e-14) & (area_b >= 1e-14)
    union = np.where(some, area_a + area_b - shared, 1.0)
    return np.where(some, shared / union, 0.0).reshape(count1, count2)


def _corners(boxes: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Corners (n, 4, 2), in order around the box."""
    angle = boxes[:, 4] * (np.pi / 180)
    cos, sin = np.cos(angle) / 2, np.sin(angle) / 2
    w, h = boxes[:, 2], boxes[:, 3]
    along = np.stack([w * cos, -w * sin], 1)
    across = np.stack([h * sin, h * cos], 1)
    centre = boxes[:, :2] - middle
    return np.stack(
        [centre - along - across, centre + along - across, centre + along + across, centre - along + across], 1
    )


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _crossings(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where sides of one cross those of the other (n, 16, 2), and whether they do."""
    side_a, side_b = np.roll(a, -1, 1) - a, np.roll(b, -1, 1) - b
    between = b[:, None, :, :] - a[:, :, None, :]
    turn = _cross(side_a[:, :, None], side_b[:, None, :])
    parallel = np.abs(turn) <= 1e-14
    turn = np.where(parallel, 1.0, turn)
    along_a = _cross(between, side_b[:, None, :]) / turn
    along_b = _cross(between, side_a[:, :, None]) / turn
    crossed = ~parallel & (along_a > -1e-6) & (along_a < 1 + 1e-6) & (along_b > -1e-6) & (along_b < 1 + 1e-6)
    points = a[:, :, None, :] + along_a[..., None] * side_a[:, :, None, :]
    return points.reshape(len(a), 16, 2), crossed.reshape(len(a), 16)


def _inside(points: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Whether points (n, 4, 2) lie in boxes given by their corners."""
    inside = np.ones(points.shape[:2], bool)
    for corner in (1, 3):
        side = box[:, corner] - box[:, 0]
        along = ((points - box[:, :1]) * side[:, None]).sum(-1)
        length = (side * side).sum(-1)[:, None]
        inside &= (along > -1e-6) & (along < length + 1e-6)
    return inside


def _area(points: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Area of the convex polygon of those points (n, k, 2) that are valid."""
    count = valid.sum(1)
    some = np.maximum(count, 1)[:, None]
    centre = np.where(valid[..., None], points, 0.0).sum(1) / some
    around = points - centre[:, None]
    angle = np.where(valid, np.arctan2(around[..., 1], around[..., 0]), np.inf)
    around = np.take_along_axis(around, np.argsort(angle, 1)[..., None], 1)
    # Places behind the last point show the first one, which adds nothing.
    place = np.arange(points.shape[1])
    around = np.take_along_axis(around, np.where(place < count[:, None], place, 0)[..., None], 1)
    area = np.abs(_cross(around, np.roll(around, -1, 1)).sum(1)) / 2
    return np.where(count > 2, area, 0.0)
