"""Geometric transforms: sizes, crops, flips, rotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau import nn

from ...nn.modules._layer import layer
from . import _random
from . import functional as F
from ._random import WithProbability
from .functional import InterpolationMode
from .functional._arguments import check_padding, interpolation_mode

__all__ = [
    "CenterCrop", "ElasticTransform", "FiveCrop", "Pad", "RandomAffine", "RandomCrop", "RandomHorizontalFlip",
    "RandomPerspective", "RandomResizedCrop", "RandomRotation", "RandomVerticalFlip", "Resize", "TenCrop",
]  # fmt: skip


def _pair(size: Any) -> Any:
    """(height, width) of an integer (a square) or a sequence of one or two."""
    if isinstance(size, int):
        return size, size
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if not isinstance(size, Sequence) or len(size) != 2:
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return size


def _angles(value: Any, name: str, lengths: Sequence[int] = (2,)) -> list[float]:
    """A range of angles: (-value, value) of a number, or as given."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [-float(value), float(value)]
    if not isinstance(value, Sequence) or len(value) not in lengths:
        kind = ValueError if isinstance(value, Sequence) else TypeError
        raise kind(f"{name} should be a sequence of length {' or '.join(map(str, lengths))}.")
    return [float(angle) for angle in value]


@layer(F.resize, shows="size={size}, interpolation={interpolation.value}, max_size={max_size}, antialias={antialias}")
class Resize(nn.Module):
    """Scale to a size: (height, width), or the shorter side (the longer being at most ``max_size``)."""

    size: int | Sequence[int]
    interpolation: Any = InterpolationMode.BILINEAR
    max_size: int | None = None
    antialias: bool | None = True

    def _settle(self) -> None:
        if not isinstance(self.size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(self.size)}")
        if isinstance(self.size, Sequence) and len(self.size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.interpolation = interpolation_mode(self.interpolation)


@layer(F.pad, shows="padding={padding}, fill={fill}, padding_mode={padding_mode}")
class Pad(nn.Module):
    """Enlarge by pixels on all sides; see :func:`functional.pad`."""

    padding: Any
    fill: Any = 0
    padding_mode: str = "constant"

    def _settle(self) -> None:
        if not isinstance(self.padding, (int, float, tuple, list)):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(self.fill, (int, float, str, tuple, list)):
            raise TypeError("Got inappropriate fill arg")
        check_padding(self.padding, self.padding_mode)


# --- parts of a picture -----------------------------------------------------------------------------------------------


@layer()
class _OfSize(nn.Module):
    size: int | Sequence[int]

    def _settle(self) -> None:
        self.size = _pair(self.size)


class CenterCrop(_OfSize):
    """The middle; smaller pictures are padded with zeros."""

    def forward(self, img: Any) -> Any:
        return F.center_crop(img, self.size)


@layer(F.five_crop)
class FiveCrop(_OfSize):
    """The corners and the middle, as a tuple."""


@layer(F.ten_crop, shows="size={size}, vertical_flip={vertical_flip}")
class TenCrop(_OfSize):
    """The corners and the middle of the picture and of its mirror image, as a tuple."""

    vertical_flip: bool = False


@layer(shows="size={size}, padding={padding}")
class RandomCrop(nn.Module):
    """A rectangle of ``size`` at a random place, after padding; too small pictures only if ``pad_if_needed``."""

    size: int | Sequence[int]
    padding: Any = None
    pad_if_needed: bool = False
    fill: Any = 0
    padding_mode: str = "constant"

    def _settle(self) -> None:
        self.size = tuple(_pair(self.size))

    @staticmethod
    def get_params(img: Any, output_size: Sequence[int]) -> tuple[int, int, int, int]:
        """Row, column, height and width of a rectangle."""
        _, rows, columns = F.get_dimensions(img)
        height, width = output_size
        if rows < height or columns < width:
            raise ValueError(f"Required crop size {(height, width)} is larger than input image size {(rows, columns)}")
        if (rows, columns) == (height, width):
            return 0, 0, rows, columns
        return *_random.place(rows - height, columns - width), height, width

    def forward(self, img: Any) -> Any:
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, rows, columns = F.get_dimensions(img)
            height, width = self.size  # type: ignore[misc]
            for lacking in ([width - columns, 0], [0, height - rows]):
                if max(lacking) > 0:
                    img = F.pad(img, lacking, self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))  # type: ignore[arg-type]


