"""The other loss of Z. Zheng et al., "Distance-IoU Loss" (2019)."""

from __future__ import annotations

from typing import Any

from ._loss import as_floats, distance_loss
from ._utils import reduced
from .boxes import weighted_inequality


def complete_box_iou_loss(boxes1: Any, boxes2: Any, reduction: str = "none", eps: float = 1e-7) -> Any:
    """:func:`distance_box_iou_loss`, and how unequal the proportions of pairs of boxes (n, 4) are.

    ``eps`` keeps quotients finite. ``reduction`` is ``"none"``, ``"mean"`` or ``"sum"``; ``ValueError`` for others.
    """
    boxes1, boxes2 = as_floats(boxes1), as_floats(boxes2)
    loss, iou = distance_loss(boxes1, boxes2)
    proportions = [(boxes[..., 2] - boxes[..., 0]) / (boxes[..., 3] - boxes[..., 1]) for boxes in (boxes2, boxes1)]
    return reduced(loss + weighted_inequality(proportions[0], proportions[1], iou, eps), reduction)
