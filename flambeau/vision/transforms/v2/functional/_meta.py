"""What inputs say of themselves: sizes, and the formats and borders of boxes."""

from __future__ import annotations

from typing import Any

import flambeau

from .... import tv_tensors
from ....tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask, Video, is_rotated_bounding_format
from ... import functional as _F
from ._clamping import clamped_turned
from ._formats import converted, format_of
from ._registry import functional, is_pure_tensor, named_for, of_pictures, reading

_IMAGES = (flambeau.Tensor, Image, Video)


@functional
def get_dimensions(inpt: Any) -> Any:
    """Channels, height and width."""


@reading(get_dimensions, *_IMAGES)
def get_dimensions_image(image: Any) -> list[int]:
    """Channels, height and width of a tensor. ``TypeError`` for fewer than two axes."""
    if image.ndim < 2:
        raise TypeError(f"Input tensor should have at least two dimensions, but got {image.ndim}")
    return [1 if image.ndim == 2 else image.shape[-3], *image.shape[-2:]]


of_pictures(get_dimensions)(_F.get_dimensions)
get_dimensions_video = named_for("video", get_dimensions_image)


@functional
def get_num_channels(inpt: Any) -> Any:
    """The number of channels."""


@reading(get_num_channels, *_IMAGES)
def get_num_channels_image(image: Any) -> int:
    """The number of channels of a tensor."""
    return get_dimensions_image(image)[0]


of_pictures(get_num_channels)(_F.get_image_num_channels)
get_num_channels_video = named_for("video", get_num_channels_image)
get_image_num_channels = get_num_channels


@functional
def get_size(inpt: Any) -> Any:
    """Height and width."""


@reading(get_size, *_IMAGES, Mask)
def get_size_image(image: Any) -> list[int]:
    """Height and width of a tensor."""
    return get_dimensions_image(image)[1:]


@of_pictures(get_size)
def _get_size_of_picture(image: Any) -> list[int]:
    return [image.height, image.width]


@reading(get_size, BoundingBoxes, KeyPoints)
def get_size_bounding_boxes(bounding_box: Any) -> list[int]:
    """Height and width of the picture that boxes are in."""
    return list(bounding_box.canvas_size)


def get_size_keypoints(keypoints: Any) -> list[int]:
    """Height and width of the picture that points are in."""
    return list(keypoints.canvas_size)


get_size_video, get_size_mask = (named_for(kind, get_size_image) for kind in ("video", "mask"))


@functional
def get_num_frames(inpt: Any) -> Any:
    """The number of frames of a film."""


@reading(get_num_frames, flambeau.Tensor, Video)
def get_num_frames_video(video: Any) -> int:
    """The number of frames of a film."""
    return int(video.shape[-4])


# --- boxes and points -------------------------------------------------------------------------------------------------


def convert_bounding_box_format(
    inpt: Any,
    old_format: BoundingBoxFormat | str | None = None,
    new_format: BoundingBoxFormat | str | None = None,
    inplace: bool = False,
) -> Any:
    """Boxes in ``new_format``. Plain tensors need ``old_format``; boxes know it."""
    if new_format is None:
        raise TypeError("convert_bounding_box_format() missing 1 required argument: 'new_format'")
    new = format_of(new_format)
    if is_pure_tensor(inpt):
        if old_format is None:
            raise ValueError("For pure tensor inputs, `old_format` has to be passed.")
        return converted(inpt, format_of(old_format), new, inplace)
    if not isinstance(inpt, BoundingBoxes):
        raise TypeError(
            f"Input can either be a plain tensor or a bounding box tv_tensor, but got {type(inpt)} instead."
        )
    if old_format is not None:
        raise ValueError("For bounding box tv_tensor inputs, `old_format` must not be passed.")
    output = converted(inpt.as_subclass(flambeau.Tensor), inpt.format, new, inplace)
    return tv_tensors.wrap(output, like=inpt, format=new)


def clamp_boxes(boxes: Any, format: BoundingBoxFormat, canvas_size: Any, clamping_mode: str | None) -> Any:
    """Boxes cut at the border of the picture, by ``clamping_mode``."""
    if clamping_mode is None:
        return boxes.clone()
    if is_rotated_bounding_format(format):
        return clamped_turned(boxes, format, canvas_size, clamping_mode)
    height, width = canvas_size
    corners = boxes if boxes.is_floating_point() else boxes.float()
    corners = converted(corners, format, BoundingBoxFormat.XYXY)
    sides = (corners[..., 0::2].clamp(min=0, max=width), corners[..., 1::2].clamp(min=0, max=height))
    corners = flambeau.stack(sides, -1).reshape(corners.shape)
    return converted(corners, BoundingBoxFormat.XYXY, format).to(boxes.dtype)


def clamp_bounding_boxes(
    inpt: Any,
    format: BoundingBoxFormat | None = None,
    canvas_size: tuple[int, int] | None = None,
    clamping_mode: str | None = "auto",
) -> Any:
    """Boxes cut at the border of their picture. Plain tensors need ``format`` and ``canvas_size``; boxes know them.

    ``clamping_mode`` is theirs (``"auto"``), ``"soft"``, ``"hard"``, or None for leaving them as they are.
    """
    if clamping_mode not in (None, "soft", "hard", "auto"):
        raise ValueError(f"clamping_mode must be soft, hard, auto or None, got {clamping_mode}")
    if is_pure_tensor(inpt):
        if format is None or canvas_size is None or clamping_mode == "auto":
            raise ValueError("For pure tensor inputs, `format`, `canvas_size` and `clamping_mode` have to be passed.")
        return clamp_boxes(inpt, format, canvas_size, clamping_mode)
    if not isinstance(inpt, BoundingBoxes):
        raise TypeError(
            f"Input can either be a plain tensor or a bounding box tv_tensor, but got {type(inpt)} instead."
        )
    if format is not None or canvas_size is not None:
        raise ValueError("For bounding box tv_tensor inputs, `format` and `canvas_size` must not be passed.")
    mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
    output = clamp_boxes(inpt.as_subclass(flambeau.Tensor), inpt.format, inpt.canvas_size, mode)
    return tv_tensors.wrap(output, like=inpt)


def clamp_keypoints(inpt: Any, canvas_size: tuple[int, int] | None = None) -> Any:
    """Points moved to the border of their picture where they lie outside."""
    if is_pure_tensor(inpt):
        if canvas_size is None:
            raise ValueError("For pure tensor inputs, `canvas_size` has to be passed.")
        return _clamp_points(inpt, canvas_size)
    if not isinstance(inpt, KeyPoints):
        raise TypeError(f"Input can either be a plain tensor or a keypoints tv_tensor, but got {type(inpt)} instead.")
    if canvas_size is not None:
        raise ValueError("For keypoints tv_tensor inputs, `canvas_size` must not be passed.")
    return tv_tensors.wrap(_clamp_points(inpt.as_subclass(flambeau.Tensor), inpt.canvas_size), like=inpt)


def _clamp_points(points: Any, canvas_size: tuple[int, int]) -> Any:
    height, width = canvas_size
    floats = points if points.is_floating_point() else points.float()
    places = (floats[..., 0].clamp(min=0, max=width - 1), floats[..., 1].clamp(min=0, max=height - 1))
    return flambeau.stack(places, -1).to(points.dtype)