def part_of(rows: int, columns: int, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
    """Row, column, height and width of a part of a picture; if ten draws do not fit, the largest one in the middle."""
    for width, height in _random.rectangles(rows * columns, scale, ratio):
        if 0 < width <= columns and 0 < height <= rows:
            return *_random.place(rows - height, columns - width), height, width
    width, height = columns, rows
    if columns / rows < min(ratio):
        height = round(width / min(ratio))
    elif columns / rows > max(ratio):
        width = round(height * max(ratio))
    return (rows - height) // 2, (columns - width) // 2, height, width


@layer()
class RandomResizedCrop(nn.Module):
    """A rectangle with a share of the area in ``scale`` and width : height in ``ratio``, scaled to ``size``."""

    size: int | Sequence[int]
    scale: Sequence[float] = (0.08, 1.0)
    ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0)
    interpolation: Any = InterpolationMode.BILINEAR
    antialias: bool | None = True

    def _settle(self) -> None:
        _random.check_ranges(self.scale, self.ratio)
        self.size = _pair(self.size)
        self.interpolation = interpolation_mode(self.interpolation)

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Row, column, height and width of a rectangle; if ten draws do not fit, the largest one in the middle."""
        _, rows, columns = F.get_dimensions(img)
        return part_of(rows, columns, scale, ratio)

    def forward(self, img: Any) -> Any:
        rectangle = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *rectangle, self.size, self.interpolation, antialias=self.antialias)

    def extra_repr(self) -> str:
        scale, ratio = (tuple(round(value, 4) for value in values) for values in (self.scale, self.ratio))
        mode = self.interpolation.value
        return f"size={self.size}, scale={scale}, ratio={ratio}, interpolation={mode}, antialias={self.antialias}"


# --- flips and turns --------------------------------------------------------------------------------------------------


class RandomHorizontalFlip(WithProbability):
    """Mirror left and right with probability ``p``."""

    def _changed(self, img: Any) -> Any:
        return F.hflip(img)


class RandomVerticalFlip(WithProbability):
    """Mirror top and bottom with probability ``p``."""

    def _changed(self, img: Any) -> Any:
        return F.vflip(img)


@layer()
class RandomRotation(nn.Module):
    """Turn by an angle within ``degrees``: a range, or a number for (-degrees, degrees)."""

    degrees: float | Sequence[float]
    interpolation: Any = InterpolationMode.NEAREST
    expand: bool = False
    center: Sequence[float] | None = None
    fill: Any = 0

    def _settle(self) -> None:
        self.degrees = _angles(self.degrees, "degrees")
        if self.center is not None and len(self.center) != 2:
            raise ValueError("center should be a sequence of length 2.")
        self.interpolation = interpolation_mode(self.interpolation)
        if self.fill is None:
            self.fill = 0
        elif not isinstance(self.fill, (int, float, Sequence)):
            raise TypeError("Fill should be either a sequence or a number.")

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """An angle."""
        return _random.uniform(float(degrees[0]), float(degrees[1]))

    def forward(self, img: Any) -> Any:
        angle = self.get_params(self.degrees)  # type: ignore[arg-type]
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def extra_repr(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        mode = self.interpolation.value
        return f"degrees={self.degrees}, interpolation={mode}, expand={self.expand}{center}, fill={self.fill}"


@layer()
class RandomAffine(nn.Module):
    """Turn within ``degrees``, move by up to ``translate`` of (width, height), scale within ``scale``, shear.

    ``shear``: a number for (-shear, shear) along x, a range along x, or two ranges (along x, along y), in degrees.
    """

    degrees: float | Sequence[float]
    translate: Sequence[float] | None = None
    scale: Sequence[float] | None = None
    shear: float | Sequence[float] | None = None
    interpolation: Any = InterpolationMode.NEAREST
    fill: Any = 0
    center: Sequence[float] | None = None

    def _settle(self) -> None:
        self.degrees = _angles(self.degrees, "degrees")
        if self.translate is not None and not (len(self.translate) == 2 and all(0 <= t <= 1 for t in self.translate)):
            raise ValueError("translation values should be between 0 and 1")
        if self.scale is not None and not (len(self.scale) == 2 and all(s > 0 for s in self.scale)):
            raise ValueError("scale values should be positive")
        if self.shear is not None:
            self.shear = _angles(self.shear, "shear", (2, 4))
        self.interpolation = interpolation_mode(self.interpolation)
        self.fill = 0 if self.fill is None else self.fill

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Angle, pixels to move by (x, y), scale, and angles of shear (x, y) for a picture of (width, height)."""
        angle = _random.uniform(float(degrees[0]), float(degrees[1]))
        move = (0, 0)
        if translate is not None:
            most = [share * size for share, size in zip(translate, img_size)]
            move = (round(_random.uniform(-most[0], most[0])), round(_random.uniform(-most[1], most[1])))
        scale = 1.0 if scale_ranges is None else _random.uniform(scale_ranges[0], scale_ranges[1])
        shear_x = shear_y = 0.0
        if shears is not None:
            shear_x = _random.uniform(shears[0], shears[1])
            if len(shears) == 4:
                shear_y = _random.uniform(shears[2], shears[3])
        return angle, move, scale, (shear_x, shear_y)

    def forward(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])  # type: ignore[arg-type]
        return F.affine(img, *drawn, interpolation=self.interpolation, fill=self.fill, center=self.center)

    def extra_repr(self) -> str:
        shown = {"degrees": self.degrees, "translate": self.translate, "scale": self.scale, "shear": self.shear}
        if self.interpolation is not InterpolationMode.NEAREST:
            shown["interpolation"] = self.interpolation.value
        if self.fill != 0:
            shown["fill"] = self.fill
        shown["center"] = self.center
        return ", ".join(f"{name}={value}" for name, value in shown.items() if value is not None)


