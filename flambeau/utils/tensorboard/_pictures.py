"""Arrays as pictures: axes in the order of pictures' files, several pictures in a grid, boxes, and their files' bytes."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from ._messages import Image


def pillow() -> Any:
    """``PIL.Image``. ``ModuleNotFoundError`` says how to get it."""
    try:
        from PIL import Image as module
    except ModuleNotFoundError as error:
        message = "add_image needs Pillow, which is not installed: pip install pillow (or flambeau[vision])"
        raise ModuleNotFoundError(message, name="PIL") from error
    return module


def make_grid(pictures: np.ndarray, ncols: int = 8) -> np.ndarray:
    """Pictures [n, 1 or 3, height, width] beside and below each other: [3, rows * height, columns * width]."""
    if pictures.shape[1] == 1:
        pictures = np.concatenate([pictures] * 3, 1)
    if pictures.ndim != 4 or pictures.shape[1] != 3:
        raise AssertionError("Input should be a 4D numpy array with 3 channels")
    count, _, height, width = pictures.shape
    columns = min(count, ncols)
    rows = math.ceil(count / columns)
    places = np.zeros((rows * columns, 3, height, width), pictures.dtype)
    places[:count] = pictures
    grid = places.reshape(rows, columns, 3, height, width).transpose(2, 0, 3, 1, 4)
    return grid.reshape(3, rows * height, columns * width)


def convert_to_HWC(array: np.ndarray, input_format: str) -> np.ndarray:
    """A picture, or several in a grid, as [height, width, 3] (or 4); ``input_format`` names the array's axes."""
    if len(set(input_format)) != len(input_format):
        message = f"You can not use the same dimension shorthand twice. input_format: {input_format}"
        raise AssertionError(message)
    if array.ndim != len(input_format):
        raise AssertionError(
            "size of input tensor and input format are different. "
            f"tensor shape: {array.shape}, input_format: {input_format}"
        )
    letters = input_format.upper()
    order = [letters.find(letter) for letter in {4: "NCHW", 3: "HWC", 2: "HW"}[array.ndim]]
    array = array.transpose(order)
    if array.ndim == 4:
        return make_grid(array).transpose(1, 2, 0)
    if array.ndim == 2:
        array = array[:, :, None]
    return np.concatenate([array] * 3, 2) if array.shape[2] == 1 else array


def as_bytes(array: np.ndarray) -> np.ndarray:
    """Brightness as uint8, which it may be already; else it is from 0 to 1."""
    scale = 1 if array.dtype == np.uint8 else 255
    return (array.astype(np.float32) * scale).clip(0, 255).astype(np.uint8)


def make_image(array: np.ndarray, rescale: float = 1, rois: np.ndarray | None = None, labels: Any = None) -> Image:
    """The message for a picture [height, width, channels] of uint8: as PNG, ``rescale`` times as large, with red boxes."""
    module = pillow()
    height, width, channels = array.shape
    picture = module.fromarray(array)
    if rois is not None:
        for place, box in enumerate(rois):
            _draw_box(picture, box.tolist(), None if labels is None else labels[place])
    picture = picture.resize((int(width * rescale), int(height * rescale)), module.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return Image(height=height, width=width, colorspace=channels, encoded_image_string=file.getvalue())


def _draw_box(picture: Any, box: list[float], label: str | None) -> None:
    from PIL import ImageDraw, ImageFont

    left, top, right, bottom = box
    draw = ImageDraw.Draw(picture)
    draw.line([(left, top), (left, bottom), (right, bottom), (right, top), (left, top)], width=2, fill="Red")
    if label:
        font = ImageFont.load_default()
        x0, y0, x1, y1 = font.getbbox(label)
        width, height = x1 - x0, y1 - y0
        margin = math.ceil(0.05 * height)
        draw.rectangle([(left, bottom - height - 2 * margin), (left + width, bottom)], fill="Red")
        draw.text((left + margin, bottom - height - margin), label, fill="black", font=font)


def figure_to_image(figures: Any, close: bool = True) -> np.ndarray:
    """Matplotlib's figure as [3, height, width] of uint8, or a list of them as [n, 3, height, width]."""
    import matplotlib.backends.backend_agg as agg
    import matplotlib.pyplot as plt

    def drawn(figure: Any) -> np.ndarray:
        canvas = agg.FigureCanvasAgg(figure)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[:, :, :3].transpose(2, 0, 1).copy()
        if close:
            plt.close(figure)
        return pixels

    return np.stack([drawn(figure) for figure in figures]) if isinstance(figures, list) else drawn(figures)


def prepare_video(clips: np.ndarray) -> np.ndarray:
    """Clips [n, time, channels, height, width] as one [time, height, width, channels], side by side in a grid."""
    if clips.dtype == np.uint8:
        clips = np.float32(clips) / 255.0  # type: ignore[assignment]
    count, time, channels, height, width = clips.shape
    whole = 1 << (count - 1).bit_length()  # the grid's sides are powers of two
    places = np.zeros((whole, *clips.shape[1:]), clips.dtype)
    places[:count] = clips
    rows = 2 ** ((count.bit_length() - 1) // 2)
    grid = places.reshape(rows, -1, time, channels, height, width).transpose(2, 0, 4, 1, 5, 3)
    return grid.reshape(time, rows * height, -1, channels)


def make_video(frames: np.ndarray, fps: float) -> Image:
    """The message for frames [time, height, width, channels] of uint8: as an animated GIF."""
    module = pillow()
    _, height, width, channels = frames.shape
    pictures = [module.fromarray(frame[:, :, 0] if channels == 1 else frame) for frame in frames]
    file = io.BytesIO()
    pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:], duration=1000 / fps, loop=0)
    return Image(height=height, width=width, colorspace=channels, encoded_image_string=file.getvalue())
