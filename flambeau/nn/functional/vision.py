"""Resizing pictures (``interpolate``)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from operator import add
from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.bounds import LARGEST
from ...graph.dtypes import TYPE_NAMES, int32, uint8
from ...graph.notices import warn
from ...ops.conversion import in_new_memory, rounded_once
from ...ops.creation import check_room
from ...ops.from_data import tensor
from ...ops.memory_order import format_order, lay
from ...ops.one_node import one_node
from ...ops.pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

_MODES = {
    "nearest": (3, 4, 5), "nearest-exact": (3, 4, 5), "area": (3, 4, 5), "linear": (3,), "bilinear": (4,),
    "bicubic": (4,), "trilinear": (5,),
}  # fmt: skip

Taps = tuple[tuple[tuple[int, ...], tuple[float, ...]], ...]
"""For each tap of a filter the places that it reads and its weights, one for each element of the result."""


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize the spatial dimensions of (N, C, L), (N, C, H, W) or (N, C, D, H, W)
    to ``size`` or by ``scale_factor``."""
    if isinstance(mode, str) and mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | "
                "trilinear"
            )
    elif align_corners is None:
        align_corners = False
    dimensions = input.dim() - 2
    sizes, factors = _wanted(input, dimensions, size, scale_factor, recompute_scale_factor)
    if antialias and not (mode in ("bilinear", "bicubic") and input.dim() == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input"
        )
    known = isinstance(mode, str) and mode in _MODES
    if not known or input.dim() not in _MODES[mode]:
        if known and 3 <= input.dim() <= 5:
            raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {_MODES[mode][0]}D input")
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported "
            f"(got {input.dim()}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | area | "
            f"nearest-exact (got {mode})"
        )
    if align_corners is not None and not isinstance(align_corners, bool):
        raise TypeError(f"interpolate(): align_corners must be a bool, not {type(align_corners).__name__}")
    extents, scales = _output_size(input, sizes, factors, bool(recompute_scale_factor))
    if mode == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[dimensions - 1]
        return pool(input, extents)
    if min(extents) <= 0 or 0 in input.shape[1:]:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input {list(input.shape)} and output size {extents}"
        )
    check_room((*input.shape[:2], *extents), input.dtype)
    return _resized(input, extents, scales, mode, bool(align_corners), antialias)


def _name_of_resizing(input: Tensor, extents: Any, scales: Any, mode: str, align_corners: bool, antialias: bool) -> str:
    words = "".join(word.capitalize() for word in mode.split("-"))
    return f"Upsample{words}{len(extents)}D{'Aa' if antialias else ''}Backward0"


