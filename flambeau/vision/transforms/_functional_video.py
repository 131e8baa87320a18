"""Functions on films (channels, pictures, height, width), as torchvision's file of this name has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau.nn import functional as F


def _is_tensor_video_clip(clip: Any) -> bool:
    """True, or ``TypeError`` for what is no tensor, and ``ValueError`` for one that has not four axes."""
    if not isinstance(clip, flambeau.Tensor):
        raise TypeError(f"clip should be Tensor. Got {type(clip)}")
    axes = clip.ndim  # type: ignore[attr-defined]
    if axes != 4:
        raise ValueError(f"clip should be 4D. Got {axes}D")
    return True


def crop(clip: Any, i: int, j: int, h: int, w: int) -> Any:
    """The rectangle of ``h`` by ``w`` pixels at row ``i``, column ``j``."""
    if clip.ndim != 4:
        raise ValueError("clip should be a 4D tensor")
    return clip[..., i : i + h, j : j + w]


def resize(clip: Any, target_size: Sequence[int], interpolation_mode: str) -> Any:
    """Bring each picture to ``target_size`` (height, width)."""
    if len(target_size) != 2:
        raise ValueError(f"target size should be tuple (height, width), instead got {target_size}")
    return F.interpolate(clip, size=target_size, mode=interpolation_mode, align_corners=False)


def resized_crop(
    clip: Any, i: int, j: int, h: int, w: int, size: Sequence[int], interpolation_mode: str = "bilinear"
) -> Any:
    """:func:`crop`, then :func:`resize`."""
    _is_tensor_video_clip(clip)
    return resize(crop(clip, i, j, h, w), size, interpolation_mode)


def center_crop(clip: Any, crop_size: Sequence[int]) -> Any:
    """The middle of each picture."""
    _is_tensor_video_clip(clip)
    height, width = clip.shape[-2:]
    if height < crop_size[0] or width < crop_size[1]:
        raise ValueError("height and width must be no smaller than crop_size")
    places = [round((extent - part) / 2.0) for extent, part in zip((height, width), crop_size)]
    return crop(clip, *places, *crop_size)


def to_tensor(clip: Any) -> Any:
    """Floats from 0 to 1, the channels first, of bytes (pictures, height, width, channels)."""
    _is_tensor_video_clip(clip)
    if clip.dtype != flambeau.uint8:
        raise TypeError(f"clip tensor should have data type uint8. Got {clip.dtype}")
    return clip.float().permute(3, 0, 1, 2) / 255.0


def normalize(clip: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """``(clip - mean) / std`` for each channel."""
    _is_tensor_video_clip(clip)
    result = clip if inplace else clip.clone()
    centre, spread = (flambeau.as_tensor(numbers, dtype=clip.dtype)[:, None, None, None] for numbers in (mean, std))
    return result.sub_(centre).div_(spread)


def hflip(clip: Any) -> Any:
    """Swap left and right."""
    _is_tensor_video_clip(clip)
    return clip.flip(-1)
