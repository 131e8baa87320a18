"""Dropout."""

from __future__ import annotations

from .. import functional as F
from ._layer import layer
from .module import Module


@layer(shows="p={p}, inplace={inplace}")
class _DropoutNd(Module):
    p: float = 0.5
    inplace: bool = False

    def _settle(self) -> None:
        if self.p < 0 or self.p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {self.p}")


@layer(F.dropout)
class Dropout(_DropoutNd):
    """In training, zero each element with probability ``p`` and divide the others by ``1 - p``."""


@layer(F.dropout1d)
class Dropout1d(_DropoutNd):
    """Zero whole channels of (N, C, L) or (C, L)."""


@layer(F.dropout2d)
class Dropout2d(_DropoutNd):
    """Zero whole channels of (N, C, H, W)."""


@layer(F.dropout3d)
class Dropout3d(_DropoutNd):
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W)."""


@layer(F.alpha_dropout)
class AlphaDropout(_DropoutNd):
    """Dropout for self-normalising networks."""


@layer(F.feature_alpha_dropout)
class FeatureAlphaDropout(_DropoutNd):
    """Alpha dropout of whole channels."""
