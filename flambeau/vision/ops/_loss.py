"""What the losses of pairs of boxes share."""

from __future__ import annotations

from typing import Any

import flambeau


def as_floats(boxes: Any) -> Any:
    """Boxes in float32, unless they are of that or of float64."""
    return boxes if boxes.dtype in (flambeau.float32, flambeau.float64) else boxes.float()


def intersection_and_union(boxes1: Any, boxes2: Any) -> tuple[Any, Any]:
    """Areas, pair by pair."""
    ax1, ay1, ax2, ay2 = boxes1.unbind(dim=-1)
    bx1, by1, bx2, by2 = boxes2.unbind(dim=-1)
    x1, y1 = flambeau.max(ax1, bx1), flambeau.max(ay1, by1)
    x2, y2 = flambeau.min(ax2, bx2), flambeau.min(ay2, by2)
    intersection = flambeau.where((y2 > y1) & (x2 > x1), (x2 - x1) * (y2 - y1), 0.0)
    return intersection, (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - intersection


def enclosing(boxes1: Any, boxes2: Any) -> tuple[Any, Any]:
    """Width and height of the least boxes around the pairs."""
    ax1, ay1, ax2, ay2 = boxes1.unbind(dim=-1)
    bx1, by1, bx2, by2 = boxes2.unbind(dim=-1)
    return flambeau.max(ax2, bx2) - flambeau.min(ax1, bx1), flambeau.max(ay2, by2) - flambeau.min(ay1, by1)


def distance_loss(boxes1: Any, boxes2: Any, eps: float = 1e-7) -> tuple[Any, Any]:
    """The loss of :func:`distance_box_iou_loss`, and the intersection over union."""
    intersection, union = intersection_and_union(boxes1, boxes2)
    iou = intersection / (union + eps)
    width, height = enclosing(boxes1, boxes2)
    apart = ((boxes1[..., :2] + boxes1[..., 2:]) / 2 - (boxes2[..., :2] + boxes2[..., 2:]) / 2) ** 2
    return 1 - iou + (apart[..., 0] + apart[..., 1]) / (width**2 + height**2 + eps), iou
