"""Boxes in one format as boxes in another; those of integers stay whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flambeau

from ....ops._box_convert import converted as converted_floats
from ....tv_tensors import BoundingBoxFormat, is_rotated_bounding_format

XYXY, XYWH, CXCYWH = BoundingBoxFormat.XYXY, BoundingBoxFormat.XYWH, BoundingBoxFormat.CXCYWH


def format_of(value: BoundingBoxFormat | str) -> BoundingBoxFormat:
    """A format, by itself or its name."""
    return BoundingBoxFormat[value.upper()] if isinstance(value, str) else value


def converted(boxes: Any, old: BoundingBoxFormat, new: BoundingBoxFormat, inplace: bool = False) -> Any:
    """``boxes`` in another format; written over them if ``inplace`` and there is as much to write.

    ``ValueError`` between upright and turned boxes.
    """
    if new == old:
        return boxes
    if is_rotated_bounding_format(old) != is_rotated_bounding_format(new):
        raise ValueError("Cannot convert between rotated and unrotated bounding boxes.")
    if is_rotated_bounding_format(old):
        made = converted_floats(boxes, old.value.lower(), new.value.lower())
    else:
        made = _upright(boxes, old, new)
    return boxes.copy_(made) if inplace and made.shape == boxes.shape else made


def _upright(boxes: Any, old: BoundingBoxFormat, new: BoundingBoxFormat) -> Any:
    """The first two numbers and the last two, of formats that are not turned."""
    first, last = boxes[..., :2], boxes[..., 2:]
    half: Callable[[Any], Any] = lambda x: x / 2 if boxes.is_floating_point() else x // 2  # noqa: E731
    if old == XYWH and new == CXCYWH:
        return _joined(first + half(last), last)
    if old == CXCYWH:
        corner = first - last / 2
        behind = (corner + last).to(boxes.dtype)
        corner = corner.to(boxes.dtype)
        if new == XYXY:
            return _joined(corner, behind)
        return _joined(corner, last if boxes.is_floating_point() else behind - corner)
    if old == XYWH:
        return _joined(first, first + last)
    size = last - first
    return _joined(first, size) if new == XYWH else _joined(half(first * 2 + size), size)


def _joined(first: Any, last: Any) -> Any:
    return flambeau.cat([first, last], -1)
