"""The transforms that published weights of models were trained for: ``weights.transforms()`` makes one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import Tensor, nn

from . import functional as F
from .functional import InterpolationMode

__all__ = ["ImageClassification", "ObjectDetection", "OpticalFlow", "SemanticSegmentation", "VideoClassification"]

_TAKES = "Accepts ``PIL.Image``, batched ``(B, C, H, W)`` and single ``(C, H, W)`` image ``torch.Tensor`` objects. "


def _floats(image: Any) -> Any:
    """A picture as a tensor of floating point numbers between 0 and 1."""
    return F.convert_image_dtype(image if isinstance(image, Tensor) else F.pil_to_tensor(image), flambeau.float32)


class ObjectDetection(nn.Module):
    """A picture as a tensor of numbers between 0 and 1."""

    def forward(self, img: Any) -> Any:
        return _floats(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def describe(self) -> str:
        """What it does, in words."""
        return f"{_TAKES}The images are rescaled to ``[0.0, 1.0]``."


class _Sized(nn.Module):
    """Pictures are resized, perhaps cropped at the centre, and normalised."""

    _shown: tuple[str, ...] = ("crop_size", "resize_size", "mean", "std", "interpolation")

    def __init__(
        self, crop_size: Any, resize_size: Any, mean: Any, std: Any, interpolation: Any, antialias: bool | None
    ) -> None:
        super().__init__()
        self.crop_size, self.resize_size = crop_size, resize_size
        self.mean, self.std = list(mean), list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        if self.resize_size is not None:
            img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        if self.crop_size is not None:
            img = F.center_crop(img, self.crop_size)
        return F.normalize(_floats(img), mean=self.mean, std=self.std)

    def __repr__(self) -> str:
        lines = "".join(f"\n    {name}={getattr(self, name)}" for name in self._shown)
        return f"{type(self).__name__}({lines}\n)"

    def describe(self) -> str:
        """What it does, in words."""
        crop = f", followed by a central crop of ``crop_size={self.crop_size}``" if self.crop_size is not None else ""
        return (
            f"{_TAKES}The images are resized to ``resize_size={self.resize_size}`` using "
            f"``interpolation={self.interpolation}``{crop}. Finally the values are first rescaled to ``[0.0, 1.0]`` and then "
            f"normalized using ``mean={self.mean}`` and ``std={self.std}``."
        )


class ImageClassification(_Sized):
    """The shorter side becomes ``resize_size``, the middle ``crop_size`` square is taken, and normalised."""

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__([crop_size], [resize_size], mean, std, interpolation, antialias)


class SemanticSegmentation(_Sized):
    """The shorter side becomes ``resize_size`` (if it is given), and values are normalised."""

    _shown = ("resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        resize_size: int | None,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        size = None if resize_size is None else [resize_size]
        super().__init__(None, size, mean, std, interpolation, antialias)


class VideoClassification(_Sized):
    """Of videos (..., time, channels, height, width): (..., channels, time, height, width), as for pictures."""

    def __init__(
        self,
        *,
        crop_size: Sequence[int],
        resize_size: Sequence[int],
        mean: Sequence[float] = (0.43216, 0.394666, 0.37645),
        std: Sequence[float] = (0.22803, 0.22145, 0.216989),
        interpolation: Any = InterpolationMode.BILINEAR,
    ) -> None:
        super().__init__(list(crop_size), list(resize_size), mean, std, interpolation, False)

    def forward(self, vid: Any) -> Any:
        frames = super().forward(vid.reshape(-1, *vid.shape[-3:]))
        return frames.view(*vid.shape[:-3], *frames.shape[1:]).transpose(-4, -3)

    def describe(self) -> str:
        """What it does, in words."""
        frames = super().describe().replace(_TAKES, "").replace("images", "frames")
        return (
            "Accepts batched ``(B, T, C, H, W)`` and single ``(T, C, H, W)`` video frame ``torch.Tensor`` objects. "
            f"{frames} Finally the output dimensions are permuted to ``(..., C, T, H, W)`` tensors."
        )


class OpticalFlow(nn.Module):
    """Two pictures as tensors of numbers between -1 and 1."""

    def forward(self, img1: Any, img2: Any) -> tuple[Any, Any]:
        half = [0.5, 0.5, 0.5]
        first, second = (F.normalize(_floats(img), mean=half, std=half).contiguous() for img in (img1, img2))
        return first, second

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def describe(self) -> str:
        """What it does, in words."""
        return f"{_TAKES}The images are rescaled to ``[-1.0, 1.0]``."
