"""Transforms as functions: each takes a picture of Pillow's, or a tensor (..., channels, height, width)."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

import flambeau

from ..._pillow import is_picture
from . import _pil, _tensor
from ._arguments import InterpolationMode
from ._arguments import check_padding as _check_padding
from ._arguments import interpolation_mode as _interpolation_mode
from ._arguments import inverse_affine_matrix as _inverse_affine_matrix
from ._arguments import perspective_coefficients as _get_perspective_coeffs
from ._conversion import pil_to_tensor, to_pil_image
from ._conversion import to_tensor as to_tensor

#: What programs use of torchvision's inner functions, by the names that these have there.
_get_inverse_affine_matrix = _inverse_affine_matrix
_interpolation_modes_from_int = _interpolation_mode
_is_pil_image = is_picture


def _is_numpy(img: Any) -> bool:
    return isinstance(img, np.ndarray)


def _is_numpy_image(img: Any) -> bool:
    return img.ndim in (2, 3)


def _compute_resized_output_size(
    image_size: tuple[int, int], size: Sequence[int], max_size: int | None = None
) -> list[int]:
    return _resized(*image_size, list(size), max_size)


def _implementation(img: Any) -> ModuleType:
    """The functions for this kind of picture."""
    if isinstance(img, flambeau.Tensor):
        return _tensor
    if is_picture(img):
        return _pil
    raise TypeError(f"Unexpected type {type(img)}")


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width."""
    return _implementation(img).get_dimensions(img)


def get_image_size(img: Any) -> list[int]:
    """Width and height."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Any) -> int:
    """Number of channels."""
    return get_dimensions(img)[0]


def convert_image_dtype(image: Any, dtype: Any = None) -> Any:
    """A tensor in another dtype (float32), of the same brightness: full brightness is 1, or the largest integer."""
    if not isinstance(image, flambeau.Tensor):
        raise TypeError("Input img should be Tensor Image")
    return _tensor.convert_image_dtype(image, flambeau.float32 if dtype is None else dtype)


def normalize(tensor: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """``(tensor - mean) / std`` for each channel of a tensor of floats. ``ValueError`` for a deviation of zero."""
    if not isinstance(tensor, flambeau.Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    image: Any = tensor
    if not image.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {image.dtype}.")
    if image.ndim < 3:
        raise ValueError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {image.size()}"
        )
    if any(float(value) == 0 for value in (std if isinstance(std, Sequence) else flambeau.as_tensor(std).reshape(-1))):
        raise ValueError(f"std evaluated to zero after conversion to {image.dtype}, leading to division by zero.")
    for values in (mean, std):
        count = len(values) if isinstance(values, Sequence) else flambeau.as_tensor(values).numel()
        if count not in (1, image.shape[-3]):
            raise RuntimeError(
                f"output with shape {list(image.shape)} doesn't match {count} values for its channels: it has {image.shape[-3]}"
            )
    return _tensor.normalize(image, mean, std, inplace)


def resize(
    img: Any,
    size: int | Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Scale to ``size``: (height, width), or the shorter side, unless that makes the longer exceed ``max_size``."""
    mode = _interpolation_mode(interpolation)
    sizes = [size] if isinstance(size, int) else list(size)
    if max_size is not None and len(sizes) != 1:
        raise ValueError(
            "max_size should only be passed if size specifies the length of the smaller edge, i.e. size should be an "
            "int or a sequence of length 1 in torchscript mode."
        )
    _, height, width = get_dimensions(img)
    target = _resized(height, width, sizes, max_size)
    if [height, width] == target:
        return img
    return _implementation(img).resize(img, target, mode, antialias)


def _resized(height: int, width: int, sizes: list[int], max_size: int | None) -> list[int]:
    if len(sizes) == 2:
        return sizes
    short, long = sorted((height, width))
    new_short = sizes[0]
    new_long = int(new_short * long / short)
    if max_size is not None:
        if max_size <= new_short:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge size = "
                f"{sizes[0]}"
            )
        if new_long > max_size:
            new_short, new_long = int(max_size * new_short / new_long), max_size
    return [new_long, new_short] if width <= height else [new_short, new_long]


