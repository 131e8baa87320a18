"""``x + y * z`` rounded once, which NumPy has not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def fma(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """For float32 or float64, all three of the same dtype."""
    if x.dtype == np.float64:
        return np.asarray(_exact(x, y, z), np.float64)
    product = y.astype(np.float64) * z.astype(np.float64)  # exact
    return _sum_rounded_to_odd(x.astype(np.float64), product).astype(np.float32)


def _sum_rounded_to_odd(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The sum, or if it is not exact the odd one of its two neighbours: when that is rounded to half as many bits, the result
    is the sum's own (Boldo and Melquiond, 2008)."""
    total = np.asarray(x + y)
    part = total - x
    error = (x - (total - part)) + (y - part)
    even = total.view(np.int64) % 2 == 0
    other = np.nextafter(total, np.copysign(np.inf, error))
    return np.where(even & (error != 0) & np.isfinite(total), other, total)


def _fma(x: float, y: float, z: float) -> float:
    plain = x + y * z
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        return plain
    (a, b), (c, d), (e, f) = x.as_integer_ratio(), y.as_integer_ratio(), z.as_integer_ratio()
    numerator = a * d * f + c * e * b
    if numerator == 0:
        return plain if plain == 0 else 0.0
    try:
        return numerator / (b * d * f)  # rounded once: Python's integers are exact
    except OverflowError:
        return math.copysign(math.inf, numerator)


_exact: Any = np.frompyfunc(_fma, 3, 1)
