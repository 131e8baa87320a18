"""A loss of Z. Zheng et al., "Distance-IoU Loss" (2019)."""

from __future__ import annotations

from typing import Any

from ._loss import as_floats, distance_loss
from ._utils import reduced


def distance_box_iou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Any:
    """One less intersection over union, and how far centres are apart, of pairs of boxes (n, 4), given by their corners.

    ``eps`` keeps quotients finite. ``reduction`` is ``"none"``, ``"mean"`` or ``"sum"``; ``ValueError`` for others.
    """
    return reduced(distance_loss(as_floats(boxes1), as_floats(boxes2), eps)[0], reduction)
