"""Boxes: areas, overlaps, conversions, and the choice of those that do not overlap."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ._box_convert import converted
from ._suppression import kept_boxes
from ._turned_boxes import turned_box_iou
from ._utils import upcast

_UPRIGHT = ("xyxy", "xywh", "cxcywh")
_TURNED = ("cxcywhr", "xywhr", "xyxyxyxy")


def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Numbers of the boxes that stay when each one drops those of lower score which overlap it by more than a threshold.

    ``boxes`` (n, 4) as corners x1, y1, x2, y2; ``scores`` (n); the overlap is the quotient of intersection and union.
    The result is of int64, the highest scores first (among equal ones, the first). It is computed at once.
    """
    return kept_boxes(boxes, scores, None, iou_threshold)


def batched_nms(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> Any:
    """As :func:`nms`, where boxes drop only others of the same kind ``idxs`` (n)."""
    if boxes.numel() > 4000:
        return kept_boxes(boxes, scores, idxs, iou_threshold)
    if boxes.numel() == 0:
        return flambeau.empty((0,), dtype=flambeau.int64)
    # Few boxes are moved apart by kind, as PyTorch's users know it, to the rounding of their overlaps.
    offsets = idxs.to(boxes.dtype) * (boxes.max() + 1)
    return kept_boxes(boxes + offsets[:, None], scores, None, iou_threshold)


def remove_small_boxes(boxes: Any, min_size: float) -> Any:
    """Numbers of the boxes (corners) neither side of which is shorter than ``min_size``."""
    widths, heights = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    return flambeau.where((widths >= min_size) & (heights >= min_size))[0]


def clip_boxes_to_image(boxes: Any, size: tuple[int, int]) -> Any:
    """Boxes (corners) cut at the border of a picture of ``size`` (height, width)."""
    height, width = size
    sides = (boxes[..., 0::2].clamp(min=0, max=width), boxes[..., 1::2].clamp(min=0, max=height))
    return flambeau.stack(sides, dim=boxes.dim()).reshape(boxes.shape)


def box_convert(boxes: Any, in_fmt: str, out_fmt: str) -> Any:
    """Boxes in another format.

    ``"xyxy"`` (two corners), ``"xywh"`` (the first corner, width and height) and ``"cxcywh"`` (the centre) can be
    converted to each other, and turned ones to each other: ``"xywhr"`` and ``"cxcywhr"`` (with an angle in degrees)
    and ``"xyxyxyxy"`` (all corners). ``ValueError`` for other formats.
    """
    return converted(boxes, in_fmt, out_fmt)


def box_area(boxes: Any, fmt: str = "xyxy") -> Any:
    """Areas (...) of boxes (..., 4) in format ``"xyxy"``, ``"xywh"`` or ``"cxcywh"``."""
    if fmt not in _UPRIGHT:
        raise ValueError(f"Unsupported Bounding Box area for given format {fmt}")
    boxes = upcast(boxes)
    if fmt == "xyxy":
        return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
    return boxes[..., 2] * boxes[..., 3]


def _corners(boxes: Any, fmt: str) -> tuple[Any, Any]:
    """First and last corners (..., 2)."""
    if fmt == "xyxy":
        return boxes[..., :2], boxes[..., 2:]
    if fmt == "xywh":
        return boxes[..., :2], boxes[..., :2] + boxes[..., 2:]
    return boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2


def _intersection_and_union(boxes1: Any, boxes2: Any, fmt: str = "xyxy") -> tuple[Any, Any]:
    first1, last1 = _corners(boxes1, fmt)
    first2, last2 = _corners(boxes2, fmt)
    first = flambeau.max(first1[..., None, :], first2[..., None, :, :])
    last = flambeau.min(last1[..., None, :], last2[..., None, :, :])
    sides = upcast(last - first).clamp(min=0)
    intersection = sides[..., 0] * sides[..., 1]
    return intersection, box_area(boxes1, fmt)[..., None] + box_area(boxes2, fmt)[..., None, :] - intersection


def _enclosing(boxes1: Any, boxes2: Any) -> tuple[Any, Any]:
    """Width and height of the least boxes around each pair."""
    first = flambeau.min(boxes1[..., None, :2], boxes2[..., None, :, :2])
    last = flambeau.max(boxes1[..., None, 2:], boxes2[..., None, :, 2:])
    sides = upcast(last - first).clamp(min=0)
    return sides[..., 0], sides[..., 1]


def box_iou(boxes1: Any, boxes2: Any, fmt: str = "xyxy") -> Any:
    """Intersection over union of each of ``boxes1`` (..., n, 4) with each of ``boxes2`` (..., m, 4), as (..., n, m).

    Boxes may be turned ones (``box_convert`` says in which formats). ``ValueError`` for other formats.
    """
    if fmt in _UPRIGHT:
        intersection, union = _intersection_and_union(boxes1, boxes2, fmt)
        return intersection / union
    if fmt in _TURNED:
        if fmt != "cxcywhr":
            boxes1, boxes2 = converted(boxes1, fmt, "cxcywhr"), converted(boxes2, fmt, "cxcywhr")
        return turned_box_iou(boxes1, boxes2)
    raise ValueError(
        f"Unsupported format '{fmt}'. Supported axis-aligned formats: {_UPRIGHT}. Supported rotated formats: {_TURNED}."
    )


def generalized_box_iou(boxes1: Any, boxes2: Any) -> Any:
    """:func:`box_iou` less the share of the least enclosing box that neither covers (Rezatofighi and others, 2019)."""
    intersection, union = _intersection_and_union(boxes1, boxes2)
    width, height = _enclosing(boxes1, boxes2)
    area = width * height
    return intersection / union - (area - union) / area


def distance_box_iou(boxes1: Any, boxes2: Any, eps: float = 1e-7) -> Any:
    """:func:`box_iou` less the squared distance of the centres, over that of the enclosing box's corners (Zheng, 2019)."""
    return _distance_and_iou(upcast(boxes1), upcast(boxes2), eps)[0]


def complete_box_iou(boxes1: Any, boxes2: Any, eps: float = 1e-7) -> Any:
    """:func:`distance_box_iou` less a term for unequal proportions (Zheng and others, 2019)."""
    boxes1, boxes2 = upcast(boxes1), upcast(boxes2)
    distance_iou, iou = _distance_and_iou(boxes1, boxes2, eps)
    proportion1, proportion2 = _proportion(boxes1)[..., None], _proportion(boxes2)[..., None, :]
    return distance_iou - weighted_inequality(proportion1, proportion2, iou, eps)


def _proportion(boxes: Any) -> Any:
    return (boxes[..., 2] - boxes[..., 0]) / (boxes[..., 3] - boxes[..., 1])


def weighted_inequality(proportion1: Any, proportion2: Any, iou: Any, eps: float) -> Any:
    """How unequal proportions are, with a weight that counts as a constant."""
    inequality = (4 / math.pi**2) * (flambeau.atan(proportion1) - flambeau.atan(proportion2)) ** 2
    return (inequality / (1 - iou + inequality + eps)).detach() * inequality


def _distance_and_iou(boxes1: Any, boxes2: Any, eps: float) -> tuple[Any, Any]:
    iou = box_iou(boxes1, boxes2)
    width, height = _enclosing(boxes1, boxes2)
    diagonal = width**2 + height**2 + eps
    centre1 = (boxes1[..., :2] + boxes1[..., 2:]) / 2
    centre2 = (boxes2[..., :2] + boxes2[..., 2:]) / 2
    apart = upcast(centre1[..., None, :] - centre2[..., None, :, :]) ** 2
    return iou - (apart[..., 0] + apart[..., 1]) / diagonal, iou


def masks_to_boxes(masks: Any) -> Any:
    """The least boxes (n, 4) around masks (n, height, width), corners inclusive, in float32; zeros for empty ones."""
    if masks.numel() == 0:
        return flambeau.zeros((0, 4))
    _, height, width = masks.shape
    inside = masks.bool()
    rows, columns = inside.any(dim=2).float(), inside.any(dim=1).float()
    first = (columns.argmax(dim=1), rows.argmax(dim=1))
    last = (width - 1 - columns.flip(1).argmax(dim=1), height - 1 - rows.flip(1).argmax(dim=1))
    boxes = flambeau.stack((*first, *last), dim=1).float()
    return flambeau.where(rows.any(dim=1)[:, None], boxes, 0.0)
