"""Dtypes, normalisation, blur, noise, and boxes and points that are of use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from ....tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, Mask, is_rotated_bounding_format
from ... import functional as _F
from ...functional import _tensor as _T
from ._formats import converted
from ._registry import functional, is_pure_tensor, named_for, of_images, of_pictures, reading
from ._type_conversion import pil_to_tensor, to_pil_image


@functional
def normalize(inpt: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """``(inpt - mean) / std`` for each channel."""


@of_images(normalize)
def normalize_image(image: Any, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Any:
    """``(image - mean) / std`` for each channel of a tensor of floats. ``ValueError`` for a deviation of zero."""
    if not image.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {image.dtype}.")
    if image.ndim < 3:
        raise ValueError(f"Expected tensor to be a tensor image of size (..., C, H, W). Got {image.shape}.")
    if (isinstance(std, (tuple, list)) and not all(std)) or (isinstance(std, (int, float)) and std == 0):
        raise ValueError("std evaluated to zero, leading to division by zero.")
    return _T.normalize(image, mean, std, inplace)


@functional
def gaussian_blur(inpt: Any, kernel_size: Sequence[int], sigma: Any = None) -> Any:
    """Convolve with a Gaussian of odd ``kernel_size`` (x, y) and deviation ``sigma`` pixels."""


@of_images(gaussian_blur)
def gaussian_blur_image(image: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """Convolve a tensor with a Gaussian of odd ``kernel_size`` (x, y) and deviation ``sigma`` pixels."""
    if sigma is not None and not isinstance(sigma, (int, float, list, tuple)):
        raise TypeError(f"sigma should be either float or sequence of floats. Got {type(sigma)}")
    return image if image.numel() == 0 else _F.gaussian_blur(image, kernel_size, sigma)


@of_pictures(gaussian_blur)
def _gaussian_blur_of_picture(image: Any, kernel_size: Any, sigma: Any = None) -> Any:
    return to_pil_image(gaussian_blur_image(pil_to_tensor(image), kernel_size, sigma), mode=image.mode)


@functional
def gaussian_noise(inpt: Any, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    """Add noise of deviation ``sigma``, as a share of full brightness."""


@of_images(gaussian_noise)
def gaussian_noise_image(image: Any, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    """Add noise to a tensor of floats or bytes; ``clip`` keeps it between black and full brightness."""
    if sigma < 0:
        raise ValueError(f"sigma shouldn't be negative. Got {sigma}")
    if image.is_floating_point():
        noisy = image + (mean + flambeau.randn_like(image) * sigma)
        return noisy.clamp(0, 1) if clip else noisy
    if image.dtype != flambeau.uint8:
        raise ValueError(f"Input tensor is expected to be in uint8 or float dtype, got dtype={image.dtype}")
    noise = mean * 255 + flambeau.randn_like(image, dtype=flambeau.float32) * (sigma * 255)
    noisy = image + noise.to(flambeau.int16)
    return (noisy.clamp(0, 255) if clip else noisy).to(flambeau.uint8)


@of_pictures(gaussian_noise)
def _gaussian_noise_of_picture(image: Any, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    raise ValueError("Gaussian Noise is not implemented for PIL images.")


# --- dtypes -----------------------------------------------------------------------------------------------------------

_BITS = {"uint8": 8, "int8": 7, "int16": 15, "uint16": 16, "int32": 31, "int64": 63}


def bits_of(dtype: Any) -> int:
    """How many bits of an integer are of its value. ``TypeError`` for other dtypes."""
    name = str(dtype).removeprefix("torch.")
    if name not in _BITS:
        raise TypeError(f"Number of value bits is only defined for integer dtypes, but got {dtype}.")
    return _BITS[name]


@functional
def to_dtype(inpt: Any, dtype: Any = flambeau.float32, scale: bool = False) -> Any:
    """Another dtype; with ``scale``, full brightness stays full brightness."""


@of_images(to_dtype)
def to_dtype_image(image: Any, dtype: Any = flambeau.float32, scale: bool = False) -> Any:
    """A tensor in another dtype; with ``scale``, full brightness (1, or the largest integer) stays full brightness."""
    if image.dtype == dtype:
        return image
    if not scale:
        return image.to(dtype)
    if image.is_floating_point():
        if dtype.is_floating_point:
            return image.to(dtype)
        exact = {"torch.float32": ("torch.int32", "torch.int64"), "torch.float64": ("torch.int64",)}
        if str(dtype) in exact.get(str(image.dtype), ()):
            raise RuntimeError(f"The conversion from {image.dtype} to {dtype} cannot be performed safely.")
        # Just less than the largest number of values, so that each integer gets an equal share of the floats.
        return (image * (float(2 ** bits_of(dtype) - 1) + 1.0 - 1e-3)).to(dtype)
    before = bits_of(image.dtype)
    if dtype.is_floating_point:
        return image.to(dtype) * (1.0 / (2**before - 1))
    after = bits_of(dtype)
    if before > after:
        return (image >> (before - after)).to(dtype)
    return image.to(dtype) << (after - before)


@reading(to_dtype, BoundingBoxes, KeyPoints, Mask)
def _to_dtype_unscaled(inpt: Any, dtype: Any = flambeau.float32, scale: bool = False) -> Any:
    return inpt.to(dtype)


def convert_image_dtype(image: Any, dtype: Any = flambeau.float32) -> Any:
    """:func:`to_dtype` with ``scale``."""
    return to_dtype_image(image, dtype, scale=True)


# --- boxes and points that are of use ---------------------------------------------------------------------------------


def sanitize_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat | None = None,
    canvas_size: tuple[int, int] | None = None,
    min_size: float = 1.0,
    min_area: float = 1.0,
) -> tuple[Any, Any]:
    """Boxes within their picture whose sides and area are not less than that, and which these are (booleans).

    Plain tensors need ``format`` and ``canvas_size``; boxes know them.
    """
    if is_pure_tensor(bounding_boxes):
        if format is None or canvas_size is None:
            raise ValueError(
                "format and canvas_size cannot be None if bounding_boxes is a pure tensor. "
                f"Got format={format} and canvas_size={canvas_size}.Set those to appropriate values or pass "
                "bounding_boxes as a tv_tensors.BoundingBoxes object."
            )
        valid = valid_boxes(bounding_boxes, format, canvas_size, min_size, min_area)
        return bounding_boxes[valid], valid
    if not isinstance(bounding_boxes, BoundingBoxes):
        raise ValueError("bounding_boxes must be a tv_tensors.BoundingBoxes instance or a pure tensor.")
    if format is not None or canvas_size is not None:
        raise ValueError(
            "format and canvas_size must be None when bounding_boxes is a tv_tensors.BoundingBoxes instance. "
            f"Got format={format} and canvas_size={canvas_size}. Leave those to None or pass bounding_boxes as a pure tensor."
        )
    plain: Any = bounding_boxes.as_subclass(flambeau.Tensor)
    valid = valid_boxes(plain, bounding_boxes.format, bounding_boxes.canvas_size, min_size, min_area)
    return bounding_boxes.wrap(plain[valid], bounding_boxes), valid


def valid_boxes(boxes: Any, format: Any, canvas_size: Any, min_size: float, min_area: float) -> Any:
    """Which boxes are large enough and within their picture."""
    turned = is_rotated_bounding_format(format)
    corners = converted(boxes, format, BoundingBoxFormat.XYXYXYXY if turned else BoundingBoxFormat.XYXY)
    x, y = corners[..., 0::2], corners[..., 1::2]
    if turned:
        sides = [((x[..., k] - x[..., k + 1]) ** 2 + (y[..., k] - y[..., k + 1]) ** 2).sqrt() for k in (0, 1)]
    else:
        sides = [x[..., 1] - x[..., 0], y[..., 1] - y[..., 0]]
    large = (sides[0] >= min_size) & (sides[1] >= min_size) & (sides[0] * sides[1] >= min_area)
    height, width = canvas_size
    return large & ((x >= 0) & (y >= 0) & (x <= width) & (y <= height)).all(-1)


def sanitize_keypoints(key_points: Any, canvas_size: tuple[int, int] | None = None) -> tuple[Any, Any]:
    """Points (or groups of them) within their picture, and which these are. Plain tensors need ``canvas_size``."""
    if is_pure_tensor(key_points):
        if canvas_size is None:
            raise ValueError(
                "canvas_size cannot be None if key_points is a pure tensor. Set it to an appropriate value or pass "
                "key_points as a tv_tensors.KeyPoints object."
            )
        valid = valid_points(key_points, canvas_size)
        return key_points[valid], valid
    if not isinstance(key_points, KeyPoints):
        raise ValueError("key_points must be a tv_tensors.KeyPoints instance or a pure tensor.")
    if canvas_size is not None:
        raise ValueError(
            "canvas_size must be None when key_points is a tv_tensors.KeyPoints instance. "
            f"Got canvas_size={canvas_size}. Leave it to None or pass key_points as a pure tensor."
        )
    plain: Any = key_points.as_subclass(flambeau.Tensor)
    valid = valid_points(plain, key_points.canvas_size)
    return key_points.wrap(plain[valid], key_points), valid


def valid_points(points: Any, canvas_size: Any) -> Any:
    """Which points lie in their picture; of groups, those all of whose points do."""
    height, width = canvas_size
    x, y = points[..., 0], points[..., 1]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside.flatten(start_dim=1).all(1) if inside.ndim > 1 else inside


normalize_video = named_for("video", normalize_image)
gaussian_blur_video = named_for("video", gaussian_blur_image)
gaussian_noise_video = named_for("video", gaussian_noise_image)
to_dtype_video = named_for("video", to_dtype_image)
