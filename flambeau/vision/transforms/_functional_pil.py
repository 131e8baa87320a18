"""What torchvision's file of this name has: :mod:`functional` for Pillow's pictures alone, with maps given as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._pillow import is_picture as _is_pil_image
from . import functional
from ._one_kind import COMMON, mode_of, of_one_kind
from .functional import _pil

_NEAREST, _BILINEAR, _BICUBIC = 0, 2, 3  # as Pillow counts


def _check(img: Any) -> None:
    if not _is_pil_image(img):
        raise TypeError(f"img should be PIL Image. Got {type(img)}")


_NAMES = (*COMMON, "to_grayscale")
globals().update(of_one_kind(functional, _NAMES, _check))


def resize(img: Any, size: Sequence[int], interpolation: int = _BILINEAR) -> Any:
    """Bring to ``size`` (height, width)."""
    _check(img)
    if not (isinstance(size, (list, tuple)) and len(size) == 2):
        raise TypeError(f"Got inappropriate size arg: {size}")
    return _pil.resize(img, list(size), mode_of(interpolation), True)


def affine(img: Any, matrix: Sequence[float], interpolation: int = _NEAREST, fill: Any = None) -> Any:
    """Show at each pixel the place where two rows of three numbers send it."""
    _check(img)
    return _pil.affine(img, matrix, mode_of(interpolation), fill)


def rotate(
    img: Any,
    angle: float,
    interpolation: int = _NEAREST,
    expand: bool = False,
    center: Sequence[int] | None = None,
    fill: Any = None,
) -> Any:
    """Turn counter-clockwise by ``angle`` degrees."""
    _check(img)
    return _pil.rotate(img, angle, mode_of(interpolation), expand, center, fill)


def perspective(img: Any, perspective_coeffs: Sequence[float], interpolation: int = _BICUBIC, fill: Any = None) -> Any:
    """A map of the plane, given by eight numbers."""
    _check(img)
    return _pil.perspective(img, perspective_coeffs, mode_of(interpolation), fill)


__all__ = ["_is_pil_image", "affine", "perspective", "resize", "rotate", *_NAMES]
