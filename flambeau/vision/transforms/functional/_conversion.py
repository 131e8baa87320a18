"""Between Pillow's pictures, arrays and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import flambeau

from ..._pillow import image_module, is_picture

_MODE_DTYPES = {"I": np.int32, "I;16": np.int16, "I;16B": np.int16, "F": np.float32}


def to_tensor(pic: Any) -> Any:
    """A tensor (channels, height, width) of a picture, or of an array (height, width[, channels]).

    Bytes become floats from 0 to 1; other dtypes stay as they are.
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        pixels = pic
    elif is_picture(pic):
        pixels = np.array(pic, _MODE_DTYPES.get(pic.mode, np.uint8))
        if pic.mode == "1":
            pixels = pixels * np.uint8(255)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    planes = _planes(pixels)
    if planes.dtype != np.uint8:
        return flambeau.from_numpy(np.array(planes, order="C"))
    # In NumPy, because a few thousand pixels are done there before a kernel has been found.
    floats = np.ascontiguousarray(planes, dtype=np.float32)
    floats /= np.float32(255)
    tensor = flambeau.from_numpy(floats)
    default = flambeau.get_default_dtype()
    return (
        tensor if default == flambeau.float32 else flambeau.from_numpy(np.array(planes, order="C")).to(default).div(255)
    )


def pil_to_tensor(pic: Any) -> Any:
    """A tensor (channels, height, width) of a picture, of the picture's own dtype; in memory channels stay last."""
    if not is_picture(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    pixels = np.array(pic)
    return flambeau.from_numpy(pixels if pixels.ndim == 3 else pixels[:, :, None]).permute(2, 0, 1)


def _planes(pixels: np.ndarray) -> np.ndarray:
    """Channels first; one channel if there is no axis for them."""
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A picture of a tensor ([channels,] height, width) or an array (height, width[, channels]).

    Floats are taken as brightness from 0 to 1. ``mode`` chooses among Pillow's modes with that many channels.
    """
    if isinstance(pic, flambeau.Tensor):
        tensor: Any = pic
        pixels = (tensor.permute(1, 2, 0) if tensor.ndim == 3 else tensor).numpy(force=True)
    elif isinstance(pic, np.ndarray):
        pixels = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3:
        raise ValueError(f"pic should be 2/3 dimensional. Got {pixels.ndim} dimensions.")
    channels = pixels.shape[2]
    if channels > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {channels} channels.")
    if np.issubdtype(pixels.dtype, np.floating) and mode != "F":
        pixels = (pixels * 255).astype(np.uint8)
    if channels == 1:
        pixels = pixels[:, :, 0]
        expected = {"uint8": "L", "int16": "I;16", "int32": "I", "float32": "F"}.get(pixels.dtype.name)
        if mode is not None and mode != expected:
            raise ValueError(f"Incorrect mode ({mode}) supplied for input type {pixels.dtype}. Should be {expected}")
        mode = expected
    else:
        permitted = {2: ["LA"], 3: ["RGB", "YCbCr", "HSV"], 4: ["RGBA", "CMYK", "RGBX"]}[channels]
        if mode is not None and mode not in permitted:
            raise ValueError(f"Only modes {permitted} are supported for {channels}D inputs")
        if mode is None and pixels.dtype == np.uint8:
            mode = permitted[0]
    if mode is None:
        raise TypeError(f"Input type {pixels.dtype} is not supported")
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    return image_module().frombytes(mode, (width, height), pixels.tobytes())
