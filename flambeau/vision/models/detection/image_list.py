"""Pictures of several sizes in one tensor."""

from __future__ import annotations

from typing import Any


class ImageList:
    """Pictures with zeros behind them, to be of one size: (batch, channels, height, width); and their own sizes."""

    def __init__(self, tensors: Any, image_sizes: list[tuple[int, int]]) -> None:
        self.tensors = tensors
        self.image_sizes = image_sizes

    def to(self, device: Any) -> ImageList:
        """The same on another device."""
        return ImageList(self.tensors.to(device), self.image_sizes)
