"""Transforms of what boxes and points are written as, and of those outside the picture."""

from __future__ import annotations

from typing import Any

from ....nn.modules._layer import layer
from ...tv_tensors import BoundingBoxes, KeyPoints
from . import functional as F
from ._transform import Transform


@layer()
class ConvertBoundingBoxFormat(Transform):
    """Boxes in another format."""

    _transformed_types = (BoundingBoxes,)

    format: Any

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.convert_bounding_box_format(inpt, new_format=self.format)


@layer()
class ClampBoundingBoxes(Transform):
    """Boxes cut at the border of their picture, as they themselves say (``"auto"``), or by a mode."""

    _transformed_types = (BoundingBoxes,)

    clamping_mode: str | None = "auto"

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class ClampKeyPoints(Transform):
    """Points moved to the border of their picture where they lie outside."""

    _transformed_types = (KeyPoints,)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.clamp_keypoints(inpt)


@layer()
class SetClampingMode(Transform):
    """How boxes are cut from here on: ``"soft"``, ``"hard"``, or not at all (None)."""

    _transformed_types = (BoundingBoxes,)

    clamping_mode: str | None

    def _settle(self) -> None:
        if self.clamping_mode not in (None, "soft", "hard"):
            raise ValueError(f"clamping_mode must be soft, hard or None, got {self.clamping_mode}")

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        output = inpt.clone()
        output.clamping_mode = self.clamping_mode
        return output
