"""Tensors of pictures, films, masks, boxes and points, which :mod:`flambeau.vision.transforms.v2` tells apart."""

from __future__ import annotations

from typing import Any

from ._base import TVTensor, set_return_type
from ._kinds import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask, Video, is_rotated_bounding_format

__all__ = [
    "BoundingBoxFormat", "BoundingBoxes", "Image", "KeyPoints", "Mask", "TVTensor", "Video", "is_rotated_bounding_format",
    "set_return_type", "wrap",
]  # fmt: skip


def wrap(wrappee: Any, *, like: Any, **kwargs: Any) -> Any:
    """``wrappee`` as a tensor of the class of ``like``, which knows what that one knows, unless it is given."""
    return type(like).wrap(wrappee, like, **kwargs)
