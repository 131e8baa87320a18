"""Arithmetic on pictures one at a time, in NumPy: a few thousand numbers are done before a kernel is under way.

Only for tensors whose values are in memory already and that need no gradient; the rounding is the kernels'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import flambeau

_LARGEST = 1 << 20
"""Elements above which kernels are worth their start."""


def normalized(tensor: Any, mean: Any, std: Any) -> Any:
    """``(tensor - mean) / std`` for each channel, or None if that is better left to a kernel."""
    if not isinstance(mean, Sequence) or not isinstance(std, Sequence) or tensor.dtype != flambeau.float32:
        return None
    if tensor.requires_grad or tensor.numel() > _LARGEST or tensor._read().buffer is None:
        return None
    values = tensor._array()
    columns = (np.asarray(numbers, dtype=np.float32).reshape(-1, 1, 1) for numbers in (mean, std))
    result = np.subtract(values, next(columns))
    return flambeau.from_numpy(np.divide(result, next(columns), out=result))
