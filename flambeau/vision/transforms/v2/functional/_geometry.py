"""Sizes, parts, flips, turns and distortions of pictures, films and masks; ``_places`` has those of boxes and points."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import flambeau
from flambeau.nn import functional as nn_functional

from ... import functional as _F
from ...functional import InterpolationMode, _tensor
from ...functional._arguments import interpolation_mode
from ._registry import functional, named_for, of_images, of_masks, of_pictures

_NEAREST = InterpolationMode.NEAREST


def mode_of(value: Any) -> InterpolationMode:
    """A way to interpolate, by itself, its name, or Pillow's number of it. ``ValueError`` for others."""
    if isinstance(value, str):
        try:
            return InterpolationMode(value)
        except ValueError:
            raise ValueError(
                f"Invalid interpolation mode: '{value}'. Supported string values are: {[m.value for m in InterpolationMode]}."
            ) from None
    if not isinstance(value, (InterpolationMode, int)):
        raise ValueError(
            "Argument interpolation should be an `InterpolationMode` or a corresponding Pillow integer constant, "
            f"but got {value}."
        )
    return interpolation_mode(value)


# --- flips ------------------------------------------------------------------------------------------------------------


@functional
def horizontal_flip(inpt: Any) -> Any:
    """Mirror left and right."""


@of_images(horizontal_flip)
def horizontal_flip_image(image: Any) -> Any:
    """Mirror a tensor left and right."""
    return image.flip(-1)


@functional
def vertical_flip(inpt: Any) -> Any:
    """Mirror top and bottom."""


@of_images(vertical_flip)
def vertical_flip_image(image: Any) -> Any:
    """Mirror a tensor top and bottom."""
    return image.flip(-2)


of_pictures(horizontal_flip)(_F.hflip)
of_pictures(vertical_flip)(_F.vflip)
horizontal_flip_mask = of_masks(horizontal_flip, horizontal_flip_image)
vertical_flip_mask = of_masks(vertical_flip, vertical_flip_image)
horizontal_flip_video, vertical_flip_video = named_for("video", horizontal_flip_image), named_for("video", vertical_flip_image)
hflip, vflip = horizontal_flip, vertical_flip


# --- sizes ------------------------------------------------------------------------------------------------------------