@one_node(_name_of_resizing)
def _resized(
    input: Tensor, extents: Sequence[int], scales: Sequence[float | None], mode: str, align_corners: bool, antialias: bool
) -> Tensor:
    """All spatial dimensions resized, one after the other."""
    if mode.startswith("nearest"):
        if input.dtype.category < 2 and input.dtype is not uint8:
            raise NotImplementedError(f"\"upsample_nearest{len(extents)}d\" not implemented for '{TYPE_NAMES[input.dtype]}'")
        result = input
        for axis, (extent, scale) in enumerate(zip(extents, scales, strict=True), 2):
            exact = mode == "nearest-exact"
            if len(extents) == 2 and not exact and extent in (input.size(axis), 2 * input.size(axis)):
                scale = None  # then PyTorch does not ask for it
            result = _nearest(result, axis, extent, scale, exact)
        return in_new_memory(result, input, format_order(input))
    kind = "cubic" if mode == "bicubic" else "linear"
    filters = [
        _taps(kind, source, extent, scale, align_corners, antialias)
        for source, extent, scale in zip(input.shape[2:], extents, scales, strict=True)
    ]
    if input.dtype is uint8 and len(extents) == 2:
        return lay(_filtered_bytes(input, filters), format_order(input))
    if input.dtype.category < 2:
        raise NotImplementedError(f"\"compute_indices_weights_{kind}\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    return lay(_filtered(input, filters), format_order(input))


@rounded_once
def _filtered(input: Tensor, filters: Sequence[Taps]) -> Tensor:
    for dimension, taps in enumerate(filters, 2):
        input = _weighted(input, dimension, taps)
    return input


def _filtered_bytes(input: Tensor, filters: Sequence[Taps]) -> Tensor:
    """Rows, then columns, by weights in 16-bit fixed point and rounded to bytes in between, as Pillow and PyTorch do."""
    for dimension, taps in reversed(list(enumerate(filters, 2))):
        bits, whole = _fixed_point(taps)
        total = _weighted(input.to(int32), dimension, whole) + (1 << (bits - 1))
        input = (total >> bits).clamp(0, 255).to(uint8)
    return input


@lru_cache(maxsize=256)
def _fixed_point(taps: Taps) -> tuple[int, tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]]:
    """The binary places that weights below 2¹⁵ leave, and the taps with weights as integers of so many places.

    Weights of one place (where the filter reaches beyond the edge) are added up before they are rounded.
    """
    merged = [list(weights) for _, weights in taps]
    for position in range(len(merged[0])):
        first: dict[int, int] = {}
        for tap, (places, weights) in enumerate(taps):
            owner = first.setdefault(places[position], tap)
            if owner != tap:
                merged[owner][position] += weights[position]
                merged[tap][position] = 0.0
    largest = max(map(max, merged))
    bits = next((bits for bits in range(22) if int(0.5 + largest * 2 ** (bits + 1)) >= 1 << 15), 22)
    return bits, tuple(
        (places, tuple(int(weight * 2**bits + math.copysign(0.5, weight)) for weight in weights))
        for (places, _), weights in zip(taps, merged, strict=True)
    )


