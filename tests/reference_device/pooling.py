"""Pooling and its gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from flambeau.graph.dtypes import DType, int64
from flambeau.graph.windows import EvenWindows, Pooling, SlidingMeans, SlidingWindows
from flambeau.kernels.kernel import Call, Operand

from .arguments import Arguments
from .runner import Kernel
from .templates import contiguous, store_contiguous

Places = tuple[np.ndarray, np.ndarray, np.ndarray]


def lower_pooling(
    name: str, d: DType, geometry: Pooling, inputs: Sequence[Operand], outputs: Sequence[Operand | None]
) -> Call:
    """The call of a pooling primitive."""
    function = _FUNCTIONS[name]
    wanted = [(number, operand) for number, operand in enumerate(outputs) if operand is not None]

    def run(arguments: Arguments) -> None:
        results = function(d, geometry, *[arguments.address(2 * k) for k in range(len(inputs))])
        for k, (number, _) in enumerate(wanted):
            store_contiguous(arguments.address(2 * (len(inputs) + k)), results[number])

    operands = [operand for _, operand in wanted]
    key = f"{name} {d.name} {geometry} {[number for number, _ in wanted]}"
    return Call(Kernel(key, run), [*inputs, *operands], 1, reads=tuple(inputs), writes=tuple(operands), label=name)


def _plane(d: DType, g: Pooling, address: int) -> np.ndarray:
    return contiguous(address, d.numpy, (g.planes, g.height, g.width))


def _results(d: DType, g: Pooling, address: int) -> np.ndarray:
    return contiguous(address, d.numpy, (g.planes, g.out_height, g.out_width))


def _elements(g: SlidingWindows | SlidingMeans) -> Iterator[Places]:
    """For each element of the windows in row-major order: its rows (out_height, 1) and columns (1, out_width), and which of
    the windows have it in the plane."""
    dilation = g.dilation if isinstance(g, SlidingWindows) else (1, 1)
    top = np.arange(g.out_height)[:, None] * g.stride[0] - g.padding[0]
    left = np.arange(g.out_width)[None, :] * g.stride[1] - g.padding[1]
    for r in range(g.kernel[0]):
        for s in range(g.kernel[1]):
            rows, columns = top + r * dilation[0], left + s * dilation[1]
            inside = (rows >= 0) & (rows < g.height) & (columns >= 0) & (columns < g.width)
            yield np.where(inside, rows, 0), np.where(inside, columns, 0), inside


def _max_pool(d: DType, g: SlidingWindows, address: int) -> list[np.ndarray]:
    x = _plane(d, g, address)
    lowest = -np.inf if d.kind == "float" else np.iinfo(d.numpy).min
    best = np.full((g.planes, g.out_height, g.out_width), lowest, d.numpy)
    place = np.full(best.shape, -1, np.int64)
    for rows, columns, inside in _elements(g):
        here = x[:, rows, columns]
        wins = inside & ((here > best) | (here != here) | (place < 0))
        best = np.where(wins, here, best)
        place = np.where(wins, rows * g.width + columns, place)
    return [best, place]


def _max_gradient(d: DType, g: EvenWindows, address: int, places_address: int) -> list[np.ndarray]:
    """Each gradient is added where its maximum was found, in row-major order."""
    gradient, places = _results(d, g, address), _results(int64, g, places_address)
    x = np.zeros((g.planes, g.height * g.width), d.numpy)
    np.add.at(x, (np.arange(g.planes)[:, None], places.reshape(g.planes, -1)), gradient.reshape(g.planes, -1))
    return [x]


def _divisors(g: SlidingMeans) -> np.ndarray:
    """What the sum of each window is divided by."""
    if g.divisor is not None:
        return np.full((g.out_height, g.out_width), g.divisor)
    counts = []
    for axis, (extent, out) in enumerate(((g.height, g.out_height), (g.width, g.out_width))):
        first = np.arange(out) * g.stride[axis] - g.padding[axis]
        last = np.minimum(first + g.kernel[axis], extent + g.padding[axis])
        if not g.count_padding:
            first, last = np.maximum(first, 0), np.minimum(last, extent)
        counts.append(last - first)
    return counts[0][:, None] * counts[1][None, :]


def _mean_pool(d: DType, g: SlidingMeans, address: int) -> list[np.ndarray]:
    x = _plane(d, g, address)
    total = np.zeros((g.planes, g.out_height, g.out_width), d.numpy)
    for rows, columns, inside in _elements(g):
        total = total + np.where(inside, x[:, rows, columns], np.zeros_like(total))
    return [total / _divisors(g).astype(d.numpy)]


def _mean_gradient(d: DType, g: SlidingMeans, address: int) -> list[np.ndarray]:
    share = _results(d, g, address) / _divisors(g).astype(d.numpy)
    x = np.zeros((g.planes, g.height, g.width), d.numpy)
    for rows, columns, inside in _elements(g):
        np.add.at(x, (slice(None), rows, columns), np.where(inside, share, np.zeros_like(share)))
    return [x]


def _even(g: EvenWindows) -> Iterator[tuple[int, int, slice, slice]]:
    """Each window's number down and across, and its rows and columns."""

    def span(i: int, extent: int, count: int) -> slice:
        return slice(i * extent // count, -(-(i + 1) * extent // count))

    for i in range(g.out_height):
        for j in range(g.out_width):
            yield i, j, span(i, g.height, g.out_height), span(j, g.width, g.out_width)


def _even_mean(d: DType, g: EvenWindows, address: int) -> list[np.ndarray]:
    x = _plane(d, g, address).astype(np.float64)
    y = np.empty((g.planes, g.out_height, g.out_width), d.numpy)
    for i, j, rows, columns in _even(g):
        y[:, i, j] = x[:, rows, columns].mean((1, 2))
    return [y]


def _even_mean_gradient(d: DType, g: EvenWindows, address: int) -> list[np.ndarray]:
    gradient, x = _results(d, g, address), np.zeros((g.planes, g.height, g.width), d.numpy)
    for i, j, rows, columns in _even(g):
        part = x[:, rows, columns]
        part += (gradient[:, i, j] / d.numpy.type(part[0].size))[:, None, None]
    return [x]


def _even_max(d: DType, g: EvenWindows, address: int) -> list[np.ndarray]:
    x = _plane(d, g, address)
    places = np.empty((g.planes, g.out_height, g.out_width), np.int64)
    y = np.empty(places.shape, d.numpy)
    for i, j, rows, columns in _even(g):
        window = x[:, rows, columns]
        found = window.reshape(g.planes, -1).argmax(1)  # the first NaN, or the first of the largest
        down, across = np.divmod(found, window.shape[2])
        places[:, i, j] = (rows.start + down) * g.width + columns.start + across
        y[:, i, j] = window[np.arange(g.planes), down, across]
    return [y, places]


_FUNCTIONS = {
    "max_pool": _max_pool, "max_pool_gradient": _max_gradient, "adaptive_max_pool": _even_max,
    "average_pool": _mean_pool, "average_pool_gradient": _mean_gradient,
    "adaptive_pool": _even_mean, "adaptive_pool_gradient": _even_mean_gradient,
}  # fmt: skip
