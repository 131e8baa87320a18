"""Overwriting a part of a picture, and what JPEG loses."""

from __future__ import annotations

import io
from typing import Any

import flambeau

from ...._pillow import image_module
from ... import functional as _F
from ._registry import functional, named_for, of_images, of_pictures
from ._type_conversion import pil_to_tensor, to_pil_image


@functional
def erase(inpt: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """Write ``v`` into the rectangle of ``h`` by ``w`` pixels at row ``i``, column ``j``."""


@of_images(erase)
def erase_image(image: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    """Write ``v`` into a rectangle of a tensor."""
    return _F.erase(image, i, j, h, w, v, inplace)


@of_pictures(erase)
def _erase_picture(image: Any, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Any:
    return to_pil_image(erase_image(pil_to_tensor(image), i, j, h, w, v), mode=image.mode)


@functional
def jpeg(image: Any, quality: int) -> Any:
    """What is left of a picture that was written as JPEG, of ``quality`` 1 to 100."""


@of_images(jpeg)
def jpeg_image(image: Any, quality: int) -> Any:
    """What is left of a tensor of bytes (..., channels, height, width) that was written as JPEG."""
    from ....io import decode_jpeg, encode_jpeg

    pictures = image.reshape(-1, *image.shape[-3:])
    if len(pictures) == 0:
        return image.clone()
    return flambeau.stack([decode_jpeg(encode_jpeg(picture, quality)) for picture in pictures]).reshape(image.shape)


@of_pictures(jpeg)
def _jpeg_picture(image: Any, quality: int) -> Any:
    written = io.BytesIO()
    image.save(written, format="JPEG", quality=quality)
    return image_module().open(written).copy()


erase_video = named_for("video", erase_image)
jpeg_video = named_for("video", jpeg_image)
