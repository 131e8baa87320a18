"""Where elements are not zero: the shape of the result depends on values, so these evaluate."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph import dtypes
from .from_data import from_array
from .operation import operation


@operation(out="exact")
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Indices of nonzero elements: one row each, int64; or a tuple with one vector an axis.

    As in PyTorch the rows lie side by side: what belongs to one axis is contiguous.
    """
    found = np.nonzero(np.atleast_1d(_bits(input)))
    if as_tuple:
        return tuple(from_array(np.ascontiguousarray(f)) for f in found)
    stacked = np.stack(found) if input.ndim else np.zeros((0, len(found[0])), np.int64)
    return from_array(stacked.astype(np.int64)).t()


def _bits(input: Tensor) -> np.ndarray:
    array = input._array()
    return array & 0x7FFF if input.dtype is dtypes.bfloat16 else array


@operation()
def argwhere(input: Tensor) -> Tensor:
    """:func:`nonzero` under NumPy's name."""
    return nonzero(input)  # type: ignore[no-any-return]


@operation(out="exact")
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first ``size`` rows of ``nonzero``, filled up with ``fill_value``."""
    found = nonzero(input)[:size]
    missing = input.new_full((size - found.shape[0], input.ndim), fill_value, dtype=dtypes.int64)
    from .joining import cat

    return cat([found, missing])
