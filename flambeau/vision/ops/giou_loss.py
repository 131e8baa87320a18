"""The loss of H. Rezatofighi et al., "Generalized Intersection over Union" (2019)."""

from __future__ import annotations

from typing import Any

from ._loss import as_floats, enclosing, intersection_and_union
from ._utils import reduced


def generalized_box_iou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Any:
    """One less the generalised intersection over union of pairs of boxes (n, 4), given by their corners.

    ``eps`` keeps quotients finite. ``reduction`` is ``"none"``, ``"mean"`` or ``"sum"``; ``ValueError`` for others.
    """
    boxes1, boxes2 = as_floats(boxes1), as_floats(boxes2)
    intersection, union = intersection_and_union(boxes1, boxes2)
    width, height = enclosing(boxes1, boxes2)
    area = width * height
    return reduced(1 - (intersection / (union + eps) - (area - union) / (area + eps)), reduction)
