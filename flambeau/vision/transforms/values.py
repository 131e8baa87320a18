"""Transforms of pixels' values: colours and sharpness, pictures and tensors, normalising and erasing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import nn

from ...nn.modules._layer import layer
from . import _random
from . import functional as F
from ._random import WithProbability

__all__ = [
    "ColorJitter", "ConvertImageDtype", "GaussianBlur", "Grayscale", "LinearTransformation", "Normalize", "PILToTensor",
    "RandomAdjustSharpness", "RandomAutocontrast", "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomInvert",
    "RandomPosterize", "RandomSolarize", "ToPILImage", "ToTensor",
]  # fmt: skip

Range = tuple[float, float] | None


# --- colours and sharpness --------------------------------------------------------------------------------------------


@layer(shows="brightness={brightness}, contrast={contrast}, saturation={saturation}, hue={hue}")
class ColorJitter(nn.Module):
    """Change brightness, contrast, saturation and hue at random, in random order.

    Each is a range of factors, or a number ``x`` for the factors from ``max(0, 1 - x)`` to ``1 + x`` (of hue: from
    ``-x`` to ``x`` of a circle, at most a half).
    """

    brightness: float | Sequence[float] = 0
    contrast: float | Sequence[float] = 0
    saturation: float | Sequence[float] = 0
    hue: float | Sequence[float] = 0

    def _settle(self) -> None:
        for name in ("brightness", "contrast", "saturation", "hue"):
            bounds = (0.0, -0.5, 0.5) if name == "hue" else ()
            setattr(self, name, self._range(name, getattr(self, name), *bounds))

    @staticmethod
    def _range(name: str, value: Any, center: float = 1.0, least: float = 0.0, most: float = float("inf")) -> Range:
        """The range that ``value`` stands for; None if it changes nothing."""
        if isinstance(value, (int, float)):
            if value < 0:
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            low, high = center - float(value), center + float(value)
            if name != "hue":
                low = max(low, 0.0)
        elif isinstance(value, (tuple, list)) and len(value) == 2:
            low, high = float(value[0]), float(value[1])
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
        if not least <= low <= high <= most:
            raise ValueError(f"{name} values should be between {(least, most)}, but got {[low, high]}.")
        return None if low == high == center else (low, high)

    @staticmethod
    def get_params(
        brightness: Range, contrast: Range, saturation: Range, hue: Range
    ) -> tuple[Any, float | None, float | None, float | None, float | None]:
        """The order of the four changes, and their factors (None: leave it)."""
        order = _random.order(4)
        factors = [None if r is None else _random.uniform(r[0], r[1]) for r in (brightness, contrast, saturation, hue)]
        return order, factors[0], factors[1], factors[2], factors[3]

    def forward(self, img: Any) -> Any:
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)  # type: ignore[arg-type]
        changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for position in order:
            factor = factors[position]
            if factor is not None:
                img = changes[position](img, factor)
        return img


@layer(F.rgb_to_grayscale)
class Grayscale(nn.Module):
    """Luminance, in one channel or in three equal ones."""

    num_output_channels: int = 1


@layer()
class RandomGrayscale(nn.Module):
    """With probability ``p``, luminance in as many channels as there are."""

    p: float = 0.1

    def forward(self, img: Any) -> Any:
        channels = F.get_image_num_channels(img)
        return F.rgb_to_grayscale(img, channels) if _random.happens(self.p) else img


class RandomInvert(WithProbability):
    """With probability ``p``, swap light and dark."""

    def _changed(self, img: Any) -> Any:
        return F.invert(img)


class RandomAutocontrast(WithProbability):
    """With probability ``p``, stretch the values of each channel to the whole range."""

    def _changed(self, img: Any) -> Any:
        return F.autocontrast(img)


class RandomEqualize(WithProbability):
    """With probability ``p``, map bytes so that all are about equally frequent."""

    def _changed(self, img: Any) -> Any:
        return F.equalize(img)


@layer(shows="bits={bits},p={p}", own_first=True)
class RandomPosterize(WithProbability):
    """With probability ``p``, keep only the ``bits`` highest bits of bytes."""

    bits: int  # type: ignore[misc]  # before an inherited default

    def _changed(self, img: Any) -> Any:
        return F.posterize(img, self.bits)


@layer(shows="threshold={threshold},p={p}", own_first=True)
class RandomSolarize(WithProbability):
    """With probability ``p``, swap light and dark of values that are not below ``threshold``."""

    threshold: float  # type: ignore[misc]  # before an inherited default

    def _changed(self, img: Any) -> Any:
        return F.solarize(img, self.threshold)


@layer(shows="sharpness_factor={sharpness_factor},p={p}", own_first=True)
class RandomAdjustSharpness(WithProbability):
    """With probability ``p``, change the sharpness: 0 is smoothed, 1 the picture, 2 twice as sharp."""

    sharpness_factor: float  # type: ignore[misc]  # before an inherited default

    def _changed(self, img: Any) -> Any:
        return F.adjust_sharpness(img, self.sharpness_factor)


@layer(shows="kernel_size={kernel_size}, sigma={sigma}")
class GaussianBlur(nn.Module):
    """Convolve with a Gaussian of ``kernel_size`` (x, y), and deviation ``sigma`` or within the range ``sigma``."""

    kernel_size: int | Sequence[int]
    sigma: float | Sequence[float] = (0.1, 2.0)

    def _settle(self) -> None:
        size, sigma = self.kernel_size, self.sigma
        self.kernel_size = sizes = (size, size) if isinstance(size, int) else tuple(size)
        if len(sizes) != 2:
            raise ValueError("Kernel size should be a tuple/list of two integers")
        if any(size <= 0 or size % 2 == 0 for size in sizes):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, (int, float)):
            if sigma <= 0:
                raise ValueError("If sigma is a single number, it must be positive.")
            self.sigma = (sigma, sigma)
        elif len(sigma) != 2 or not 0.0 < sigma[0] <= sigma[1]:
            raise ValueError("sigma values should be positive and of the form (min, max).")

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A deviation."""
        return _random.uniform(sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        sigma = self.get_params(*self.sigma)  # type: ignore[misc]
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])


