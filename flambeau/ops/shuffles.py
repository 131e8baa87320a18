"""Moving between channels and pixels, and between groups of channels."""

from __future__ import annotations

from ..core.tensor import Tensor
from ..graph.bounds import LARGEST
from .laid_out import in_new_memory
from .memory_order import format_order
from .one_node import one_node
from .operation import operation


@operation("functional.pixel_shuffle", method=False)
@one_node("PixelShuffleBackward0")
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """(…, C·r², H, W) to (…, C, H·r, W·r)."""
    if input.dim() < 3:
        raise RuntimeError(
            f"pixel_shuffle expects input to have at least 3 dimensions, but got input with {input.dim()} dimension(s)"
        )
    if upscale_factor <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {upscale_factor}")
    *leading, channels, height, width = input.shape
    r = upscale_factor
    if r * r > LARGEST:
        raise ValueError(f"upscale factor is too large, (upscale_factor)^2 overflowed: upscale_factor={r}")
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, "
            f"but input.size(-3)={channels} is not divisible by {r * r}"
        )
    count = len(leading)
    parts = input.reshape(*leading, channels // (r * r), r, r, height, width)
    order = [count, count + 3, count + 1, count + 4, count + 2]
    result = parts.permute(*range(count), *order).reshape(*leading, channels // (r * r), height * r, width * r)
    return in_new_memory(result, input, format_order(input))


@operation("functional.pixel_unshuffle", method=False)
@one_node("PixelUnshuffleBackward0")
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """(…, C, H·r, W·r) to (…, C·r², H, W)."""
    if input.dim() < 3:
        raise RuntimeError(
            f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with {input.dim()} "
            "dimension(s)"
        )
    if downscale_factor <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {downscale_factor}")
    *leading, channels, height, width = input.shape
    r = downscale_factor
    for name, place, extent in (("height", -2, height), ("width", -1, width)):
        if extent % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, but input.size({place})={extent} "
                f"is not divisible by {r}"
            )
    count = len(leading)
    parts = input.reshape(*leading, channels, height // r, r, width // r, r)
    order = [count, count + 2, count + 4, count + 1, count + 3]
    result = parts.permute(*range(count), *order).reshape(*leading, channels * r * r, height // r, width // r)
    return in_new_memory(result, input, format_order(input))


@operation("functional.channel_shuffle", method=False)
@one_node("ChannelShuffleBackward0")
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleave the channels of ``groups`` groups."""
    if input.dim() < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    channels = input.size(1)
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    shape = input.shape
    parts = input.reshape(shape[0], groups, channels // groups, *shape[2:])
    return in_new_memory(parts.transpose(1, 2).reshape(shape), input, format_order(input))
