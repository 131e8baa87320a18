"""Pictures as tensors of bytes (channels, height, width), read and written by Pillow."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np

import flambeau

from ...interpreter.whole_file import whole_file
from .._pillow import decoded, image_module
from .._png import is_deep, read_planes, with_bands

__all__ = [
    "ImageReadMode", "decode_avif", "decode_gif", "decode_heic", "decode_image", "decode_jpeg", "decode_png", "decode_webp",
    "encode_jpeg", "encode_png", "read_file", "read_image", "write_file", "write_jpeg", "write_png",
]  # fmt: skip

_Path = str | os.PathLike[str]


class ImageReadMode(Enum):
    """What channels a picture is to have: as it is, grey, colours, each without or with opacity."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_BANDS = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGB_ALPHA: "RGBA",
}
Mode = ImageReadMode | str


# --- files ------------------------------------------------------------------------------------------------------------


def read_file(path: _Path) -> Any:
    """The bytes of a file, as a tensor of one axis. ``RuntimeError`` if it cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise RuntimeError(f"[Errno {error.errno}] {error.strerror}: '{os.fspath(path)}'") from error
    return flambeau.from_numpy(np.frombuffer(bytearray(data), np.uint8))


def write_file(filename: _Path, data: Any) -> None:
    """A tensor of bytes (one axis) into a file. ``RuntimeError`` for others, and if it cannot be written."""
    if data.dtype != flambeau.uint8:
        raise RuntimeError(f"Input tensor dtype should be uint8, got {data.dtype}")
    if data.ndim != 1:
        raise RuntimeError(f"Input data should be a 1-dimensional tensor, got {data.ndim} dimensions")
    try:
        with whole_file(filename) as file:
            file.write(data.numpy(force=True).tobytes())
    except OSError as error:
        raise RuntimeError(f"[Errno {error.errno}] {error.strerror}: '{os.fspath(filename)}'") from error


# --- reading ----------------------------------------------------------------------------------------------------------


def _mode_of(mode: Mode) -> ImageReadMode:
    return ImageReadMode[mode.upper()] if isinstance(mode, str) else mode


def _bytes_of(input: Any) -> bytes:
    if not isinstance(input, flambeau.Tensor):
        raise TypeError(f"the input should be a tensor of bytes, got {type(input).__name__}")
    data: Any = input
    if data.dtype != flambeau.uint8:
        raise RuntimeError(f"Input tensor must have uint8 data type, got {data.dtype}")
    if data.ndim != 1 or data.numel() == 0:
        raise RuntimeError(f"Input tensor must be 1-dimensional and non-empty, got shape {list(data.shape)}")
    return data.numpy(force=True).tobytes()


def _read(input: Any, formats: Sequence[str] | None, use: Callable[[Any], np.ndarray]) -> Any:
    try:
        pixels = decoded(_bytes_of(input), "the input", use, formats)
    except OSError as error:
        raise RuntimeError(str(error)) from error
    return flambeau.from_numpy(np.array(pixels, order="C"))


def _planes(picture: Any, mode: Mode, exif: bool = False) -> np.ndarray:
    """A picture of Pillow's as (channels, height, width), of the channels of ``mode``."""
    wanted = _mode_of(mode)
    if exif:
        from PIL import ImageOps

        picture = ImageOps.exif_transpose(picture)
    if wanted in _BANDS:
        picture = picture.convert(_BANDS[wanted])
    elif picture.mode in ("1", "L", "I", "F"):
        picture = picture.convert("L")
    elif picture.mode == "P":
        picture = picture.convert("RGBA" if "transparency" in picture.info else "RGB")
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def decode_png(input: Any, mode: Mode = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Any:
    """The picture in the bytes of a PNG file: uint16 if it has 16 bits for each channel. ``RuntimeError`` if it is damaged."""
    return _decoded(input, ["PNG"], mode, apply_exif_orientation)


def _decoded(input: Any, formats: Sequence[str], mode: Mode, exif: bool) -> Any:
    data = _bytes_of(input)
    if not is_deep(data):
        return _read(input, formats, lambda picture: _planes(picture, mode, exif))
    try:
        planes = read_planes(data, "the input", exif)
    except OSError as error:
        raise RuntimeError(str(error)) from error
    wanted = _mode_of(mode)
    planes = with_bands(planes, _BANDS[wanted]) if wanted in _BANDS else planes
    return flambeau.from_numpy(np.array(planes, order="C"))


def decode_jpeg(
    input: Any, mode: Mode = ImageReadMode.UNCHANGED, device: Any = "cpu", apply_exif_orientation: bool = False
) -> Any:
    """The picture in the bytes of a JPEG file, or a list of pictures of a list of such. There is no opacity in them."""
    if str(device) != "cpu":
        raise RuntimeError(f"pictures are read on the CPU, and not on {device}")
    if isinstance(input, list):
        if len(input) == 0:
            raise ValueError("Input list must contain at least one element")
        if not all(isinstance(part, flambeau.Tensor) for part in input):
            raise ValueError("All elements of the input list must be tensors.")
        return [decode_jpeg(part, mode, device, apply_exif_orientation) for part in input]
    wanted = _mode_of(mode)
    if wanted in (ImageReadMode.GRAY_ALPHA, ImageReadMode.RGB_ALPHA):
        raise RuntimeError("The provided mode is not supported for JPEG files")

    def use(picture: Any) -> np.ndarray:
        if wanted is ImageReadMode.GRAY:
            picture.draft("L", picture.size)  # the luminance that the file has
        return _planes(picture, wanted, apply_exif_orientation)

    return _read(input, ["JPEG"], use)


def decode_webp(input: Any, mode: Mode = ImageReadMode.UNCHANGED) -> Any:
    """The picture in the bytes of a WebP file."""
    return _read(input, ["WEBP"], lambda picture: _planes(picture, mode))


def decode_avif(input: Any, mode: Mode = ImageReadMode.UNCHANGED) -> Any:
    """The picture in the bytes of an AVIF file. ``RuntimeError`` if Pillow cannot read them."""
    from PIL import features

    if not features.check("avif"):
        raise RuntimeError("the Pillow that is installed does not read AVIF files")
    return _read(input, ["AVIF"], lambda picture: _planes(picture, mode))


def decode_heic(input: Any, mode: Mode = ImageReadMode.UNCHANGED) -> Any:
    """``RuntimeError``: Pillow does not read HEIC files."""
    raise RuntimeError("HEIC files are not read: Pillow does not know them")


def decode_gif(input: Any) -> Any:
    """The picture (3, height, width) in the bytes of a GIF file, or its pictures (number, 3, height, width)."""

    def use(picture: Any) -> np.ndarray:
        from PIL import ImageSequence

        frames = [np.asarray(frame.convert("RGB")).transpose(2, 0, 1) for frame in ImageSequence.Iterator(picture)]
        return frames[0] if len(frames) == 1 else np.stack(frames)

    return _read(input, ["GIF"], use)


def decode_image(input: Any, mode: Mode = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Any:
    """The picture in the bytes of a JPEG, PNG, GIF, WebP or AVIF file, or in a file of that name."""
    data = input if isinstance(input, flambeau.Tensor) else read_file(input)
    head = bytes(data[:6].tolist())
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return decode_gif(data)
    if head[:2] == b"\xff\xd8":
        return decode_jpeg(data, mode, apply_exif_orientation=apply_exif_orientation)
    return _decoded(data, ["PNG", "WEBP", "AVIF"], mode, apply_exif_orientation)


def read_image(path: _Path, mode: Mode = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False) -> Any:
    """:func:`decode_image` of a file."""
    return decode_image(read_file(path), mode, apply_exif_orientation)


# --- writing ----------------------------------------------------------------------------------------------------------


def _written(input: Any, format: str, **options: Any) -> Any:
    if not isinstance(input, flambeau.Tensor):
        raise TypeError(f"the input should be a tensor, got {type(input).__name__}")
    picture: Any = input
    if picture.dtype != flambeau.uint8:
        raise RuntimeError(f"Input tensor dtype should be uint8, got {picture.dtype}")
    if picture.ndim != 3:
        raise RuntimeError(f"Input data should be a 3-dimensional tensor, got {picture.ndim} dimensions")
    if picture.shape[0] not in (1, 3):
        raise RuntimeError(f"The number of channels should be 1 or 3, got: {picture.shape[0]}")
    pixels = picture.numpy(force=True)
    pixels = np.ascontiguousarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    stream = io.BytesIO()
    image_module().fromarray(pixels).save(stream, format=format, **options)
    return flambeau.from_numpy(np.frombuffer(bytearray(stream.getvalue()), np.uint8))


def encode_png(input: Any, compression_level: int = 6) -> Any:
    """The bytes of a PNG file with a picture (1 or 3 channels, height, width) of bytes."""
    if not 0 <= compression_level <= 9:
        raise RuntimeError(f"Compression level should be between 0 and 9, got {compression_level}")
    return _written(input, "PNG", compress_level=compression_level)


def write_png(input: Any, filename: _Path, compression_level: int = 6) -> None:
    """:func:`encode_png` into a file."""
    write_file(filename, encode_png(input, compression_level))


def encode_jpeg(input: Any, quality: int = 75) -> Any:
    """The bytes of a JPEG file with a picture (1 or 3 channels, height, width) of bytes; or a list of them, of a list."""
    if quality < 1 or quality > 100:
        raise ValueError("Image quality should be a positive number between 1 and 100")
    if isinstance(input, list):
        if not input:
            raise ValueError("encode_jpeg requires at least one input tensor when a list is passed")
        return [encode_jpeg(picture, quality) for picture in input]
    return _written(input, "JPEG", quality=quality)


def write_jpeg(input: Any, filename: _Path, quality: int = 75) -> None:
    """:func:`encode_jpeg` into a file."""
    write_file(filename, encode_jpeg(input, quality))
