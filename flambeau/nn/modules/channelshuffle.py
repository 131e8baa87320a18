"""Interleaving groups of channels."""

from __future__ import annotations

from .. import functional as F
from ._layer import layer
from .module import Module


@layer(F.channel_shuffle)
class ChannelShuffle(Module):
    """Interleave the channels of ``groups`` groups."""

    groups: int
