"""Values of programs as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor


def make_np(x: Any) -> np.ndarray:
    """A tensor, an array or a number as an array; bfloat16 as float16. ``NotImplementedError`` for anything else."""
    if isinstance(x, np.ndarray):
        return x
    if np.isscalar(x):
        return np.array([x])
    if isinstance(x, Tensor):
        plain = x.detach()
        return (plain.half() if plain.dtype.name == "bfloat16" else plain).numpy()
    raise NotImplementedError(f"Got {type(x)}, but numpy array or torch tensor are expected.")
