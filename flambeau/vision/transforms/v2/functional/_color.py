"""Colours, brightness and sharpness of pictures and films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ... import functional as _F
from ...functional import _tensor as _T
from ._misc import bits_of, to_dtype_image
from ._registry import functional, named_for, of_images, of_pictures
from ._type_conversion import pil_to_tensor, to_pil_image


def _check_channels(image: Any) -> int:
    channels = image.shape[-3]
    if channels not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are 1 or 3, but found {channels}")
    return int(channels)


def _check_factor(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def _within(values: Any, image: Any) -> Any:
    """Values clamped to black and full brightness, in the dtype of ``image``."""
    values = values.clamp(0, _T.bound(image.dtype))
    return values if image.is_floating_point() else values.to(image.dtype)


def _blend(image: Any, other: Any, ratio: float) -> Any:
    return _within(image * float(ratio) + other * (1.0 - float(ratio)), image)


def _grey(image: Any) -> Any:
    """Luminance, in the dtype that it is computed in."""
    red, green, blue = image.unbind(-3)
    return (red * 0.2989 + green * 0.587 + blue * 0.114).unsqueeze(-3)


@functional
def rgb_to_grayscale(inpt: Any, num_output_channels: int = 1) -> Any:
    """Luminance, in one channel or in three equal ones."""


@of_images(rgb_to_grayscale, films=False)
def rgb_to_grayscale_image(image: Any, num_output_channels: int = 1) -> Any:
    """Luminance of a tensor, in one channel or in three equal ones."""
    _check_output_channels(num_output_channels)
    if image.shape[-3] == 1:
        return image.clone() if num_output_channels == 1 else image.repeat_interleave(3, dim=-3)
    grey = _grey(image).to(image.dtype)
    return grey.expand(image.shape) if num_output_channels == 3 else grey


def _check_output_channels(count: int) -> None:
    if count not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {count}.")


@of_pictures(rgb_to_grayscale)
def _rgb_to_grayscale_picture(image: Any, num_output_channels: int = 1) -> Any:
    _check_output_channels(num_output_channels)
    return _F.to_grayscale(image, num_output_channels)


to_grayscale = rgb_to_grayscale


@functional
def grayscale_to_rgb(inpt: Any) -> Any:
    """Three equal channels of one; what has colours stays as it is."""


@of_images(grayscale_to_rgb, films=False)
def grayscale_to_rgb_image(image: Any) -> Any:
    """Three equal channels of one."""
    return image if image.shape[-3] >= 3 else rgb_to_grayscale_image(image, 3)


@of_pictures(grayscale_to_rgb)
def _grayscale_to_rgb_picture(image: Any) -> Any:
    return image.convert("RGB")


@functional
def adjust_brightness(inpt: Any, brightness_factor: float) -> Any:
    """0 is black, 1 the picture, 2 twice as bright."""


@of_images(adjust_brightness)
def adjust_brightness_image(image: Any, brightness_factor: float) -> Any:
    """Change the brightness of a tensor."""
    _check_factor("brightness_factor", brightness_factor)
    _check_channels(image)
    return _within(image * brightness_factor, image)


@functional
def adjust_saturation(inpt: Any, saturation_factor: float) -> Any:
    """0 is black and white, 1 the picture, 2 twice as colourful."""


@of_images(adjust_saturation)
def adjust_saturation_image(image: Any, saturation_factor: float) -> Any:
    """Change the saturation of a tensor."""
    _check_factor("saturation_factor", saturation_factor)
    if _check_channels(image) == 1:
        return image
    grey = _grey(image)
    return _blend(image, grey if image.is_floating_point() else grey.floor(), saturation_factor)


@functional
def adjust_contrast(inpt: Any, contrast_factor: float) -> Any:
    """0 is grey all over, 1 the picture, 2 twice the contrast."""


@of_images(adjust_contrast)
def adjust_contrast_image(image: Any, contrast_factor: float) -> Any:
    """Change the contrast of a tensor."""
    _check_factor("contrast_factor", contrast_factor)
    grey = _grey(image) if _check_channels(image) == 3 else image
    if not image.is_floating_point():
        grey = grey.floor() if grey.is_floating_point() else grey.to(flambeau.float32)
    return _blend(image, grey.mean(dim=(-3, -2, -1), keepdim=True), contrast_factor)


@functional
def adjust_sharpness(inpt: Any, sharpness_factor: float) -> Any:
    """0 is smoothed, 1 the picture, 2 twice as sharp."""


@of_images(adjust_sharpness)
def adjust_sharpness_image(image: Any, sharpness_factor: float) -> Any:
    """Change the sharpness of a tensor."""
    _check_channels(image)
    _check_factor("sharpness_factor", sharpness_factor)
    if image.numel() == 0 or min(image.shape[-2:]) <= 2:
        return image
    floats = image if image.is_floating_point() else image.to(flambeau.float32)
    return _within(floats + (_T.smoothed(image) - floats) * (1.0 - sharpness_factor), image)


@functional
def adjust_hue(inpt: Any, hue_factor: float) -> Any:
    """Turn hues by ``hue_factor`` of a circle, from -0.5 to 0.5."""


@of_images(adjust_hue)
def adjust_hue_image(image: Any, hue_factor: float) -> Any:
    """Turn the hues of a tensor."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    if _check_channels(image) == 1 or image.numel() == 0:
        return image
    return _T.adjust_hue(image, hue_factor)


