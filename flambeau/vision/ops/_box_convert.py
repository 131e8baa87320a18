"""Boxes in one form as boxes in another: corners, sides, centres, and turned ones.

Each form is converted to one other at most by a formula of its own; the others go by way of the one in ``_BETWEEN``.
Angles are degrees, counter-clockwise as one sees it (the y axis points down).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flambeau


def _xywh_to_xyxy(boxes: Any) -> Any:
    x, y, w, h = boxes.unbind(-1)
    return flambeau.stack((x, y, x + w, y + h), dim=-1)


def _cxcywh_to_xyxy(boxes: Any) -> Any:
    cx, cy, w, h = boxes.unbind(-1)
    return flambeau.stack((cx - 0.5 * w, cy - 0.5 * h, cx + 0.5 * w, cy + 0.5 * h), dim=-1)


def _xyxy_to_xywh(boxes: Any) -> Any:
    x1, y1, x2, y2 = boxes.unbind(-1)
    return flambeau.stack((x1, y1, x2 - x1, y2 - y1), dim=-1)


def _xyxy_to_cxcywh(boxes: Any) -> Any:
    x1, y1, x2, y2 = boxes.unbind(-1)
    return flambeau.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), dim=-1)


def _rounded(turned: Callable[..., tuple[Any, ...]]) -> Callable[[Any], Any]:
    """A formula for the columns of turned boxes as a conversion: boxes of integers stay such, rounded."""

    def convert(boxes: Any) -> Any:
        made = flambeau.stack(turned(*boxes.unbind(-1)), dim=-1)
        return made if boxes.is_floating_point() else made.round().to(boxes.dtype)

    return convert


def _turn(r: Any) -> tuple[Any, Any]:
    angle = r * math.pi / 180.0
    return flambeau.cos(angle), flambeau.sin(angle)


def _centre_to_corner(cx: Any, cy: Any, w: Any, h: Any, r: Any) -> tuple[Any, ...]:
    cos, sin = _turn(r)
    return cx - w / 2 * cos - h / 2 * sin, cy - h / 2 * cos + w / 2 * sin, w, h, r


def _corner_to_centre(x: Any, y: Any, w: Any, h: Any, r: Any) -> tuple[Any, ...]:
    cos, sin = _turn(r)
    return x + w / 2 * cos + h / 2 * sin, y - w / 2 * sin + h / 2 * cos, w, h, r


def _corner_to_corners(x: Any, y: Any, w: Any, h: Any, r: Any) -> tuple[Any, ...]:
    cos, sin = _turn(r)
    x2, y2 = x + w * cos, y - w * sin
    return x, y, x2, y2, x2 + h * sin, y2 + h * cos, x + h * sin, y + h * cos


def _corners_to_corner(x1: Any, y1: Any, x2: Any, y2: Any, x3: Any, y3: Any, x4: Any, y4: Any) -> tuple[Any, ...]:
    r = flambeau.atan2(y1 - y2, x2 - x1) * 180 / math.pi
    w = ((x2 - x1) ** 2 + (y1 - y2) ** 2).sqrt()
    h = ((x3 - x2) ** 2 + (y3 - y2) ** 2).sqrt()
    return x1, y1, w, h, r


_FORMULAS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("xywh", "xyxy"): _xywh_to_xyxy,
    ("cxcywh", "xyxy"): _cxcywh_to_xyxy,
    ("xyxy", "xywh"): _xyxy_to_xywh,
    ("xyxy", "cxcywh"): _xyxy_to_cxcywh,
    ("cxcywhr", "xywhr"): _rounded(_centre_to_corner),
    ("xywhr", "cxcywhr"): _rounded(_corner_to_centre),
    ("xywhr", "xyxyxyxy"): _rounded(_corner_to_corners),
    ("xyxyxyxy", "xywhr"): _rounded(_corners_to_corner),
}
_BETWEEN = {
    ("xywh", "cxcywh"): "xyxy",
    ("cxcywh", "xywh"): "xyxy",
    ("cxcywhr", "xyxyxyxy"): "xywhr",
    ("xyxyxyxy", "cxcywhr"): "xywhr",
}
FORMATS = ("xyxy", "xywh", "cxcywh", "xywhr", "cxcywhr", "xyxyxyxy")


def converted(boxes: Any, given: str, wanted: str) -> Any:
    """``boxes`` (..., coordinates) from one of ``FORMATS`` in another; a copy if they are the same.

    ``ValueError`` for unknown formats, ``NotImplementedError`` between upright and turned boxes.
    """
    if given not in FORMATS or wanted not in FORMATS:
        raise ValueError(f"Unsupported Bounding Box Conversions for given in_fmt {given} and out_fmt {wanted}")
    if given == wanted:
        return boxes.clone()
    between = _BETWEEN.get((given, wanted))
    steps = [(given, between), (between, wanted)] if between else [(given, wanted)]
    for step in steps:
        if step not in _FORMULAS:
            raise NotImplementedError(
                f"Unsupported Bounding Box Conversions for given in_fmt {given} and out_fmt {wanted}"
            )
        boxes = _FORMULAS[step](boxes)
    return boxes