@functional
def resize(
    inpt: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Scale to ``size``: (height, width), or the shorter side, so that the longer does not exceed ``max_size``.

    Where ``size`` is None, the longer side is ``max_size``.
    """


def new_size(size: Any, height: int, width: int, max_size: int | None) -> list[int]:
    """Height and width that :func:`resize` makes of a picture."""
    if size is None:
        if max_size is None:
            raise ValueError("max_size must be an integer when size is None")
        ratio = max_size / max(height, width)
        return [max_size if side == max(height, width) else int(side * ratio) for side in (height, width)]
    sizes = [size] if isinstance(size, int) else list(size)
    if max_size is not None and len(sizes) != 1:
        raise ValueError(
            "max_size should only be passed if size is None or specifies the length of the smaller edge, "
            "i.e. size should be an int or a sequence of length 1 in torchscript mode."
        )
    return _F._resized(height, width, sizes, max_size)


@of_images(resize)
def resize_image(
    image: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """Scale a tensor; see :func:`resize`. Bytes are scaled as bytes, with weights of whole numbers."""
    mode = mode_of(interpolation)
    height, width = image.shape[-2:]
    target = new_size(size, height, width, max_size)
    if target == [height, width]:
        return image
    if image.numel() == 0:
        return image.reshape(*image.shape[:-2], *target)
    if image.dtype != flambeau.uint8 or mode not in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC):
        return _tensor.resize(image, target, mode, antialias)
    pictures = image.reshape(-1, *image.shape[-3:])
    smooth: dict[str, Any] = {"mode": mode.value, "align_corners": False, "antialias": bool(antialias)}
    return nn_functional.interpolate(pictures, target, **smooth).reshape(*image.shape[:-2], *target)


@of_pictures(resize)
def _resize_picture(
    image: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    if antialias is False:
        warnings.warn("Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.")
    return _F.resize(image, new_size(size, image.height, image.width, max_size), mode_of(interpolation))


def _resize_mask(
    mask: Any, size: Any, interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None
) -> Any:
    mode = mode_of(interpolation)
    return resize_image(mask, size, mode if mode is InterpolationMode.NEAREST_EXACT else _NEAREST, max_size)


resize_mask = of_masks(resize, _resize_mask)
resize_video = named_for("video", resize_image)


# --- turns and distortions --------------------------------------------------------------------------------------------


@functional
def affine(
    inpt: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Any,
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """Turn clockwise by ``angle`` degrees, shear by angles (x, y), scale, and move by pixels (x, y)."""


@of_images(affine)
def affine_image(
    image: Any,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Any,
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Sequence[float] | None = None,
) -> Any:
    """An affine map of a tensor or a picture of Pillow's; see :func:`affine`."""
    return _F.affine(image, angle, translate, scale, shear, mode_of(interpolation), fill, center)


of_pictures(affine)(affine_image)
affine_mask = of_masks(affine, affine_image, interpolation=_NEAREST)
affine_video = named_for("video", affine_image)


@functional
def rotate(
    inpt: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """Turn counter-clockwise by ``angle`` degrees about ``center`` (x, y); ``expand`` keeps the whole picture."""


@of_images(rotate)
def rotate_image(
    image: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    """Turn a tensor; see :func:`rotate`."""
    angle = angle % 360
    if center is None:
        quarters = int(angle // 90)
        square = expand or image.shape[-1] == image.shape[-2]
        if angle % 90 == 0 and (quarters % 2 == 0 or square):
            return flambeau.rot90(image, quarters, (-2, -1)) if quarters else image.clone()
    return _F.rotate(image, angle, mode_of(interpolation), expand, center, fill)


@of_pictures(rotate)
def _rotate_picture(
    image: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
) -> Any:
    return _F.rotate(image, angle, mode_of(interpolation), expand, center, fill)


rotate_mask = of_masks(rotate, rotate_image, interpolation=_NEAREST)
rotate_video = named_for("video", rotate_image)


@functional
def perspective(
    inpt: Any,
    startpoints: Any,
    endpoints: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
    coefficients: Sequence[float] | None = None,
) -> Any:
    """Bring four ``startpoints`` (x, y) to ``endpoints``, or map by eight ``coefficients``."""


def coefficients_of(startpoints: Any, endpoints: Any, coefficients: Sequence[float] | None) -> Sequence[float]:
    """The coefficients that are given, or follow from the points. ``ValueError`` for both, and for neither."""
    if coefficients is None:
        if startpoints is None or endpoints is None:
            raise ValueError("Either the startpoints/endpoints or the coefficients must have non `None` values.")
        return _F._get_perspective_coeffs(startpoints, endpoints)
    if startpoints is not None and endpoints is not None:
        raise ValueError("The startpoints/endpoints and the coefficients shouldn't be defined concurrently.")
    if len(coefficients) != 8:
        raise ValueError("Argument coefficients should have 8 float values")
    return coefficients


@of_images(perspective)
def perspective_image(
    image: Any,
    startpoints: Any,
    endpoints: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
    coefficients: Sequence[float] | None = None,
) -> Any:
    """A perspective of a tensor or a picture of Pillow's; see :func:`perspective`."""
    numbers = coefficients_of(startpoints, endpoints, coefficients)
    return _F._implementation(image).perspective(image, numbers, mode_of(interpolation), fill)


of_pictures(perspective)(perspective_image)
perspective_mask = of_masks(perspective, perspective_image, interpolation=_NEAREST)
perspective_video = named_for("video", perspective_image)


@functional
def elastic(inpt: Any, displacement: Any, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = None) -> Any:
    """Read at places moved by ``displacement`` (1, height, width, 2), where two are the width or height."""


@of_images(elastic)
def elastic_image(
    image: Any, displacement: Any, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = None
) -> Any:
    """Move the pixels of a tensor or a picture of Pillow's; see :func:`elastic`."""
    return _F.elastic_transform(image, displacement, mode_of(interpolation), fill)


of_pictures(elastic)(elastic_image)
elastic_mask = of_masks(elastic, elastic_image, interpolation=_NEAREST)
elastic_video = named_for("video", elastic_image)
elastic_transform = elastic


# --- borders and parts ------------------------------------------------------------------------------------------------


@functional
def pad(inpt: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    """Enlarge by ``padding`` pixels: all sides; (left and right, top and bottom); or (left, top, right, bottom)."""


def sides_of(padding: Any) -> list[int]:
    """Left, top, right and bottom."""
    if not isinstance(padding, (int, tuple, list)):
        raise TypeError(f"`padding` should be an integer or tuple or list of integers, but got {padding}")
    amounts = [padding] if isinstance(padding, int) else list(padding)
    if len(amounts) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple or list. Found {len(amounts)}")
    return amounts * (4 // len(amounts))


@of_images(pad)
def pad_image(image: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    """Enlarge a tensor; see :func:`pad`. ``fill`` may be a number for each channel."""
    sides = sides_of(padding)
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(
            "`padding_mode` should be either `'constant'`, `'edge'`, `'reflect'` or `'symmetric'`, "
            f"but got `'{padding_mode}'`."
        )
    if not isinstance(fill, (list, tuple)) or len(fill) == 1:
        return _tensor.pad(image, sides, 0 if fill is None else fill, padding_mode)
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported if fill is not scalar")
    left, top, right, bottom = sides
    inside = nn_functional.pad(flambeau.ones(image.shape[-2:], dtype=flambeau.bool), [left, right, top, bottom])
    colour = flambeau.as_tensor(fill).to(image.dtype).reshape(-1, 1, 1)
    return flambeau.where(inside, _tensor.pad(image, sides, 0, "constant"), colour)


@of_pictures(pad)
def _pad_picture(image: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    return _F.pad(image, padding, 0 if fill is None else fill, padding_mode)


def _pad_mask(mask: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    if isinstance(fill, (tuple, list)):
        raise ValueError("Non-scalar fill value is not supported")
    return pad_image(mask, padding, fill, padding_mode)


pad_mask = of_masks(pad, _pad_mask)
pad_video = named_for("video", pad_image)


@functional
def crop(inpt: Any, top: int, left: int, height: int, width: int) -> Any:
    """A rectangle; zero where it lies outside."""


@of_images(crop)
def crop_image(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """A rectangle of a tensor."""
    return _tensor.crop(image, top, left, height, width)


of_pictures(crop)(_F.crop)
crop_mask = of_masks(crop, crop_image)
crop_video = named_for("video", crop_image)


@functional
def center_crop(inpt: Any, output_size: Any) -> Any:
    """The middle; what is smaller is padded with zeros first."""


@of_images(center_crop)
def center_crop_image(image: Any, output_size: Any) -> Any:
    """The middle of a tensor."""
    return _F.center_crop(image, output_size)


of_pictures(center_crop)(_F.center_crop)
center_crop_mask = of_masks(center_crop, center_crop_image)
center_crop_video = named_for("video", center_crop_image)


@functional
def resized_crop(
    inpt: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A rectangle, scaled to ``size``."""


@of_images(resized_crop)
def resized_crop_image(
    image: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A rectangle of a tensor, scaled."""
    return resize_image(crop_image(image, top, left, height, width), size, interpolation, antialias=antialias)


@of_pictures(resized_crop)
def _resized_crop_of_picture(
    image: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    return _resize_picture(_F.crop(image, top, left, height, width), size, interpolation, antialias=antialias)


resized_crop_mask = of_masks(resized_crop, resized_crop_image, interpolation=_NEAREST, antialias=False)
resized_crop_video = named_for("video", resized_crop_image)


@functional
def five_crop(inpt: Any, size: Any) -> Any:
    """The corners and the middle, as a tuple."""


@functional
def ten_crop(inpt: Any, size: Any, vertical_flip: bool = False) -> Any:
    """The corners and the middle, of the picture and of its mirror image."""


@of_images(five_crop)
def five_crop_image(image: Any, size: Any) -> Any:
    """The corners and the middle of a tensor or a picture of Pillow's."""
    if isinstance(size, (list, tuple)) and len(size) not in (1, 2):
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    return _F.five_crop(image, size)


@of_images(ten_crop)
def ten_crop_image(image: Any, size: Any, vertical_flip: bool = False) -> Any:
    """The corners and the middle of a tensor or a picture of Pillow's, and of its mirror image."""
    mirrored = _F.vflip(image) if vertical_flip else _F.hflip(image)
    return five_crop_image(image, size) + five_crop_image(mirrored, size)


of_pictures(five_crop)(five_crop_image)
of_pictures(ten_crop)(ten_crop_image)
five_crop_video, ten_crop_video = named_for("video", five_crop_image), named_for("video", ten_crop_image)