@functional
def adjust_gamma(inpt: Any, gamma: float, gain: float = 1) -> Any:
    """``gain * inpt ** gamma``, with brightness from 0 to 1."""


@of_images(adjust_gamma)
def adjust_gamma_image(image: Any, gamma: float, gain: float = 1.0) -> Any:
    """Change the gamma of a tensor."""
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    output = to_dtype_image(image, flambeau.float32, scale=True) if not image.is_floating_point() else image
    output = output.pow(gamma)
    if gain != 1.0:
        output = (output * gain).clamp(0.0, 1.0)
    return to_dtype_image(output, image.dtype, scale=True)


@functional
def posterize(inpt: Any, bits: int) -> Any:
    """Keep only the ``bits`` highest bits of values."""


@of_images(posterize)
def posterize_image(image: Any, bits: int) -> Any:
    """Keep only the ``bits`` highest bits of a tensor's values (of floats, so many levels)."""
    if not isinstance(bits, int) or not 0 <= bits <= 8:
        raise TypeError(f"bits must be a positive integer in the range [0, 8], got {bits} instead.")
    if image.is_floating_point():
        levels = 1 << bits
        return (image * levels).floor().clamp(0, levels - 1) * (1.0 / levels)
    dropped = bits_of(image.dtype) - bits
    return image if dropped <= 0 else image & (((1 << bits) - 1) << dropped)


@functional
def solarize(inpt: Any, threshold: float) -> Any:
    """Swap light and dark of values that are not below ``threshold``."""


@of_images(solarize)
def solarize_image(image: Any, threshold: float) -> Any:
    """Swap light and dark of a tensor's values that are not below ``threshold``."""
    if threshold > _T.bound(image.dtype):
        raise TypeError(f"Threshold should be less or equal the maximum value of the dtype, but got {threshold}")
    return flambeau.where(image >= threshold, invert_image(image), image)


@functional
def autocontrast(inpt: Any) -> Any:
    """Stretch the values of each channel to the whole range."""


@of_images(autocontrast)
def autocontrast_image(image: Any) -> Any:
    """Stretch the values of each channel of a tensor to the whole range."""
    _check_channels(image)
    if image.numel() == 0:
        return image
    most = _T.bound(image.dtype)
    floats = image if image.is_floating_point() else image.to(flambeau.float32)
    least, greatest = (extreme(dim=(-2, -1), keepdim=True) for extreme in (floats.amin, floats.amax))
    flat = least == greatest
    step = flambeau.where(flat, 1.0, (greatest - least) * (1.0 / most))
    return ((floats - flambeau.where(flat, 0.0, least)) / step).clamp(0, most).to(image.dtype)


@functional
def equalize(inpt: Any) -> Any:
    """Map values so that those of each channel are about equally frequent."""


@of_images(equalize)
def equalize_image(image: Any) -> Any:
    """Map a tensor's values, as bytes, so that those of each channel are about equally frequent."""
    return to_dtype_image(_T.equalized(to_dtype_image(image, flambeau.uint8, scale=True)), image.dtype, scale=True)


@functional
def invert(inpt: Any) -> Any:
    """Swap light and dark."""


@of_images(invert)
def invert_image(image: Any) -> Any:
    """Swap light and dark of a tensor."""
    return _T.bound(image.dtype) - image


@functional
def permute_channels(inpt: Any, permutation: Sequence[int]) -> Any:
    """Channel ``permutation[i]`` of the input as channel ``i``. ``ValueError`` unless it says where each channel goes."""


@of_images(permute_channels)
def permute_channels_image(image: Any, permutation: Sequence[int]) -> Any:
    """The channels of a tensor in another order."""
    channels = image.shape[-3]
    if len(permutation) != channels:
        raise ValueError(f"Length of permutation does not match number of channels: {len(permutation)} != {channels}")
    return image.index_select(-3, flambeau.as_tensor(permutation))


@of_pictures(permute_channels)
def _permute_channels_of_picture(image: Any, permutation: Sequence[int]) -> Any:
    return to_pil_image(permute_channels_image(pil_to_tensor(image), permutation))


for _function in (
    "adjust_brightness", "adjust_saturation", "adjust_contrast", "adjust_sharpness", "adjust_hue", "adjust_gamma", "posterize",
    "solarize", "autocontrast", "equalize", "invert",
):  # fmt: skip
    of_pictures(globals()[_function])(getattr(_F, _function))

adjust_brightness_video = named_for("video", adjust_brightness_image)
adjust_saturation_video = named_for("video", adjust_saturation_image)
adjust_contrast_video = named_for("video", adjust_contrast_image)
adjust_sharpness_video = named_for("video", adjust_sharpness_image)
adjust_hue_video = named_for("video", adjust_hue_image)
adjust_gamma_video = named_for("video", adjust_gamma_image)
posterize_video = named_for("video", posterize_image)
solarize_video = named_for("video", solarize_image)
autocontrast_video = named_for("video", autocontrast_image)
equalize_video = named_for("video", equalize_image)
invert_video = named_for("video", invert_image)
permute_channels_video = named_for("video", permute_channels_image)
