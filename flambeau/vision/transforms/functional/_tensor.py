"""The functions of this package for tensors (..., channels, height, width); their arguments have been checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import flambeau
from flambeau.nn import functional as F

from ._arguments import InterpolationMode, inverse_affine_matrix

Fill = float | Sequence[float] | None

_BOUNDS = {"uint8": 255, "int8": 127, "int16": 32767, "int32": 2147483647, "int64": 9223372036854775807}

_HOST_LIMIT = 1 << 20
"""Elements above which kernels are worth their start."""


def bound(dtype: Any) -> int:
    """The value of full brightness: the largest integer of a dtype, 1 for floats."""
    return _BOUNDS.get(str(dtype).removeprefix("torch."), 1)


def get_dimensions(img: Any) -> list[int]:
    """Channels, height and width. ``TypeError`` for fewer than two dimensions."""
    if img.ndim < 2:
        raise TypeError("Tensor is not a torch image.")
    return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]


def _check_channels(img: Any) -> int:
    channels = get_dimensions(img)[0]
    if channels not in (1, 3):
        raise TypeError(f"Input image tensor permitted channel values are [1, 3], but found {channels}")
    return channels


def normalize(image: Any, mean: Any, std: Any, inplace: bool) -> Any:
    at_once = None if inplace else _normalized_on_host(image, mean, std)
    if at_once is not None:
        return at_once
    values = [flambeau.as_tensor(numbers, dtype=image.dtype) for numbers in (mean, std)]
    means, deviations = (value.view(-1, 1, 1) if value.ndim == 1 else value for value in values)
    return image.sub_(means).div_(deviations) if inplace else (image - means) / deviations


def _normalized_on_host(image: Any, mean: Any, std: Any) -> Any:
    """The same in NumPy, or None if that is better left to a kernel: a few thousand numbers are done before one starts.

    Only for a value that is in memory already and needs no gradient; the rounding is the kernel's.
    """
    if not isinstance(mean, Sequence) or not isinstance(std, Sequence) or image.dtype != flambeau.float32:
        return None
    if image.requires_grad or image.numel() > _HOST_LIMIT or image._read().buffer is None:
        return None
    columns = (np.asarray(numbers, dtype=np.float32).reshape(-1, 1, 1) for numbers in (mean, std))
    result = np.subtract(image._array_now(), next(columns))
    return flambeau.from_numpy(np.divide(result, next(columns), out=result))


def hflip(img: Any) -> Any:
    return img.flip(-1)


def vflip(img: Any) -> Any:
    return img.flip(-2)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    _, rows, columns = get_dimensions(img)
    bottom, right = top + height, left + width
    inner = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if left >= 0 and top >= 0 and right <= columns and bottom <= rows:
        return inner
    padding = [
        max(-left + min(0, right), 0),
        max(-top + min(0, bottom), 0),
        max(right - max(columns, left), 0),
        max(bottom - max(rows, top), 0),
    ]
    return pad(inner, padding, 0, "constant")


def resize(img: Any, size: Sequence[int], mode: InterpolationMode, antialias: bool | None) -> Any:
    smooth = mode in (InterpolationMode.BILINEAR, InterpolationMode.BICUBIC)
    if not smooth and mode not in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    batch = _Batch(img)
    result = F.interpolate(
        batch.floats,
        size=list(size),
        mode=mode.value,
        align_corners=False if smooth else None,
        antialias=bool(antialias) and smooth,
    )
    if mode is InterpolationMode.BICUBIC and img.dtype == flambeau.uint8:
        result = result.clamp(0, 255)
    return batch.restore(result)


class _Batch:
    """A picture as a batch of floats, and the way back."""

    def __init__(self, img: Any) -> None:
        self._dtype = img.dtype
        self._lead = img.shape[:-3] if img.ndim > 2 else None
        self.floats = img.reshape(-1, *get_dimensions(img))
        if not img.is_floating_point():
            self.floats = self.floats.to(flambeau.float32)

    def restore(self, result: Any) -> Any:
        """The same leading dimensions and dtype as before; integers are rounded."""
        result = result[0, 0] if self._lead is None else result.reshape(*self._lead, *result.shape[-3:])
        if result.dtype != self._dtype:
            result = result.round().to(self._dtype)
        return result


def pad(img: Any, padding: Sequence[int], fill: Fill, padding_mode: str) -> Any:
    left, top, right, bottom = padding
    if padding_mode == "symmetric":
        return _pad_symmetric(img, left, top, right, bottom)
    if padding_mode == "constant":
        value = fill[0] if isinstance(fill, Sequence) else fill
        return F.pad(img, [left, right, top, bottom], mode="constant", value=float(value or 0))
    batch = _Batch(img)
    mode = "replicate" if padding_mode == "edge" else padding_mode
    return batch.restore(F.pad(batch.floats, [left, right, top, bottom], mode=mode))


def _pad_symmetric(img: Any, left: int, top: int, right: int, bottom: int) -> Any:
    """Reflection that repeats the pixels at the edge."""
    _, rows, columns = get_dimensions(img)
    x = _symmetric(columns, left, right)
    y = _symmetric(rows, top, bottom)
    return img.index_select(-2, flambeau.as_tensor(y)).index_select(-1, flambeau.as_tensor(x))


def _symmetric(size: int, before: int, after: int) -> list[int]:
    inner = list(range(max(-before, 0), size - max(-after, 0)))
    first = inner[: max(before, 0)][::-1]
    last = inner[::-1][: max(after, 0)]
    return first + inner + last


def rotate(
    img: Any, angle: float, mode: InterpolationMode, expand: bool, center: Sequence[float] | None, fill: Fill
) -> Any:
    _, height, width = get_dimensions(img)
    middle = [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]
    # Rotation and affine maps turn in opposite directions.
    matrix = inverse_affine_matrix(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    size = _expanded_size(matrix, width, height) if expand else (width, height)
    return _sample(img, matrix, size, mode, fill)


def affine(img: Any, matrix: Sequence[float], mode: InterpolationMode, fill: Fill) -> Any:
    _, height, width = get_dimensions(img)
    return _sample(img, matrix, (width, height), mode, fill)


def _expanded_size(matrix: Sequence[float], width: int, height: int) -> tuple[int, int]:
    """Width and height that hold the whole turned picture."""
    corners = [(x * 0.5 * width, y * 0.5 * height) for x in (-1, 1) for y in (-1, 1)]
    xs = [matrix[0] * x + matrix[1] * y + matrix[2] + 0.5 * width for x, y in corners]
    ys = [matrix[3] * x + matrix[4] * y + matrix[5] + 0.5 * height for x, y in corners]

    def extent(values: list[float]) -> int:
        # Cut to four digits, so that 2 + 1e-15 does not count as 3.
        low, high = (math.trunc(value / 1e-4) * 1e-4 for value in (min(values), max(values)))
        return math.ceil(round(high, 6)) - math.floor(round(low, 6))

    return extent(xs), extent(ys)


def _sample(img: Any, matrix: Sequence[float], size: tuple[int, int], mode: InterpolationMode, fill: Fill) -> Any:
    """Interpolate at the places where the matrix sends the pixels of the result; ``fill`` where there is nothing."""
    _, height, width = get_dimensions(img)
    dtype = img.dtype if img.is_floating_point() else flambeau.float32
    x = flambeau.arange(size[0], dtype=dtype) - (size[0] - 1) * 0.5
    y = (flambeau.arange(size[1], dtype=dtype) - (size[1] - 1) * 0.5).unsqueeze(1)
    # Pixels that fall right between two others go where torchvision's order of rounding sends them.
    rows = flambeau.as_tensor(matrix, dtype=dtype).view(2, 3)
    a, b, c = rows[0] / (0.5 * width)
    d, e, f = rows[1] / (0.5 * height)
    return sample(img, flambeau.stack([x * a + y * b + c, x * d + y * e + f], dim=-1), mode, fill)


def sample(img: Any, grid: Any, mode: InterpolationMode, fill: Fill) -> Any:
    """The picture at places ``grid`` (height, width, 2), from -1 to 1 as for ``grid_sample``; ``fill`` outside."""
    if mode not in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
        raise ValueError(f"Interpolation mode '{mode.value}' is unsupported with Tensor input")
    channels = get_dimensions(img)[0]
    batch = _Batch(img)
    values = batch.floats
    grid = grid.unsqueeze(0).expand(values.shape[0], *grid.shape)
    if fill is not None:
        # One more channel of ones tells how much of each result comes from inside.
        values = flambeau.cat([values, flambeau.ones_like(values[:, :1])], dim=1)
    result = F.grid_sample(values, grid, mode=mode.value, padding_mode="zeros", align_corners=False)
    if fill is not None:
        result, inside = result[:, :-1], result[:, -1:]
        colours = list(fill) if isinstance(fill, Sequence) else [fill]
        if len(colours) not in (1, channels):
            raise ValueError(
                "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
                f"({len(colours)} != {channels})"
            )
        colour = flambeau.as_tensor([float(value) for value in colours], dtype=result.dtype).view(1, -1, 1, 1)
        if mode is InterpolationMode.NEAREST:
            result = flambeau.where(inside < 0.5, colour, result)
        else:
            result = result * inside + (1.0 - inside) * colour
    return batch.restore(result)


def perspective(img: Any, coefficients: Sequence[float], mode: InterpolationMode, fill: Fill) -> Any:
    _, height, width = get_dimensions(img)
    dtype = img.dtype if img.is_floating_point() else flambeau.float32
    x = flambeau.arange(width, dtype=dtype) + 0.5
    y = (flambeau.arange(height, dtype=dtype) + 0.5).unsqueeze(1)
    a, b, c, d, e, f, g, h = flambeau.as_tensor(coefficients, dtype=dtype)
    depth = x * g + y * h + 1.0
    places = []
    for row, extent in (((a, b, c), width), ((d, e, f), height)):
        p, q, r = (value / (0.5 * extent) for value in row)
        places.append((x * p + y * q + r) / depth - 1.0)
    return sample(img, flambeau.stack(places, dim=-1), mode, fill)


def identity_grid(height: int, width: int, dtype: Any) -> Any:
    """The places (height, width, 2) of the pixels themselves."""
    x, y = (flambeau.linspace((1 - size) / size, (size - 1) / size, size, dtype=dtype) for size in (width, height))
    return flambeau.stack([x.expand(height, width), y.unsqueeze(1).expand(height, width)], dim=-1)


def elastic_transform(img: Any, displacement: Any, mode: InterpolationMode, fill: Fill) -> Any:
    _, height, width = get_dimensions(img)
    dtype = img.dtype if img.is_floating_point() else flambeau.float32
    return sample(img, identity_grid(height, width, dtype) + displacement[0].to(dtype), mode, fill)


def _blend(first: Any, second: Any, ratio: float) -> Any:
    return (ratio * first + (1.0 - ratio) * second).clamp(0, bound(first.dtype)).to(first.dtype)


def adjust_brightness(img: Any, factor: float) -> Any:
    _check_channels(img)
    return _blend(img, flambeau.zeros_like(img), factor)


def adjust_contrast(img: Any, factor: float) -> Any:
    grey = rgb_to_grayscale(img, 1) if _check_channels(img) == 3 else img
    dtype = img.dtype if img.is_floating_point() else flambeau.float32
    return _blend(img, grey.to(dtype).mean(dim=(-3, -2, -1), keepdim=True), factor)


def adjust_saturation(img: Any, factor: float) -> Any:
    return img if _check_channels(img) == 1 else _blend(img, rgb_to_grayscale(img, 1), factor)


def adjust_hue(img: Any, factor: float) -> Any:
    if _check_channels(img) == 1:
        return img
    hue, saturation, value = _rgb_to_hsv(convert_image_dtype(img, flambeau.float32))
    return convert_image_dtype(_hsv_to_rgb((hue + factor) % 1.0, saturation, value), img.dtype)


# Hue, saturation and value: A. R. Smith, "Color Gamut Transform Pairs", 1978.


def _rgb_to_hsv(img: Any) -> tuple[Any, Any, Any]:
    """Three tensors in [0, 1] from a picture (..., 3, height, width) of floats. Greys have hue and saturation 0."""
    red, green, blue = img.unbind(-3)
    value = img.amax(dim=-3)
    least = img.amin(dim=-3)
    grey = value == least
    one = flambeau.ones_like(value)
    spread = value - least
    saturation = spread / flambeau.where(grey, one, value)
    divisor = flambeau.where(grey, one, spread)
    from_red, from_green, from_blue = ((value - channel) / divisor for channel in (red, green, blue))
    sector = flambeau.where(
        value == red,
        from_blue - from_green,
        flambeau.where(value == green, 2.0 + from_red - from_blue, 4.0 + from_green - from_red),
    )
    return flambeau.where(grey, 0.0, flambeau.fmod(sector / 6.0 + 1.0, 1.0)), saturation, value


def _hsv_to_rgb(hue: Any, saturation: Any, value: Any) -> Any:
    """The picture (..., 3, height, width) of these three."""
    sector = (hue * 6.0).floor()
    fraction = hue * 6.0 - sector
    number = sector.to(flambeau.int64) % 6
    p = (value * (1.0 - saturation)).clamp(0.0, 1.0)
    q = (value * (1.0 - saturation * fraction)).clamp(0.0, 1.0)
    t = (value * (1.0 - saturation * (1.0 - fraction))).clamp(0.0, 1.0)

    def choose(*by_sector: Any) -> Any:
        result = by_sector[5]
        for position in range(4, -1, -1):
            result = flambeau.where(number == position, by_sector[position], result)
        return result

    red = choose(value, q, p, p, t, value)
    green = choose(t, value, value, q, p, p)
    blue = choose(p, p, t, value, value, q)
    return flambeau.stack([red, green, blue], dim=-3)


def adjust_gamma(img: Any, gamma: float, gain: float) -> Any:
    _check_channels(img)
    floats = img if img.is_floating_point() else convert_image_dtype(img, flambeau.float32)
    return convert_image_dtype((gain * floats.pow(gamma)).clamp(0, 1), img.dtype)


def adjust_sharpness(img: Any, factor: float) -> Any:
    _check_channels(img)
    return img if min(img.shape[-2:]) <= 2 else _blend(img, smoothed(img), factor)


def smoothed(img: Any) -> Any:
    """Pixels mixed with the eight around them; those at the edge as they are."""
    batch = _Batch(img)
    kernel = flambeau.ones(3, 3, dtype=batch.floats.dtype)
    kernel[1, 1] = 5.0
    channels = img.shape[-3]
    smooth = F.conv2d(batch.floats, (kernel / 13.0).expand(channels, 1, 3, 3), groups=channels)
    blurred = batch.floats.clone()
    blurred[..., 1:-1, 1:-1] = smooth
    return batch.restore(blurred)


def rgb_to_grayscale(img: Any, num_output_channels: int) -> Any:
    if img.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    if _check_channels(img) == 3:
        red, green, blue = img.unbind(-3)
        grey = (0.2989 * red + 0.587 * green + 0.114 * blue).to(img.dtype).unsqueeze(-3)
    else:
        grey = img.clone()
    return grey.expand(img.shape[:-3] + (3,) + img.shape[-2:]) if num_output_channels == 3 else grey


def invert(img: Any) -> Any:
    _check_channels(img)
    return bound(img.dtype) - img


def _check_bytes(img: Any) -> None:
    _check_three(img)
    if img.dtype != flambeau.uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")


def _check_three(img: Any) -> None:
    if img.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
    _check_channels(img)


def posterize(img: Any, bits: int) -> Any:
    _check_bytes(img)
    return img & (256 - (1 << (8 - bits)))


def solarize(img: Any, threshold: float) -> Any:
    _check_three(img)
    if threshold > bound(img.dtype):
        raise TypeError("Threshold should be less than bound of img.")
    return flambeau.where(img >= threshold, invert(img), img)


def autocontrast(img: Any) -> Any:
    _check_three(img)
    most = bound(img.dtype)
    floats = img if img.is_floating_point() else img.to(flambeau.float32)
    least, greatest = (extreme(dim=(-2, -1), keepdim=True) for extreme in (floats.amin, floats.amax))
    scale = (greatest - least).reciprocal() * most
    flat = ~flambeau.isfinite(scale)
    least, scale = flambeau.where(flat, 0.0, least), flambeau.where(flat, 1.0, scale)
    return ((img - least) * scale).clamp(0, most).to(img.dtype)


def equalize(img: Any) -> Any:
    if not 3 <= img.ndim <= 4:
        raise TypeError(f"Input image tensor should have 3 or 4 dimensions, but found {img.ndim}")
    _check_bytes(img)
    return equalized(img)


def equalized(img: Any) -> Any:
    """Bytes (..., height, width), so mapped that those of each picture and channel are about equally frequent.

    As in Pillow, the greatest byte does not count, and nothing is done where the others are fewer than 255.
    """
    if img.numel() == 0:
        return img
    bytes_ = img.flatten(-2).long()
    counts = flambeau.zeros((*bytes_.shape[:-1], 256), dtype=flambeau.int64)
    counts = counts.scatter_add(-1, bytes_, flambeau.ones_like(bytes_))
    up_to = counts.cumsum(-1)
    others = bytes_.shape[-1] - counts.gather(-1, bytes_.amax(-1, keepdim=True))
    step = others // 255
    table = (up_to - counts + step // 2) // step.clamp(min=1)
    mapped = table.clamp(0, 255).to(flambeau.uint8).gather(-1, bytes_).reshape(img.shape)
    return flambeau.where((step > 0).unsqueeze(-1), mapped, img)


def convert_image_dtype(image: Any, dtype: Any) -> Any:
    if image.dtype == dtype:
        return image
    if image.is_floating_point():
        if dtype.is_floating_point:
            return image.to(dtype)
        if image.dtype.itemsize <= dtype.itemsize and dtype.itemsize >= 4:
            raise RuntimeError(f"The cast from {image.dtype} to {dtype} cannot be performed safely.")
        # Just less than bound + 1, so that each integer gets an equal share of the floats.
        return image.mul(bound(dtype) + 1.0 - 1e-3).to(dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / bound(image.dtype)
    low, high = bound(image.dtype) + 1, bound(dtype) + 1
    if low > high:
        return flambeau.div(image, low // high, rounding_mode="floor").to(dtype)
    return image.to(dtype) * (high // low)


def gaussian_blur(img: Any, kernel_size: Sequence[int], sigma: Sequence[float]) -> Any:
    channels = get_dimensions(img)[0]
    batch = _Batch(img)
    kernel_x, kernel_y = (_gaussian(size, deviation, batch.floats.dtype) for size, deviation in zip(kernel_size, sigma))
    kernel = (kernel_y.unsqueeze(1) * kernel_x).expand(channels, 1, kernel_size[1], kernel_size[0])
    x, y = kernel_size[0] // 2, kernel_size[1] // 2
    padded = F.pad(batch.floats, [x, x, y, y], mode="reflect")
    return batch.restore(F.conv2d(padded, kernel, groups=channels))


def _gaussian(size: int, deviation: float, dtype: Any) -> Any:
    places = flambeau.arange(size, dtype=dtype) - (size - 1) * 0.5
    weights = (-0.5 * (places / deviation) ** 2).exp()
    return weights / weights.sum()