# --- pictures and tensors ---------------------------------------------------------------------------------------------


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


@layer(F.convert_image_dtype, shows="")
class ConvertImageDtype(nn.Module):
    """A tensor in another dtype, of the same brightness."""

    dtype: Any


@layer(F.normalize, shows="mean={mean}, std={std}")
class Normalize(nn.Module):
    """``(tensor - mean) / std`` for each channel."""

    mean: Any
    std: Any
    inplace: bool = False


class LinearTransformation(nn.Module):
    """``(tensor - mean_vector) @ transformation_matrix`` of a tensor (..., channels, height, width) laid out in a row.

    The matrix is square, of as many rows as there are values; ``ValueError`` for what does not fit.
    """

    def __init__(self, transformation_matrix: Any, mean_vector: Any) -> None:
        super().__init__()
        shape = tuple(transformation_matrix.size())
        if shape[0] != shape[1]:
            raise ValueError(f"transformation_matrix should be square. Got {shape} rectangular matrix.")
        if mean_vector.size(0) != shape[0]:
            raise ValueError(
                f"mean_vector should have the same length {mean_vector.size(0)} as any one of the dimensions of the "
                f"transformation_matrix [{shape}]"
            )
        if transformation_matrix.dtype != mean_vector.dtype:
            raise ValueError(
                f"Input tensors should have the same dtype. Got {transformation_matrix.dtype} and {mean_vector.dtype}"
            )
        self.transformation_matrix = transformation_matrix
        self.mean_vector = mean_vector

    def forward(self, tensor: Any) -> Any:
        channels, height, width = tensor.shape[-3:]
        count = channels * height * width
        if count != self.transformation_matrix.shape[0]:
            raise ValueError(
                f"Input tensor and transformation matrix have incompatible shape.[{channels} x {height} x {width}] != "
                f"{self.transformation_matrix.shape[0]}"
            )
        centred = tensor.reshape(-1, count) - self.mean_vector
        return (centred @ self.transformation_matrix.to(centred.dtype)).reshape(tensor.shape)

    def __repr__(self) -> str:
        matrix, mean = self.transformation_matrix.tolist(), self.mean_vector.tolist()
        return f"{type(self).__name__}(transformation_matrix={matrix}, mean_vector={mean})"


def erased_part(
    channels: int, rows: int, columns: int, scale: Sequence[float], ratio: Sequence[float], value: Any
) -> tuple[int, int, int, int, Any] | None:
    """Row, column, height, width and contents (noise if ``value`` is None) of a rectangle; None if ten draws do not fit."""
    for height, width in _random.rectangles(rows * columns, scale, ratio):
        if height < rows and width < columns:
            if value is None:
                contents = flambeau.empty([channels, height, width], dtype=flambeau.float32).normal_()
            else:
                contents = flambeau.as_tensor(value, dtype=flambeau.float32).view(-1, 1, 1)
            return *_random.place(rows - height, columns - width), height, width, contents
    return None


@layer(shows="p={p}, scale={scale}, ratio={ratio}, value={value}, inplace={inplace}")
class RandomErasing(WithProbability):
    """With probability ``p``, overwrite a rectangle of a tensor.

    ``scale``: range of its share of the area; ``ratio``: of its height to its width; ``value``: a number, one for each
    channel, or ``"random"`` for noise (Zhong et al., "Random Erasing Data Augmentation", 2017).
    """

    scale: Sequence[float] = (0.02, 0.33)
    ratio: Sequence[float] = (0.3, 3.3)
    value: Any = 0
    inplace: bool = False

    def _settle(self) -> None:
        if not isinstance(self.value, (int, float, str, tuple, list)):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(self.value, str) and self.value != "random":
            raise ValueError("If value is str, it should be 'random'")
        _random.check_ranges(self.scale, self.ratio)
        if self.scale[0] < 0 or self.scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if self.p < 0 or self.p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")

    @staticmethod
    def get_params(
        img: Any, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Any]:
        """Row, column, height, width and contents of a rectangle; the whole picture as it is if none fits."""
        channels, rows, columns = img.shape[-3:]
        return erased_part(channels, rows, columns, scale, ratio, value) or (0, 0, rows, columns, img)

    def _changed(self, img: Any) -> Any:
        value: Any = [float(self.value)] if isinstance(self.value, (int, float)) else self.value
        if isinstance(value, str):
            value = None
        elif len(value) not in (1, img.shape[-3]):
            raise ValueError(
                "If value is a sequence, it should have either a single value or "
                f"{img.shape[-3]} (number of input channels)"
            )
        return F.erase(img, *self.get_params(img, self.scale, self.ratio, value), self.inplace)
