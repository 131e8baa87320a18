"""Transforms of films (channels, pictures, height, width), as torchvision's file of this name has them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from . import _functional_video as F
from .geometric import RandomCrop, RandomResizedCrop

__all__ = [
    "CenterCropVideo", "NormalizeVideo", "RandomCropVideo", "RandomHorizontalFlipVideo", "RandomResizedCropVideo",
    "ToTensorVideo",
]  # fmt: skip


def _pair(size: Any) -> Any:
    return (int(size), int(size)) if isinstance(size, (int, float)) else size


class _Film:
    """A transform that shows its settings."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in vars(self).items())})"


class RandomCropVideo(_Film):
    """A rectangle of ``size`` at a place by chance."""

    get_params = staticmethod(RandomCrop.get_params)

    def __init__(self, size: Any) -> None:
        self.size = _pair(size)

    def __call__(self, clip: Any) -> Any:
        return F.crop(clip, *self.get_params(clip, self.size))


class RandomResizedCropVideo(_Film):
    """A rectangle of a size, form and place by chance, brought to ``size``."""

    get_params = staticmethod(RandomResizedCrop.get_params)

    def __init__(
        self,
        size: Any,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation_mode: str = "bilinear",
    ) -> None:
        if isinstance(size, tuple) and len(size) != 2:
            raise ValueError(f"size should be tuple (height, width), instead got {size}")
        self.size = size if isinstance(size, tuple) else (size, size)
        self.interpolation_mode = interpolation_mode
        self.scale = scale
        self.ratio = ratio

    def __call__(self, clip: Any) -> Any:
        place = self.get_params(clip, self.scale, self.ratio)
        return F.resized_crop(clip, *place, self.size, self.interpolation_mode)


class CenterCropVideo(_Film):
    """The middle, of ``crop_size``."""

    def __init__(self, crop_size: Any) -> None:
        self.crop_size = _pair(crop_size)

    def __call__(self, clip: Any) -> Any:
        return F.center_crop(clip, self.crop_size)


class NormalizeVideo(_Film):
    """``(clip - mean) / std`` for each channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, clip: Any) -> Any:
        return F.normalize(clip, self.mean, self.std, self.inplace)


class ToTensorVideo:
    """Floats from 0 to 1, the channels first, of bytes (pictures, height, width, channels)."""

    def __call__(self, clip: Any) -> Any:
        return F.to_tensor(clip)

    def __repr__(self) -> str:
        return type(self).__name__


class RandomHorizontalFlipVideo(_Film):
    """Left and right swapped, with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, clip: Any) -> Any:
        return F.hflip(clip) if random.random() < self.p else clip
