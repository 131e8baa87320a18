"""Many pictures on one page, and into a file; what is drawn into them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import flambeau

from ._drawing import draw_bounding_boxes, draw_keypoints, draw_segmentation_masks, flow_to_image

__all__ = [
    "draw_bounding_boxes", "draw_keypoints", "draw_segmentation_masks", "flow_to_image", "make_grid", "save_image",
]  # fmt: skip


def _log_api_usage_once(obj: Any) -> None:
    """Nothing: nobody counts who uses what. Programs with models like torchvision's call it."""


def _make_ntuple(x: Any, n: int) -> tuple[Any, ...]:
    """A tuple of what ``x`` has, or ``n`` times ``x`` itself."""
    return tuple(x) if isinstance(x, Iterable) else (x,) * n


def make_grid(
    tensor: Any,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Any:
    """A picture (channels, height, width) of a batch (number, channels, height, width) or a list of pictures.

    ``nrow`` pictures stand in a row, ``padding`` pixels of ``pad_value`` around each. Grey pictures become three equal
    channels. ``normalize`` stretches ``value_range`` (by default the least and greatest values: of all pictures, or
    with ``scale_each`` of each one) to 0..1. A single picture is returned without a frame.
    """
    if isinstance(tensor, (list, tuple)):
        for picture in tensor:
            if not isinstance(picture, flambeau.Tensor):
                raise TypeError(f"tensor or list of tensors expected, got a list containing {type(picture)}")
        pictures: Any = flambeau.stack(list(tensor), dim=0)
    elif isinstance(tensor, flambeau.Tensor):
        pictures = tensor
    else:
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    if pictures.dim() == 2:
        pictures = pictures.unsqueeze(0)
    if pictures.dim() == 3:
        pictures = pictures.unsqueeze(0)
    if pictures.size(1) == 1:
        pictures = flambeau.cat((pictures, pictures, pictures), 1)
    if normalize:
        pictures = _stretched(pictures, value_range, scale_each)
    count, channels, height, width = pictures.shape
    if count == 1:
        return pictures.squeeze(0)
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    step_y, step_x = height + padding, width + padding
    grid = pictures.new_full((channels, step_y * rows + padding, step_x * columns + padding), pad_value)
    for number in range(count):
        top = (number // columns) * step_y + padding
        left = (number % columns) * step_x + padding
        grid[:, top : top + height, left : left + width] = pictures[number]
    return grid


def _stretched(pictures: Any, value_range: tuple[float, float] | None, scale_each: bool) -> Any:
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    axes = (1, 2, 3) if scale_each else (0, 1, 2, 3)
    if value_range is None:
        low = pictures.amin(dim=axes, keepdim=True)
        high = pictures.amax(dim=axes, keepdim=True)
    else:
        low, high = (pictures.new_full((1, 1, 1, 1), float(value)) for value in value_range)
        pictures = pictures.clamp(*value_range)
    return (pictures - low) / (high - low).clamp(min=1e-5)


def save_image(tensor: Any, fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """Write a picture, or a batch as :func:`make_grid` arranges it, to a path or a file; values are from 0 to 1.

    The ending of the path says in which format, or ``format`` does.
    """
    from ._pillow import image_module

    grid = make_grid(tensor, **kwargs)
    bytes_ = grid.mul(255).add(0.5).clamp(0, 255).permute(1, 2, 0).to(flambeau.uint8).contiguous().numpy(force=True)
    image_module().fromarray(bytes_).save(fp, format=format)