def _wanted(
    input: Tensor, dimensions: int, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[Sequence[Any] | None, Sequence[Any]]:
    """(extents of the result as given, or None; the factors as given), one for each dimension."""
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if isinstance(size, (list, tuple)):
            if len(size) != dimensions:
                raise ValueError(
                    "Input and output must have the same number of spatial dimensions, but got input with spatial "
                    f"dimensions of {list(input.shape[2:])} and output size of {size}. Please provide input tensor in "
                    "(N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format."
                )
            if any(isinstance(extent, (bool, float, str)) or not hasattr(extent, "__index__") for extent in size):
                raise TypeError(
                    "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], but got "
                    f"size with types {[type(extent) for extent in size]}"
                )
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return size if isinstance(size, (list, tuple)) else [size] * dimensions, [None] * dimensions
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if isinstance(scale_factor, (list, tuple)):
        if len(scale_factor) != dimensions:
            raise ValueError(
                "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial "
                f"dimensions of {list(input.shape[2:])} and scale_factor of shape {scale_factor}. Please provide input "
                "tensor in (N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, ...,sK) format."
            )
        return None, scale_factor
    return None, [scale_factor] * dimensions


def _output_size(
    input: Tensor, sizes: Sequence[Any] | None, factors: Sequence[Any], recompute: bool
) -> tuple[list[int], list[float | None]]:
    """Extents of the result, and the scale to compute places with (None: the ratio of the extents)."""
    if sizes is not None:
        for extent in sizes:
            if isinstance(extent, (bool, float, str)) or not hasattr(extent, "__index__"):
                raise TypeError(f"interpolate(): argument 'size' must be tuple of ints, not {type(extent).__name__}")
        return [int(extent) for extent in sizes], list(factors)
    scales = [float(scale) for scale in factors]
    wide = [extent * scale for extent, scale in zip(input.shape[2:], scales, strict=True)]
    if not all(abs(extent) <= LARGEST for extent in wide):
        raise RuntimeError(f"Input and output sizes should be greater than 0, but got output size {wide}")
    return list(map(math.floor, wide)), [None] * len(scales) if recompute else list(scales)


def _nearest(input: Tensor, dimension: int, extent: int, scale: float | None, exact: bool) -> Tensor:
    source = input.size(dimension)
    if extent == source and (scale is None or scale == 1):
        return input
    if extent % source == 0 and (scale is None or scale == extent // source):
        # Whole repetitions need no index: a new axis is broadcast and merged.
        factor = extent // source
        shape = list(input.shape)
        repeated = input.unsqueeze(dimension + 1).expand(*shape[: dimension + 1], factor, *shape[dimension + 1 :])
        shape[dimension] = extent
        return repeated.reshape(shape)
    # In single precision, whatever the input's: that decides where places fall that lie between two others.
    step = np.float32(source) / np.float32(extent) if scale is None else np.float32(1.0 / scale)
    places = (np.arange(extent, dtype=np.float32) + np.float32(0.5 if exact else 0.0)) * step
    return input.index_select(dimension, tensor(np.minimum(places.astype(np.int64), source - 1).tolist()))


@lru_cache(maxsize=256)
def _taps(kind: str, source: int, extent: int, scale: float | None, align_corners: bool, antialias: bool) -> Taps:
    """For each tap of the filter: the places it reads and its weights, one for each element of the result."""
    if align_corners:
        step = (source - 1) / (extent - 1) if extent > 1 else 0.0
    else:
        step = source / extent if scale is None else 1.0 / scale
    if antialias:
        return _antialiased_taps(kind, source, extent, step, align_corners)
    taps = 4 if kind == "cubic" else 2
    places: list[list[int]] = [[] for _ in range(taps)]
    weights: list[list[float]] = [[] for _ in range(taps)]
    for position in range(extent):
        place = position * step if align_corners else (position + 0.5) * step - 0.5
        if kind == "linear":
            place = max(place, 0.0)
            first = min(int(place), source - 1)
            fraction = min(max(place - first, 0.0), 1.0)
            found, factors = (first, min(first + 1, source - 1)), (1.0 - fraction, fraction)
        else:
            first = math.floor(place)
            fraction = place - first
            found = tuple(min(max(first + tap, 0), source - 1) for tap in (-1, 0, 1, 2))  # type: ignore[assignment]
            factors = tuple(_cubic(tap - fraction, -0.75) for tap in (-1, 0, 1, 2))  # type: ignore[assignment]
        for tap in range(taps):
            places[tap].append(found[tap])
            weights[tap].append(factors[tap])
    return tuple((tuple(p), tuple(w)) for p, w in zip(places, weights, strict=True))


def _cubic(distance: float, a: float) -> float:
    """Keys' cubic convolution kernel with parameter ``a``."""
    x = abs(distance)
    if x <= 1.0:
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    if x < 2.0:
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a
    return 0.0


def _antialiased_taps(kind: str, source: int, extent: int, step: float, align_corners: bool) -> Taps:
    """Taps of a filter that is widened when the picture shrinks, as Pillow does it."""
    width = max(step, 1.0)
    support = (2.0 if kind == "cubic" else 1.0) * width
    rows = []
    for position in range(extent):
        centre = step * (position + 0.5)
        first = max(int(centre - support + 0.5), 0)
        last = min(int(centre + support + 0.5), source)
        factors = []
        for place in range(first, last):
            distance = (place - centre + 0.5) / width
            factors.append(_cubic(distance, -0.5) if kind == "cubic" else max(0.0, 1.0 - abs(distance)))
        total = sum(factors)
        rows.append((first, [factor / total for factor in factors]))
    count = max(len(factors) for _, factors in rows)
    return tuple(
        (
            tuple(min(first + tap, source - 1) for first, _ in rows),
            tuple(factors[tap] if tap < len(factors) else 0.0 for _, factors in rows),
        )
        for tap in range(count)
    )


def _weighted(input: Tensor, dimension: int, taps: Sequence[tuple[Sequence[int], Sequence[float]]]) -> Tensor:
    """The sum over taps of the input at the tap's places times its weights, along one dimension."""
    axes = [-1 if axis == dimension else 1 for axis in range(input.dim())]
    parts = []
    for places, weights in taps:
        factor = tensor(weights, dtype=input.dtype).reshape(axes)
        parts.append(input.index_select(dimension, tensor(places)) * factor)
    return reduce(add, parts)


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """The old name of :func:`interpolate`."""
    warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of :func:`interpolate` with ``mode="nearest"``."""
    warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """The old name of :func:`interpolate` with ``mode="bilinear"`` and aligned corners."""
    warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
