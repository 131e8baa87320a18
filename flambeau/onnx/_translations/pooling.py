"""Pooling: maxima and means of windows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import flambeau

from .._builder import Builder, Value
from .layers import listed, with_batch
from .shapes import reshape, swapped, transpose

Row = Callable[..., Any]


def _beyond(x: Value, kernel: list[int], stride: list[int], padding: list[int], dilation: list[int]) -> list[int] | None:
    """How far the last windows reach beyond the padding if sizes are rounded up; None if they are not known.

    A window that would begin in the padding behind is left out, which the operators of ONNX know in some versions only.
    """
    found = []
    for size, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation):  # type: ignore[index]
        if size is None:
            return None
        reach = d * (k - 1) + 1
        count = -(-(size + 2 * p - reach) // s) + 1
        if (count - 1) * s >= size + p:
            count -= 1
        found.append(max(0, (count - 1) * s + reach - size - 2 * p))
    return found


def _settings(
    x: Value, count: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[dict[str, Any], list[int] | None]:
    """Attributes of a pooling, and how far its windows reach beyond the padding."""
    kernel = listed(kernel_size, count)
    step = listed(stride, count) if stride not in (None, [], ()) else kernel
    pads, steps = listed(padding, count), listed(dilation, count)
    beyond = _beyond(x, kernel, step, pads, steps) if ceil_mode else [0] * count
    settings: dict[str, Any] = {"kernel_shape": kernel, "strides": step}
    if beyond is None:
        settings |= {"pads": pads * 2, "ceil_mode": 1}
    else:
        settings |= {"pads": pads + [pad + more for pad, more in zip(pads, beyond)]}
    if any(one != 1 for one in steps):
        settings["dilations"] = steps
    return settings, beyond


def _max_pool(count: int, with_places: bool) -> Row:
    def row(
        g: Builder, x: Any, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Any:
        x, batched = with_batch(g, x, count)
        settings, _ = _settings(x, count, kernel_size, stride, padding, dilation, ceil_mode)
        if not with_places:
            made = g.MaxPool(x, **settings)
            return made if batched else g.Squeeze(made, [0])
        made, places = g.MaxPool(x, outputs=2, **settings)
        places.dtype = flambeau.int64
        # They are counted through all pictures; PyTorch counts within each.
        extents = [g.size_of(x, axis) for axis in range(2, x.rank)]
        known = all(isinstance(size, int) for size in extents)
        area = np.array(math.prod(extents), np.int64) if known else g.ReduceProd(g.sizes(extents), keepdims=0)
        places = g.Mod(places, area)
        return (made, places) if batched else (g.Squeeze(made, [0]), g.Squeeze(places, [0]))

    return row


def _avg_pool(count: int) -> Row:
    def row(
        g: Builder, x: Any, kernel_size: Any, stride: Any = (), padding: Any = 0, ceil_mode: bool = False,
        count_include_pad: bool = True, divisor_override: Any = None,
    ) -> Any:  # fmt: skip
        x, batched = with_batch(g, x, count)
        settings, beyond = _settings(x, count, kernel_size, stride, padding, 1, ceil_mode)
        area = math.prod(settings["kernel_shape"])
        made = g.AveragePool(x, count_include_pad=int(count_include_pad or divisor_override is not None), **settings)
        if divisor_override is not None:
            made = g.Mul(made, area / divisor_override)
        elif count_include_pad and beyond is not None and any(beyond):
            # What lies beyond the padding counts for nothing.
            made = g.Mul(made, _shares(x, settings, listed(padding, count)).astype(x.dtype.numpy))
        return made if batched else g.Squeeze(made, [0])

    return row


def _shares(x: Value, settings: dict[str, Any], padding: list[int]) -> np.ndarray:
    """The windows' sizes divided by what of them lies in the picture or its padding."""
    shares = np.ones((1, 1))
    axes = zip(x.shape[2:], settings["kernel_shape"], settings["strides"], padding, settings["pads"][len(padding) :])  # type: ignore[index]
    for place, (size, kernel, stride, before, behind) in enumerate(axes):
        assert size is not None
        starts = np.arange((size + before + behind - kernel) // stride + 1) * stride
        share = kernel / (np.minimum(starts + kernel, size + 2 * before) - starts)
        shares = shares[..., None] * share.reshape([-1] + [1] * 0) if place else share
    return np.asarray(shares)[None, None]


# --- adaptive --------------------------------------------------------------------------------------------------------


def _bounds(size: int, count: int) -> list[tuple[int, int]]:
    """The windows that cut an axis into so many."""
    return [(place * size // count, -(-(place + 1) * size // count)) for place in range(count)]


def _adaptive_avg_pool(count: int) -> Row:
    def row(g: Builder, x: Any, output_size: Any) -> Any:
        wanted = listed(output_size, count)
        axes = [*range(x.rank - count, x.rank)]
        if all(size == 1 for size in wanted):
            return g.reduce("ReduceMean", x, axes, True)
        for axis, size in zip(axes, wanted):
            extent = x.shape[axis]
            if isinstance(size, Value) or extent is None:
                if size == 1:
                    shape = x.shape
                    x = g.reduce("ReduceMean", x, [axis], True)
                    x.shape = (*shape[:axis], 1, *shape[axis + 1 :])
                    continue
                raise g.unsupported("the sizes of its windows depend on sizes that may differ")
            if size == extent:
                continue
            # A mean of windows is a product with a matrix, for each axis.
            weights = np.zeros((extent, size), x.dtype.numpy)
            for place, (start, end) in enumerate(_bounds(extent, size)):
                weights[start:end, place] = 1 / (end - start)
            shape = x.shape
            order = swapped(x.rank, axis, -1)
            x = g.MatMul(transpose(g, x, order) if axis != x.rank - 1 else x, weights)
            x = transpose(g, x, order) if axis != len(shape) - 1 else x
            x.shape = (*shape[:axis], size, *shape[axis + 1 :])
        return g.Identity(x)

    return row


def _adaptive_max_pool(count: int) -> Row:
    def row(g: Builder, x: Any, output_size: Any) -> Any:
        x, batched = with_batch(g, x, count)
        wanted = listed(output_size, count)
        extents = x.shape[2:]
        if any(isinstance(size, Value) for size in wanted) or None in extents:
            if not all(size == 1 for size in wanted):
                raise g.unsupported("the sizes of its windows depend on sizes that may differ")
            values, places = _largest(g, x)
        elif all(extent % size == 0 for extent, size in zip(extents, wanted)):
            kernel = [extent // size for extent, size in zip(extents, wanted)]
            values, places = _max_pool(count, True)(g, x, kernel, kernel)
        else:
            if len(g.result_used) > 1 and g.result_used[1]:
                raise g.unsupported("the places of maxima in windows of different sizes are not known")
            values = _maxima(g, x, wanted)
            return (values if batched else g.Squeeze(values, [0])), None
        if batched:
            return values, places
        return g.Squeeze(values, [0]), g.Squeeze(places, [0])

    return row


def _largest(g: Builder, x: Value) -> tuple[Any, Any]:
    ones = [1] * (x.rank - 2)
    lines = reshape(g, x, [g.size_of(x, 0), g.size_of(x, 1), -1])
    lines.shape = (*x.shape[:2], None)  # type: ignore[index]
    values, places = g.reduce("ReduceMax", lines, [2], False), g.ArgMax(lines, axis=2, keepdims=0)
    axes = [*range(2, 2 + len(ones))]
    return g.Unsqueeze(values, axes), g.Unsqueeze(places, axes)


def _maxima(g: Builder, x: Value, wanted: list[int]) -> Any:
    """Maxima of windows along one axis after another."""
    for axis, size in enumerate(wanted, 2):
        shape = x.shape
        assert shape is not None
        bounds = _bounds(shape[axis], size)  # type: ignore[arg-type]
        x = g.joined([g.reduce("ReduceMax", g.slice(x, start, end, axis), [axis], True) for start, end in bounds], axis)
        x.shape = (*shape[:axis], size, *shape[axis + 1 :])
    return x


def _max_unpool(count: int) -> Row:
    def row(g: Builder, x: Any, indices: Any, output_size: Any, *further: Any) -> Any:
        x, batched = with_batch(g, x, count)
        indices, _ = with_batch(g, indices, count)
        front = [g.size_of(x, 0), g.size_of(x, 1)]
        sizes = [*output_size][-count:]
        nothing = g.Expand(g.number(0, x.dtype), g.sizes([*front, math.prod(sizes)]))
        flat = [reshape(g, value, [*front, -1]) for value in (indices, x)]
        made = reshape(g, g.ScatterElements(nothing, *flat, axis=2), [*front, *sizes])
        return made if batched else g.Squeeze(made, [0])

    return row


ROWS: dict[str, Row] = {
    **{f"max_pool{count}d": _max_pool(count, False) for count in (1, 2, 3)},
    **{f"max_pool{count}d_with_indices": _max_pool(count, True) for count in (1, 2, 3)},
    **{f"avg_pool{count}d": _avg_pool(count) for count in (1, 2, 3)},
    **{f"adaptive_avg_pool{count}d": _adaptive_avg_pool(count) for count in (1, 2, 3)},
    **{f"adaptive_max_pool{count}d": _adaptive_max_pool(count) for count in (1, 2, 3)},
    **{f"max_unpool{count}d": _max_unpool(count) for count in (2, 3)},
}  # fmt: skip
