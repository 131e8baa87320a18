"""Maps of numbers for each pixel, as data sets of motion and depth have them in files: ``.flo``, ``.pfm``, PNG of 16 bits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .._pillow import open_picture
from .._png import read_planes
from ._files import Root


def read_flo(path: Root) -> np.ndarray:
    """The motion (2, height, width) in a ``.flo`` file. ``ValueError`` if it is none, or cut short."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:4] != b"PIEH":
        raise ValueError(f"Magic number incorrect. Invalid .flo file: {path}")
    width, height = (int(extent) for extent in np.frombuffer(data[4:12].ljust(8, b"\0"), "<i4"))
    if width < 1 or height < 1 or len(data) < 12 + 8 * width * height:
        raise ValueError(f"{path} is cut short or damaged: {len(data)} bytes for {width} times {height} pixels")
    pixels = np.frombuffer(data, "<f4", 2 * width * height, 12)
    return pixels.reshape(height, width, 2).transpose(2, 0, 1).astype(np.float32)


def read_pfm(path: Root, slice_channels: int = 2) -> np.ndarray:
    """The first channels (channels, height, width) of a ``.pfm`` file. ``ValueError`` if it is none, or cut short."""
    with open(path, "rb") as file:
        kind, size, scale = (file.readline(100) for _ in range(3))
        data = file.read()
    if kind.rstrip() not in (b"PF", b"Pf"):
        raise ValueError(f"Invalid PFM file: {path}")
    extents = re.fullmatch(rb"(\d{1,9})\s(\d{1,9})\s", size)
    number = re.fullmatch(rb"([-+]?)[0-9.eE+-]+\s", scale)
    if extents is None or number is None:
        raise ValueError(f"Malformed PFM header: {path}")
    width, height = int(extents[1]), int(extents[2])
    channels = 3 if kind.rstrip() == b"PF" else 1
    if len(data) != 4 * width * height * channels:
        raise ValueError(f"{path} is cut short or damaged: {len(data)} bytes for {width} times {height} pixels")
    # A negative scale says that the least significant byte is first. Rows are from the bottom upwards.
    pixels = np.frombuffer(data, "<f4" if number[1] == b"-" else ">f4").reshape(height, width, channels)
    return pixels[::-1].transpose(2, 0, 1)[:slice_channels].astype(np.float32)


def read_flow_png(path: Root) -> tuple[np.ndarray, np.ndarray]:
    """The motion (2, height, width), and where it is known, in a PNG file of three channels of 16 bits."""
    with open(path, "rb") as file:
        planes = read_planes(file.read(), str(path))
    if len(planes) != 3:
        raise ValueError(f"{path} should have three channels, and has {len(planes)}")
    return (planes[:2].astype(np.float32) - 2**15) / 64, planes[2] != 0


def read_levels(path: Root, dtype: Any = None) -> np.ndarray:
    """The pixels of a picture, as they are in the file."""
    return np.asarray(open_picture(path), dtype=dtype)