def pad(img: Any, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Enlarge by ``padding`` pixels: all sides; (left and right, top and bottom); or (left, top, right, bottom).

    ``padding_mode``: ``constant`` (``fill``), ``edge``, ``reflect``, or ``symmetric``, which repeats the edge.
    """
    if not isinstance(padding, (int, tuple, list)):
        raise TypeError("Got inappropriate padding arg")
    if fill is not None and not isinstance(fill, (numbers.Number, tuple, list)):
        raise TypeError("Got inappropriate fill arg")
    if not isinstance(padding_mode, str):
        raise TypeError("Got inappropriate padding_mode arg")
    _check_padding(padding, padding_mode)
    amounts = [padding] if isinstance(padding, int) else list(padding)
    return _implementation(img).pad(img, amounts * (4 // len(amounts)), fill, padding_mode)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """A rectangle; zero where it lies outside the picture."""
    return _implementation(img).crop(img, top, left, height, width)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """The middle; a smaller picture is padded with zeros first."""
    height, width = _pair(output_size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        x, y = max(width - columns, 0), max(height - rows, 0)
        img = pad(img, [x // 2, y // 2, (x + 1) // 2, (y + 1) // 2], fill=0)
        _, rows, columns = get_dimensions(img)
        if (height, width) == (rows, columns):
            return img
    # As Python rounds: half to even.
    return crop(img, int(round((rows - height) / 2.0)), int(round((columns - width) / 2.0)), height, width)


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    return (size[0], size[0]) if len(size) == 1 else (size[0], size[1])


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A rectangle, scaled to ``size``."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def hflip(img: Any) -> Any:
    """Mirror left and right."""
    return _implementation(img).hflip(img)


def vflip(img: Any) -> Any:
    """Mirror top and bottom."""
    return _implementation(img).vflip(img)


def five_crop(img: Any, size: int | Sequence[int]) -> tuple[Any, ...]:
    """The corners (top left, top right, bottom left, bottom right) and the middle."""
    height, width = _pair(size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        raise ValueError(f"Requested crop size {[height, width]} is bigger than input size {(rows, columns)}")
    places = [(0, 0), (0, columns - width), (rows - height, 0), (rows - height, columns - width)]
    corners = [crop(img, top, left, height, width) for top, left in places]
    return (*corners, center_crop(img, [height, width]))


def ten_crop(img: Any, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[Any, ...]:
    """:func:`five_crop` of the picture and of its mirror image."""
    mirrored = vflip(img) if vertical_flip else hflip(img)
    return five_crop(img, size) + five_crop(mirrored, size)


def _check_factor(name: str, factor: float) -> float:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")
    return float(factor)


def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """0 is black, 1 the picture, 2 twice as bright."""
    return _implementation(img).adjust_brightness(img, _check_factor("brightness_factor", brightness_factor))


def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """0 is grey all over, 1 the picture, 2 twice the contrast."""
    return _implementation(img).adjust_contrast(img, _check_factor("contrast_factor", contrast_factor))


def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """0 is black and white, 1 the picture, 2 twice as colourful."""
    return _implementation(img).adjust_saturation(img, _check_factor("saturation_factor", saturation_factor))


def adjust_hue(img: Any, hue_factor: float) -> Any:
    """Turn hues by ``hue_factor`` of a circle, from -0.5 to 0.5."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    return _implementation(img).adjust_hue(img, hue_factor)


def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """``gain * img ** gamma`` with brightness from 0 to 1."""
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    return _implementation(img).adjust_gamma(img, gamma, gain)


def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """0 is smoothed, 1 the picture, 2 twice as sharp."""
    return _implementation(img).adjust_sharpness(img, _check_factor("sharpness_factor", sharpness_factor))


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """Turn counter-clockwise by ``angle`` degrees about ``center`` (x, y), the middle by default.

    ``expand`` makes the result large enough for the whole picture; ``fill`` is the colour outside of it.
    """
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")
    return _implementation(img).rotate(img, angle, _interpolation_mode(interpolation), expand, center, fill)


def _check_affine(angle: Any, translate: Any, shear: Any, center: Any) -> None:
    """``TypeError`` for what is no affine map."""
    if not isinstance(angle, (int, float)):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, (list, tuple)):
        raise TypeError("Argument translate should be a sequence")
    if not isinstance(shear, (int, float, list, tuple)):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError("Argument center should be a sequence")


