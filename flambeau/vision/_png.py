"""PNG files of 16 bits for each channel, which Pillow gives as pictures of 8 bits, unless they are grey.

Its decoder can be asked for either byte of a channel: it is run once for each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from ._pillow import decoded

#: What the decoders of the more significant bytes are called, and those of the less significant ones.
_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}

#: How a picture (channels, height, width) is put upright, by the orientation that a camera noted.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda planes: planes[..., ::-1],
    3: lambda planes: planes[..., ::-1, ::-1],
    4: lambda planes: planes[..., ::-1, :],
    5: lambda planes: planes.swapaxes(1, 2),
    6: lambda planes: np.rot90(planes, -1, (1, 2)),
    7: lambda planes: planes.swapaxes(1, 2)[..., ::-1, ::-1],
    8: lambda planes: np.rot90(planes, 1, (1, 2)),
}
_ORIENTATION = 0x0112

#: What red and green count in grey, in parts of 32768; blue is the rest.
_RED, _GREEN = 9794, 19234


def is_deep(data: bytes) -> bool:
    """Whether these bytes begin a PNG file of 16 bits for each channel."""
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[24:25] == b"\x10"


def _pixels(data: bytes, name: str, decoders: dict[str, str]) -> tuple[np.ndarray, int]:
    """The pixels, by other decoders where ``decoders`` says so, and the orientation."""

    def use(picture: Any) -> tuple[np.ndarray, int]:
        picture.tile = [tile._replace(args=decoders.get(tile.args, tile.args)) for tile in picture.tile]
        return np.array(picture), picture.getexif().get(_ORIENTATION, 1)

    return decoded(data, name, use, ["PNG"])


def read_planes(data: bytes, name: str | os.PathLike[str], upright: bool = False) -> np.ndarray:
    """The picture in a PNG file of 16 bits, (channels, height, width). ``OSError``, which says ``name``, if it is damaged."""
    title = os.fspath(name)
    if not is_deep(data):
        raise OSError(f"{title} is no PNG file of 16 bits for each channel")
    pixels, orientation = _pixels(data, title, {"LA;16B": "RGBA"})
    if data[25] == 4:  # grey and opacity, two bytes each, read as if they were four channels
        pixels = pixels[..., ::2].astype(np.uint16) << 8 | pixels[..., 1::2]
    elif pixels.dtype == np.uint8:
        pixels = pixels.astype(np.uint16) << 8 | _pixels(data, title, _BYTES)[0]
    planes = pixels.astype(np.uint16)[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return _UPRIGHT[orientation](planes) if upright and orientation in _UPRIGHT else planes


def with_bands(planes: np.ndarray, bands: str) -> np.ndarray:
    """A picture of 16 bits with the channels of ``bands``: "L", "LA", "RGB" or "RGBA"."""
    colours = planes[: len(planes) - 1 + len(planes) % 2]
    if bands.startswith("RGB"):
        colours = np.broadcast_to(colours, (3, *colours.shape[1:]))
    elif len(colours) == 3:
        red, green, blue = colours.astype(np.int64)
        colours = ((_RED * red + _GREEN * green + (32768 - _RED - _GREEN) * blue + 16384) >> 15).astype(np.uint16)[None]
    if not bands.endswith("A"):
        return colours
    opacity = np.full_like(planes[:1], 65535) if len(planes) % 2 else planes[-1:]
    return np.concatenate([colours, opacity])
