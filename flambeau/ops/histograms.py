"""Histograms: how many elements, or points of a space, lie between edges."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from .. import return_types
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import C_NAMES, TYPE_NAMES
from .host import on_host
from .operation import Scalar, operation

Limits = tuple[float, float]


def _even_edges(low: float, high: float, bins: int, d: Any) -> np.ndarray:
    """``bins + 1`` numbers from ``low`` to ``high``, counted from the nearer end, as ``linspace`` does."""
    start, end = d.type(low), d.type(high)
    step = (end - start) / d.type(bins)
    places = np.arange(bins + 1)
    return np.where(places < (bins + 1) // 2, start + step * places.astype(d), end - step * (bins - places).astype(d))


def _limits(name: str, low: float, high: float, margin: float) -> Limits:
    """Where a histogram begins and ends: ``margin`` to each side of a single value."""
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name} range of [{low}, {high}] is not finite")
    return (low - margin, high + margin) if low == high else (low, high)


def _histc(array: np.ndarray, bins: int, low: float, high: float) -> np.ndarray:
    if low == high == 0 and array.size:
        low, high = float(array.min()), float(array.max())
    first, last = _limits("torch.histc:", low, high, 1.0)
    inside = array[(array >= first) & (array <= last)].astype(np.float64)
    places = np.minimum(((inside - first) * bins / (last - first)).astype(np.int64), bins - 1)
    return np.bincount(places, minlength=bins)


@operation(out="exact")
def histc(input: Tensor, bins: int = 100, min: Scalar = 0, max: Scalar = 0) -> Tensor:
    """How many elements lie in each of ``bins`` equal parts of [min, max] (the elements' range if both are 0)."""
    if input.dtype.kind != "float":
        raise RuntimeError(f"\"histogram_cpu\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    _check_count(bins, 0)
    if max < min:
        raise RuntimeError("torch.histc: max must be larger than min")
    parameters = {"bins": bins, "low": float(min), "high": float(max)}
    (result,) = on_host(_histc, parameters, [((bins,), input.dtype)], input.detach().reshape(-1))
    return result


# --- of one number or several -----------------------------------------------------------------------------------------


def _counted(
    points: np.ndarray, *others: np.ndarray, bins: tuple[int, ...], limits: tuple[Limits, ...], density: bool
) -> tuple[np.ndarray, ...]:
    """Counts and edges of points (rows). ``others``: edges of each axis for which ``bins`` is 0, then weights (if any)."""
    rest = list(others)
    edges = []
    for axis, count in enumerate(bins):
        if not count:
            edges.append(rest.pop(0))
            continue
        low, high = limits[axis] if limits else (0.0, 1.0)
        if not limits and len(points):
            low, high = float(points[:, axis].min()), float(points[:, axis].max())
        low, high = _limits(f"torch.histogramdd: dimension {axis}'s", low, high, 0.5)
        edges.append(_even_edges(low, high, count, points.dtype))
    shape = [len(each) - 1 for each in edges]
    inside = np.ones(len(points), np.bool_)
    flat = np.zeros(len(points), np.int64)
    for axis, marks in enumerate(edges):
        column = points[:, axis]
        inside &= (column >= marks[0]) & (column <= marks[-1])
        place = np.searchsorted(marks, column, side="right") - 1
        flat = flat * shape[axis] + np.clip(place, 0, shape[axis] - 1)
    weights = rest[0][inside] if rest else None
    counts = np.bincount(flat[inside], weights, minlength=prod(shape)).reshape(shape).astype(np.float64)
    if density:
        for axis, marks in enumerate(edges):
            widths = np.diff(marks).astype(np.float64)
            counts = counts / widths.reshape([-1 if k == axis else 1 for k in range(len(shape))])
        total = (weights.sum() if weights is not None else np.count_nonzero(inside)) or np.nan
        counts = counts / total
    return (counts, *edges)


def _check_count(bins: int, axis: int) -> None:
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension {axis}")


def _check_edges(input: Tensor, edges: Tensor, axis: int) -> None:
    if edges.dtype is not input.dtype:
        raise RuntimeError(
            "torch.histogramdd: input tensor and bins tensors should have the same dtype, but got input with dtype "
            f"{C_NAMES[input.dtype]} and bins for dimension {axis} with dtype {C_NAMES[edges.dtype]}"
        )
    if edges.ndim != 1:
        raise RuntimeError(
            f"torch.histogramdd: bins tensor should have one dimension, but got {edges.ndim} dimensions in the bins tensor "
            f"for dimension {axis}"
        )
    if edges.numel() == 0:
        raise RuntimeError(f"torch.histogramdd: bins tensor should have at least 1 element, but got none in dimension {axis}")
    _check_count(edges.numel() - 1, axis)


def _histogram(
    input: Tensor, points: Tensor, bins: Sequence[Any], range: Any, weight: Tensor | None, density: bool
) -> tuple[Tensor, ...]:
    """Counts and edges of ``points`` (rows), which are those of ``input``; checks what both functions share."""
    operands, counts, shapes = [points], [], []
    for axis, each in enumerate(bins):
        if isinstance(each, Tensor):
            _check_edges(input, each, axis)
            operands.append(each.detach())
            counts.append(0)
            shapes.append(each.numel())
        else:
            _check_count(int(each), axis)
            counts.append(int(each))
            shapes.append(int(each) + 1)
    limits: list[Limits] = []
    if range is not None:
        if len(range) != 2 * len(counts):
            raise RuntimeError(
                f"torch.histogramdd: for a {len(counts)}-dimensional histogram range should have {2 * len(counts)} elements, "
                f"but got {len(range)}"
            )
        limits = [(float(low), float(high)) for low, high in zip(range[::2], range[1::2])]
    for axis, (low, high) in enumerate(limits):
        if low > high:
            raise RuntimeError(
                f"torch.histogramdd: min should not exceed max, but got min {low:g} max {high:g} for dimension {axis}"
            )
    if weight is not None:
        if weight.dtype is not input.dtype:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same "
                f"dtype, but got input({C_NAMES[input.dtype]}), and weight({C_NAMES[weight.dtype]})"
            )
        operands.append(weight.detach().reshape(-1))
    if input.dtype not in (dtypes.float32, dtypes.float64):
        name = "histogram_cpu" if any(isinstance(each, Tensor) for each in bins) else "histogramdd"
        raise NotImplementedError(f"\"{name}\" not implemented for '{TYPE_NAMES[input.dtype]}'")
    parameters = {"bins": tuple(counts), "limits": tuple(limits), "density": bool(density)}
    outputs = [([n - 1 for n in shapes], input.dtype), *[((n,), input.dtype) for n in shapes]]
    return on_host(_counted, parameters, outputs, *operands)


@operation(out="exact")
def histogram(
    input: Tensor, bins: Any = 100, *, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> tuple[Tensor, Tensor]:
    """(hist, bin_edges): how many elements (or how much weight) lie between the edges, which are given or even."""
    if weight is not None and weight.numel() != input.numel():
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have as many elements as the input tensor, but "
            f"got {list(input.shape)} and weight with shape {list(weight.shape)}"
        )
    results = _histogram(input, input.detach().reshape(-1, 1), [bins], range, weight, density)
    return return_types.histogram(results)  # type: ignore[no-any-return]


@operation("histogramdd(self)", method=False)
def histogramdd(
    input: Tensor, bins: Any, range: Any = None, weight: Tensor | None = None, density: bool = False
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """(hist, bin_edges): how many points lie in each cell of a grid; the last axis of ``input`` holds their coordinates.

    ``bins`` is a number for all axes, one for each, or the edges of each; ``range`` has a minimum and a maximum of each.
    """
    if input.ndim < 2:
        if not input.ndim:
            raise IndexError("Dimension specified as -1 but tensor has no dimensions")
        raise RuntimeError("torch.histogramdd: input tensor should have at least 2 dimensions")
    axes = input.shape[-1]
    each = list(bins) if isinstance(bins, (tuple, list)) else [bins] * axes
    if len(each) != axes:
        raise RuntimeError("histogramdd: The size of bins must be equal to the innermost dimension of the input.")
    if weight is not None and weight.shape != input.shape[:-1]:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor excluding its "
            f"innermost dimension, but got input with shape {list(input.shape)} and weight with shape {list(weight.shape)}"
        )
    points = input.detach().reshape(input.shape[:-1].numel(), axes)
    counts, *edges = _histogram(input, points, each, range, weight, density)
    return return_types.histogramdd((counts, tuple(edges)))  # type: ignore[no-any-return]
