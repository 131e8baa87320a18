"""What torchvision's file of this name has: :mod:`functional` for tensors alone, with maps given as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flambeau

from . import functional
from ._one_kind import COMMON, mode_of, of_one_kind
from .functional import _tensor
from .functional._tensor import _hsv_to_rgb, _rgb_to_hsv
from .functional._tensor import bound as _max_value


def _is_tensor_a_torch_image(x: Any) -> bool:
    return isinstance(x, flambeau.Tensor) and x.ndim >= 2


def _assert_image_tensor(img: Any) -> None:
    if not _is_tensor_a_torch_image(img):
        raise TypeError("Tensor is not a torch image.")


def _assert_channels(img: Any, permitted: Sequence[int]) -> None:
    channels = _tensor.get_dimensions(img)[0]
    if channels not in permitted:
        raise TypeError(f"Input image tensor permitted channel values are {permitted}, but found {channels}")


_NAMES = (*COMMON, "convert_image_dtype", "erase", "gaussian_blur", "normalize", "rgb_to_grayscale")
globals().update(of_one_kind(functional, _NAMES, _assert_image_tensor))


def resize(img: Any, size: Sequence[int], interpolation: str = "bilinear", antialias: bool | None = True) -> Any:
    """Bring to ``size`` (height, width)."""
    _assert_image_tensor(img)
    return _tensor.resize(img, list(size), mode_of(interpolation), antialias)


def affine(img: Any, matrix: Sequence[float], interpolation: str = "nearest", fill: Any = None) -> Any:
    """Show at each pixel, counted from the middle, the place where two rows of three numbers send it."""
    _assert_image_tensor(img)
    _check_numbers("matrix", matrix, 6)
    return _tensor.affine(img, matrix, mode_of(interpolation), fill)


def rotate(
    img: Any, matrix: Sequence[float], interpolation: str = "nearest", expand: bool = False, fill: Any = None
) -> Any:
    """:func:`affine`; ``expand`` makes the result large enough for the whole picture."""
    _assert_image_tensor(img)
    _check_numbers("matrix", matrix, 6)
    _, height, width = _tensor.get_dimensions(img)
    size = _tensor._expanded_size(matrix, width, height) if expand else (width, height)
    return _tensor._sample(img, matrix, size, mode_of(interpolation), fill)


def perspective(
    img: Any, perspective_coeffs: Sequence[float], interpolation: str = "bilinear", fill: Any = None
) -> Any:
    """A map of the plane, given by eight numbers."""
    _assert_image_tensor(img)
    _check_numbers("coeffs", perspective_coeffs, 8)
    return _tensor.perspective(img, perspective_coeffs, mode_of(interpolation), fill)


def elastic_transform(img: Any, displacement: Any, interpolation: str = "bilinear", fill: Any = None) -> Any:
    """The picture read at places moved by ``displacement`` (1, height, width, 2)."""
    _assert_image_tensor(img)
    return functional.elastic_transform(img, displacement, mode_of(interpolation), fill)


def _check_numbers(name: str, numbers: Any, count: int) -> None:
    if not isinstance(numbers, list):
        raise TypeError(f"Argument {name} should be a list")
    if len(numbers) != count:
        raise ValueError(f"Argument {name} should have {count} float values")


def _blend(img1: Any, img2: Any, ratio: float) -> Any:
    return _tensor._blend(img1, img2, ratio)


def _rgb2hsv(img: Any) -> Any:
    """Hue, saturation and value, each from 0 to 1, of a picture (..., 3, height, width) of floats."""
    return flambeau.stack(list(_rgb_to_hsv(img)), dim=-3)


def _hsv2rgb(img: Any) -> Any:
    """The inverse of :func:`_rgb2hsv`."""
    return _hsv_to_rgb(*img.unbind(dim=-3))


def _get_gaussian_kernel1d(kernel_size: int, sigma: float, dtype: Any, device: Any) -> Any:
    return _tensor._gaussian(kernel_size, sigma, dtype)


def _get_gaussian_kernel2d(kernel_size: Sequence[int], sigma: Sequence[float], dtype: Any, device: Any) -> Any:
    x, y = (_tensor._gaussian(size, deviation, dtype) for size, deviation in zip(kernel_size, sigma))
    return y.unsqueeze(1) * x


__all__ = [
    "_assert_channels", "_assert_image_tensor", "_blend", "_get_gaussian_kernel1d", "_get_gaussian_kernel2d", "_hsv2rgb",
    "_is_tensor_a_torch_image", "_max_value", "_rgb2hsv", "affine", "elastic_transform", "perspective", "resize", "rotate",
    *_NAMES,
]  # fmt: skip
