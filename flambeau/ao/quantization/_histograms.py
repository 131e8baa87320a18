"""Histograms of observed numbers: spread over a wider range, and searched for the range that is best quantized."""

from __future__ import annotations

import numpy as np

_STEP = 1e-5
"""The share of all numbers that may be left out at one end in one step of the search."""


def spread(counts: np.ndarray, parts: int, low: float, high: float, new_low: float, new_high: float) -> np.ndarray:
    """Counts of the bins from ``low`` to ``high`` as counts of as many bins from ``new_low`` to ``new_high``.

    Each bin is cut into ``parts``, and each part counts where its middle lies.
    """
    bins = len(counts)
    width = (high - low) / (bins * parts)
    middles = np.linspace(low, high, bins * parts + 1, dtype=np.float32)[:-1] + np.float32(0.5 * width)
    edges = np.linspace(new_low, new_high, bins + 1, dtype=np.float32)
    places = (np.searchsorted(edges, middles, side="right") - 1).clip(0, bins - 1)
    return np.bincount(places, weights=np.repeat(counts, parts) / parts, minlength=bins).astype(np.float32)


def search(counts: np.ndarray, low: float, high: float, steps: int) -> tuple[float, float]:
    """The range within ``low`` to ``high`` that has the least squared error when it is quantized in ``steps``.

    Ends are moved inwards, the one behind which fewer numbers lie, as long as the error becomes smaller.
    """
    bins = len(counts)
    width = (high - low) / bins
    sums = np.cumsum(counts, dtype=np.float64)
    total = float(sums[-1])
    begin, end = 0, bins - 1
    left, right = 0.0, 1.0
    least = np.inf
    while left < right:
        further_left, further_right = left + _STEP, right - _STEP
        first = max(begin, min(int(np.searchsorted(sums, further_left * total, side="left")), end))
        last = min(end, max(int(np.searchsorted(sums, further_right * total, side="right")) - 1, begin))
        new_begin, new_end = begin, end
        if first - begin > end - last:
            new_begin, left = first, further_left
        else:
            new_end, right = last, further_right
        if (new_begin, new_end) == (begin, end):
            continue
        error = squared_error(counts, width, new_begin, new_end, steps)
        if error > least:
            break
        least, begin, end = error, new_begin, new_end
    return low + width * begin, low + width * (end + 1)


def squared_error(counts: np.ndarray, width: float, begin: int, end: int, steps: int) -> float:
    """The squared error if the bins from ``begin`` to ``end`` are quantized in ``steps``, and what is beyond goes to the ends.

    Numbers are taken for even within each bin: the error of a piece from a to b about the middle of its step is (b³ - a³) / 3.
    """
    step = width * (end - begin + 1) / steps
    if step == 0:
        return 0.0
    starts = (np.arange(len(counts)) - begin) * width
    stops = starts + width
    first = np.clip(np.floor(starts / step), 0, steps - 1)
    last = np.clip(np.floor(stops / step), 0, steps - 1)
    density = counts / width

    def piece(a: np.ndarray | float, b: np.ndarray | float) -> np.ndarray:
        return density * (b * b * b - a * a * a) / 3

    error = piece(starts - (first + 0.5) * step, step / 2)
    error = error + (last - first - 1) * piece(-step / 2, step / 2)
    error = error + piece(-step / 2, stops - (last + 0.5) * step)
    return float(error.sum())
