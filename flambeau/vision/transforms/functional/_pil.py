"""The functions of this package for Pillow's pictures; their arguments have been checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..._pillow import image_module
from ._arguments import PILLOW_NUMBERS, InterpolationMode

Fill = float | Sequence[float] | None


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width."""
    width, height = img.size
    return [len(img.getbands()), height, width]


def hflip(img: Any) -> Any:
    return img.transpose(image_module().Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Any) -> Any:
    return img.transpose(image_module().Transpose.FLIP_TOP_BOTTOM)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    return img.crop((left, top, left + width, top + height))


def resize(img: Any, size: Sequence[int], mode: InterpolationMode, antialias: bool | None) -> Any:
    # Pillow always smooths when it shrinks.
    return img.resize((size[1], size[0]), PILLOW_NUMBERS[mode])


def pad(img: Any, padding: Sequence[int], fill: Fill, padding_mode: str) -> Any:
    if padding_mode == "constant":
        from PIL import ImageOps

        result = ImageOps.expand(img, border=tuple(padding), fill=_colour(fill, img))
        if img.mode == "P":
            result.putpalette(img.getpalette())
        return result
    cut = [max(-amount, 0) for amount in padding]
    left, top, right, bottom = (max(amount, 0) for amount in padding)
    if any(cut):
        img = img.crop((cut[0], cut[1], img.width - cut[2], img.height - cut[3]))
    pixels = np.asarray(img)
    widths = ((top, bottom), (left, right), (0, 0))[: pixels.ndim]
    result = image_module().fromarray(np.pad(pixels, widths, mode=padding_mode))  # type: ignore[call-overload]
    if img.mode == "P":
        result.putpalette(img.getpalette())
    return result


def rotate(
    img: Any, angle: float, mode: InterpolationMode, expand: bool, center: Sequence[float] | None, fill: Fill
) -> Any:
    return img.rotate(angle, PILLOW_NUMBERS[mode], expand, center, fillcolor=_colour(fill, img))


def affine(img: Any, matrix: Sequence[float], mode: InterpolationMode, fill: Fill) -> Any:
    transform = image_module().Transform.AFFINE
    return img.transform(img.size, transform, matrix, PILLOW_NUMBERS[mode], fillcolor=_colour(fill, img))


def _enhancement(name: str) -> Callable[[Any, float], Any]:
    def adjust(img: Any, factor: float) -> Any:
        from PIL import ImageEnhance

        return getattr(ImageEnhance, name)(img).enhance(factor)

    return adjust


adjust_brightness = _enhancement("Brightness")
adjust_contrast = _enhancement("Contrast")
adjust_saturation = _enhancement("Color")
adjust_sharpness = _enhancement("Sharpness")


def adjust_hue(img: Any, factor: float) -> Any:
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = np.array(hue, dtype=np.uint8) + np.int32(factor * 255).astype(np.uint8)
    image = image_module()
    return image.merge("HSV", (image.fromarray(turned), saturation, value)).convert(img.mode)


def adjust_gamma(img: Any, gamma: float, gain: float) -> Any:
    table = [int((255 + 1 - 1e-3) * gain * pow(level / 255.0, gamma)) for level in range(256)] * 3
    return img.convert("RGB").point(table).convert(img.mode)


def rgb_to_grayscale(img: Any, num_output_channels: int) -> Any:
    grey = img.convert("L")
    if num_output_channels == 1:
        return grey
    if num_output_channels == 3:
        return image_module().fromarray(np.dstack([np.asarray(grey)] * 3))
    raise ValueError("num_output_channels should be either 1 or 3")


def invert(img: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.invert(img)


def perspective(img: Any, coefficients: Sequence[float], mode: InterpolationMode, fill: Fill) -> Any:
    transform = image_module().Transform.PERSPECTIVE
    return img.transform(img.size, transform, coefficients, PILLOW_NUMBERS[mode], fillcolor=_colour(fill, img))


def posterize(img: Any, bits: int) -> Any:
    from PIL import ImageOps

    return ImageOps.posterize(img, bits)


def solarize(img: Any, threshold: float) -> Any:
    from PIL import ImageOps

    return ImageOps.solarize(img, threshold)  # type: ignore[arg-type]


def autocontrast(img: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.autocontrast(img)


def equalize(img: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.equalize(img)


def _colour(fill: Fill, img: Any) -> Any:
    """``fill`` as Pillow wants it: a number, or one for each of several channels."""
    channels = len(img.getbands())
    values: list[Any] = list(fill) if isinstance(fill, Sequence) else [0 if fill is None else fill]
    if len(values) == 1:
        values *= channels
    elif len(values) != channels:
        raise ValueError(
            "The number of elements in 'fill' does not match the number of channels of the image "
            f"({len(values)} != {channels})"
        )
    if img.mode != "F":
        values = [int(value) for value in values]
    return values[0] if channels == 1 else tuple(values)
