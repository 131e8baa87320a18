"""Moving between channels and pixels."""

from __future__ import annotations

from .. import functional as F
from ._layer import layer
from .module import Module


@layer(F.pixel_shuffle)
class PixelShuffle(Module):
    """(…, C·r², H, W) to (…, C, H·r, W·r)."""

    upscale_factor: int


@layer(F.pixel_unshuffle)
class PixelUnshuffle(Module):
    """(…, C, H·r, W·r) to (…, C·r², H, W)."""

    downscale_factor: int
