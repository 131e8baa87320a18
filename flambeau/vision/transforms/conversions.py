"""Transforms between pictures and tensors, and of tensors' values."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import nn

from . import _random
from . import functional as F

__all__ = ["ConvertImageDtype", "Normalize", "PILToTensor", "RandomErasing", "ToPILImage", "ToTensor"]


class ToTensor:
    """A tensor (channels, height, width) of a picture or an array; bytes become floats from 0 to 1."""

    def __call__(self, pic: Any) -> Any:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """A tensor (channels, height, width) of a picture's own dtype."""

    def __call__(self, pic: Any) -> Any:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToPILImage:
    """A picture of a tensor (channels, height, width) or an array (height, width, channels)."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class ConvertImageDtype(nn.Module):
    """A tensor in another dtype, of the same brightness."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Any) -> Any:
        return F.convert_image_dtype(image, self.dtype)


class Normalize(nn.Module):
    """``(tensor - mean) / std`` for each channel."""

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Any) -> Any:
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class RandomErasing(nn.Module):
    """With probability ``p``, overwrite a rectangle of a tensor.

    ``scale``: range of its share of the area; ``ratio``: of its height to its width; ``value``: a number, one for each
    channel, or ``"random"`` for noise (Zhong et al., "Random Erasing Data Augmentation", 2017).
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(value, (int, float, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        for name, range_ in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(range_, (tuple, list)):
                raise TypeError(f"{name} should be a sequence")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)")
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Any]:
        """Row, column, height, width and contents of a rectangle; the whole picture as it is if none fits."""
        channels, rows, columns = img.shape[-3:]
        for _ in range(10):
            area = rows * columns * _random.uniform(scale[0], scale[1])
            aspect = math.exp(_random.uniform(math.log(ratio[0]), math.log(ratio[1])))
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if not (height < rows and width < columns):
                continue
            if value is None:
                contents = flambeau.empty([channels, height, width], dtype=flambeau.float32).normal_()
            else:
                contents = flambeau.as_tensor(value, dtype=flambeau.float32).view(-1, 1, 1)
            top = _random.integer(0, rows - height + 1)
            left = _random.integer(0, columns - width + 1)
            return top, left, height, width, contents
        return 0, 0, rows, columns, img

    def forward(self, img: Any) -> Any:
        if not _random.happens(self.p):
            return img
        value: Any = [float(self.value)] if isinstance(self.value, (int, float)) else self.value
        if isinstance(value, str):
            value = None
        elif len(value) not in (1, img.shape[-3]):
            raise ValueError(
                "If value is a sequence, it should have either a single value or "
                f"{img.shape[-3]} (number of input channels)"
            )
        top, left, height, width, contents = self.get_params(img, self.scale, self.ratio, value)
        return F.erase(img, top, left, height, width, contents, self.inplace)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, "
            f"inplace={self.inplace})"
        )
