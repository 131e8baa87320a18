"""The loss of T.-Y. Lin et al., "Focal Loss for Dense Object Detection" (2017)."""

from __future__ import annotations

from typing import Any

import flambeau
from flambeau.nn import functional as F

from ._utils import reduced


def sigmoid_focal_loss(
    inputs: Any, targets: Any, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Any:
    """Binary cross-entropy of logits, less for what is easy: times (1 - p of the right answer) to the power ``gamma``.

    ``targets`` (as ``inputs``) are 0 or 1; ``alpha`` weighs ones and ``1 - alpha`` zeros, unless it is -1. ``reduction``
    is ``"none"``, ``"mean"`` or ``"sum"``. ``ValueError`` for others.
    """
    if not 0 <= alpha <= 1 and alpha != -1:
        raise ValueError(f"Invalid alpha value: {alpha}. alpha must be in the range [0,1] or -1 for ignore.")
    p = flambeau.sigmoid(inputs)
    right = p * targets + (1 - p) * (1 - targets)
    loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none") * (1 - right) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return reduced(loss, reduction, zero_if_empty=False)
