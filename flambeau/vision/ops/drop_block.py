"""Whole blocks of a picture left out at random: G. Ghiasi et al., "DropBlock" (2018)."""

from __future__ import annotations

from typing import Any

from flambeau import nn
from flambeau.nn import functional as F

__all__ = ["DropBlock2d", "DropBlock3d", "drop_block2d", "drop_block3d"]


def drop_block2d(
    input: Any, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True
) -> Any:
    """``input`` (batch, channels, height, width) without blocks of ``block_size`` by ``block_size``.

    About a share ``p`` of the elements is set to zero; what stays is scaled so that the mean of all is kept. Nothing
    happens unless ``training``. ``ValueError`` for an even ``block_size``, for another number of axes, and for what is
    no probability.
    """
    return _dropped(input, 2, p, block_size, inplace, eps, training)


def drop_block3d(
    input: Any, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06, training: bool = True
) -> Any:
    """As :func:`drop_block2d`, for (batch, channels, depth, height, width)."""
    return _dropped(input, 3, p, block_size, inplace, eps, training)


def _dropped(input: Any, axes: int, p: float, block_size: int, inplace: bool, eps: float, training: bool) -> Any:
    if p < 0.0 or p > 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}.")
    if input.ndim != axes + 2:
        raise ValueError(f"input should be {axes + 2} dimensional. Got {input.ndim} dimensions.")
    if not training or p == 0.0:
        return input
    extents = input.shape[2:]
    block_size = min(block_size, *extents)
    if block_size % 2 == 0:
        raise ValueError(f"block size should be odd. Got {block_size} which is even.")
    # Centres of blocks are drawn where a whole block has place, so often that a share p is covered.
    centres = [extent - block_size + 1 for extent in extents]
    share = p
    for extent, centre in zip(extents, centres):
        share *= extent / (block_size * centre)
    noise = input.detach().new_empty((*input.shape[:2], *centres)).bernoulli_(share)
    noise = F.pad(noise, [block_size // 2] * (2 * axes), value=0)
    pool: Any = F.max_pool2d if axes == 2 else F.max_pool3d
    kept = 1 - pool(noise, kernel_size=block_size, stride=1, padding=block_size // 2)
    scale = kept.numel() / (eps + kept.sum())
    if inplace:
        return input.mul_(kept).mul_(scale)
    return input * kept * scale


class DropBlock2d(nn.Module):
    """See :func:`drop_block2d`."""

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-06) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size
        self.inplace = inplace
        self.eps = eps

    def forward(self, input: Any) -> Any:
        return drop_block2d(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, block_size={self.block_size}, inplace={self.inplace})"


class DropBlock3d(DropBlock2d):
    """See :func:`drop_block3d`."""

    def forward(self, input: Any) -> Any:
        return drop_block3d(input, self.p, self.block_size, self.inplace, self.eps, self.training)