# --- perspective and waves --------------------------------------------------------------------------------------------


@layer(shows="p={p}", own_first=True)
class RandomPerspective(WithProbability):
    """With probability ``p``, move each corner inwards by up to ``distortion_scale`` of half the picture."""

    distortion_scale: float = 0.5
    p: float = 0.5
    interpolation: Any = InterpolationMode.BILINEAR
    fill: Any = 0

    def _settle(self) -> None:
        self.interpolation = interpolation_mode(self.interpolation)
        if self.fill is None:
            self.fill = 0
        elif not isinstance(self.fill, (int, float, Sequence)):
            raise TypeError("Fill should be either a sequence or a number.")

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list[list[int]], list[list[int]]]:
        """The corners, and where they are moved to."""
        right, bottom = int(distortion_scale * (width // 2)) + 1, int(distortion_scale * (height // 2)) + 1
        corners = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        moved = []
        for x, y in corners:
            new_x = _random.integer(0, right) if x == 0 else _random.integer(width - right, width)
            new_y = _random.integer(0, bottom) if y == 0 else _random.integer(height - bottom, height)
            moved.append([new_x, new_y])
        return corners, moved

    def _changed(self, img: Any) -> Any:
        _, height, width = F.get_dimensions(img)
        corners, moved = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, corners, moved, self.interpolation, self.fill)


@layer(shows="alpha={alpha}, sigma={sigma}, interpolation={interpolation}, fill={fill}")
class ElasticTransform(nn.Module):
    """Move pixels by noise that a Gaussian of deviation ``sigma`` has smoothed, ``alpha`` times as far.

    Both are a float, or two (x, y); P. Simard et al., "Best Practices for Convolutional Neural Networks" (2003).
    """

    alpha: Any = 50.0
    sigma: Any = 5.0
    interpolation: Any = InterpolationMode.BILINEAR
    fill: Any = 0

    def _settle(self) -> None:
        self.alpha, self.sigma = self._two("alpha", self.alpha), self._two("sigma", self.sigma)
        self.interpolation = interpolation_mode(self.interpolation)
        if not isinstance(self.fill, (int, float, list, tuple)):
            raise TypeError(f"fill should be int or float or a list or tuple of them. Got {type(self.fill)}")
        self.fill = [float(value) for value in ([self.fill] if isinstance(self.fill, (int, float)) else self.fill)]

    @staticmethod
    def _two(name: str, value: Any) -> Any:
        if isinstance(value, float):
            return [value, value]
        if not isinstance(value, Sequence):
            raise TypeError(f"{name} should be float or a sequence of floats. Got {type(value)}")
        if len(value) != 2:
            raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(value)}")
        for element in value:
            if not isinstance(element, float):
                raise TypeError(f"{name} should be a sequence of floats. Got {type(element)}")
        return value

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Any:
        """How far the pixels of a picture of ``size`` (height, width) are moved: (1, height, width, 2)."""
        height, width = size
        moved = []
        for factor, deviation, extent in zip(alpha, sigma, (width, height)):
            noise = flambeau.rand(1, 1, height, width) * 2 - 1
            if deviation > 0.0:
                reach = int(8 * deviation + 1) | 1  # odd
                noise = F.gaussian_blur(noise, [reach, reach], sigma)
            moved.append(noise * factor / extent)
        return flambeau.cat(moved, 1).permute(0, 2, 3, 1)

    def forward(self, tensor: Any) -> Any:
        _, height, width = F.get_dimensions(tensor)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, displacement, self.interpolation, self.fill)
