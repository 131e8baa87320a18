"""PNG files of 16 bits for each channel, which Pillow gives as pictures of 8 bits, unless they are grey.

Its decoder can be asked for either byte of a channel: it is run once for each.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ._pillow import decoded

#: How a decoder that knows the channels gives the more and the less significant bytes of 16 bits.
_BYTES = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}


def is_deep(data: bytes) -> bool:
    """Whether these bytes begin a PNG file of 16 bits for each channel."""
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[24:25] == b"\x10"


def _pixels(data: bytes, name: str, modes: dict[str, str]) -> np.ndarray:
    """The pixels, decoded as what ``modes`` says in the place of a decoder's own way."""

    def use(picture: Any) -> np.ndarray:
        picture.tile = [tile._replace(args=modes.get(tile.args, tile.args)) for tile in picture.tile]
        return np.array(picture)

    return decoded(data, name, use, ["PNG"])


def read_planes(data: bytes, name: str | os.PathLike[str]) -> np.ndarray:
    """The picture in a PNG file, (channels, height, width), as numbers of as many bits as the file has, up to 16.

    ``OSError``, which says ``name``, if it is damaged.
    """
    title = os.fspath(name)
    high = _pixels(data, title, {"LA;16B": "RGBA"})
    if is_deep(data) and high.dtype == np.uint8:
        if data[25] == 4:  # grey and opacity, two bytes each, read as if they were four channels
            high, low = high[..., ::2], high[..., 1::2]
        else:
            low = _pixels(data, title, _BYTES)
        high = high.astype(np.uint16) << 8 | low
    return high[None] if high.ndim == 2 else high.transpose(2, 0, 1)
