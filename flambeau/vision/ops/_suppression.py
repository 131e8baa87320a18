"""Which boxes stay when each drops the lower ones that it overlaps.

Overlaps are computed by compiled kernels, some rows of the table at a time; what is left to do one box after the other is one
operation on a row of booleans for each box that stays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import flambeau

from ...core.modes import no_grad

_ROWS = 512


@no_grad()
def kept_boxes(boxes: Any, scores: Any, kinds: Any, iou_threshold: float) -> Any:
    """Numbers of the boxes (n, 4) that stay, the highest scores first; of other ``kinds`` (n) they leave each other alone."""
    _check(boxes, scores)
    order = scores.sort(descending=True, stable=True)[1]
    boxes = boxes[order]
    kinds = None if kinds is None else kinds[order]
    bound = _rounded_down(iou_threshold, boxes)
    count = len(boxes)
    dropped = np.zeros(count, bool)
    for start in range(0, count, _ROWS):
        if dropped[start:].all():
            break
        part = slice(start, min(start + _ROWS, count))
        overlaps = _overlap(boxes[part], boxes[start:]) > bound
        if kinds is not None:
            overlaps = overlaps & (kinds[part, None] == kinds[None, start:])
        table = overlaps.numpy()
        rest = dropped[start:]
        for row in range(len(table)):
            if not rest[row]:
                rest[row + 1 :] |= table[row, row + 1 :]
    return order[flambeau.from_numpy(np.flatnonzero(~dropped))]


def _overlap(boxes1: Any, boxes2: Any) -> Any:
    """Intersection over union, with the roundings of the compiled kernels that PyTorch's users know."""
    ax1, ay1, ax2, ay2 = (column[:, None] for column in boxes1.unbind(1))
    bx1, by1, bx2, by2 = boxes2.unbind(1)
    width = (flambeau.minimum(ax2, bx2) - flambeau.maximum(ax1, bx1)).clamp(min=0)
    height = (flambeau.minimum(ay2, by2) - flambeau.maximum(ay1, by1)).clamp(min=0)
    shared = width * height
    return shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared)


def _rounded_down(threshold: float, boxes: Any) -> float:
    """The largest number of the boxes' dtype that is not above ``threshold``: more than one is more than the other."""
    if boxes.dtype is not flambeau.float32:
        return float(threshold)
    rounded = np.float32(threshold)
    return float(np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > threshold else rounded)


def _check(boxes: Any, scores: Any) -> None:
    if boxes.dim() != 2:
        raise RuntimeError(f"boxes should be a 2d tensor, got {boxes.dim()}D")
    if boxes.size(1) != 4:
        raise RuntimeError(f"boxes should have 4 elements in dimension 1, got {boxes.size(1)}")
    if scores.dim() != 1:
        raise RuntimeError(f"scores should be a 1d tensor, got {scores.dim()}D")
    if boxes.size(0) != scores.size(0):
        raise RuntimeError(
            "boxes and scores should have same number of elements in dimension 0, got "
            f"{boxes.size(0)} and {scores.size(0)}"
        )
    if boxes.dtype is not scores.dtype:
        raise RuntimeError("dets should have the same type as scores")
    if not boxes.is_floating_point():
        raise NotImplementedError(f"nms is for boxes of floating point numbers, got {boxes.dtype}")