def affine(
    img: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """Turn clockwise by ``angle`` degrees, shear by angles (x, y), scale, and move by pixels (x, y)."""
    _check_affine(angle, translate, shear, center)
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    if isinstance(shear, (int, float)):
        shears = [float(shear), 0.0]
    else:
        shears = list(shear) * (2 // len(shear)) if len(shear) in (1, 2) else []
    if not shears:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    implementation = _implementation(img)
    _, height, width = get_dimensions(img)
    middle = (width * 0.5, height * 0.5)
    if implementation is _tensor:  # whose origin is the middle
        about = [0.0, 0.0] if center is None else [c - m for c, m in zip(center, middle)]
    else:
        about = list(middle if center is None else center)
    matrix = _inverse_affine_matrix(about, float(angle), [float(t) for t in translate], scale, shears)
    return implementation.affine(img, matrix, _interpolation_mode(interpolation), fill)


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[int]],
    endpoints: Sequence[Sequence[int]],
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Any:
    """Bring four ``startpoints`` (x, y) to ``endpoints``, as a plane does that is looked at from elsewhere.

    Corners are the top left, top right, bottom right and bottom left. ``fill`` is the colour outside.
    """
    coefficients = _get_perspective_coeffs(startpoints, endpoints)
    return _implementation(img).perspective(img, coefficients, _interpolation_mode(interpolation), fill)


def elastic_transform(
    img: Any, displacement: Any, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = None
) -> Any:
    """The picture read at places moved by ``displacement`` (1, height, width, 2), where two are its width or height."""
    if not isinstance(displacement, flambeau.Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    implementation = _implementation(img)
    mode = _interpolation_mode(interpolation)
    expected = (1, *get_dimensions(img)[1:], 2)
    moved: Any = displacement
    if tuple(moved.shape) != expected:
        raise ValueError(f"Argument displacement shape should be {expected}, but given {moved.shape}")
    if implementation is _tensor:
        return _tensor.elastic_transform(img, moved, mode, fill)
    return to_pil_image(_tensor.elastic_transform(pil_to_tensor(img), moved, mode, fill), mode=img.mode)


def posterize(img: Any, bits: int) -> Any:
    """Bytes of which only the ``bits`` highest bits are kept."""
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    return _implementation(img).posterize(img, bits)


def solarize(img: Any, threshold: float) -> Any:
    """Swap light and dark of values that are not below ``threshold``."""
    return _implementation(img).solarize(img, threshold)


def autocontrast(img: Any) -> Any:
    """Stretch the values of each channel, so that they reach from black to full brightness."""
    return _implementation(img).autocontrast(img)


def equalize(img: Any) -> Any:
    """Map the bytes of each channel so that they are about equally frequent."""
    return _implementation(img).equalize(img)


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Luminance, in one channel or in three equal ones."""
    return _implementation(img).rgb_to_grayscale(img, num_output_channels)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """:func:`rgb_to_grayscale` of Pillow's pictures."""
    if not is_picture(img):
        raise TypeError("Input should be PIL Image")
    return _pil.rgb_to_grayscale(img, num_output_channels)


def invert(img: Any) -> Any:
    """Swap light and dark."""
    return _implementation(img).invert(img)


def erase(img: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """Write ``v`` into the rectangle of ``h`` by ``w`` pixels at row ``i``, column ``j`` of a tensor."""
    if not isinstance(img, flambeau.Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    result: Any = img if inplace else img.clone()
    result[..., i : i + h, j : j + w] = v
    return result


def gaussian_blur(img: Any, kernel_size: int | Sequence[int], sigma: Any = None) -> Any:
    """Convolve with a Gaussian of odd ``kernel_size`` (x, y) and deviation ``sigma`` (x, y) pixels.

    By default the deviation is 0.15 times the size plus 0.35. Edges are reflected.
    """
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    if len(sizes) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(sizes)}")
    if any(size % 2 == 0 or size < 0 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    if sigma is None:
        sigmas = [size * 0.15 + 0.35 for size in sizes]
    else:
        sigmas = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else [float(value) for value in sigma]
        sigmas = sigmas * 2 if len(sigmas) == 1 else sigmas
    if len(sigmas) != 2:
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(sigmas)}")
    if min(sigmas) <= 0.0:
        raise ValueError(f"sigma should have positive values. Got {sigmas}")
    if isinstance(img, flambeau.Tensor):
        return _tensor.gaussian_blur(img, sizes, sigmas)
    return to_pil_image(_tensor.gaussian_blur(pil_to_tensor(img), sizes, sigmas), mode=img.mode)
