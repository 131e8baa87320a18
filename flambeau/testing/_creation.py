"""``make_tensor``: random values for tests."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

from ..core.device import memory_format as MemoryFormat
from ..core.tensor import Tensor
from ..graph.dtypes import dtype as DType
from ..graph.limits import finfo, iinfo
from ..ops.creation import empty
from ..ops.random import randint


def make_tensor(
    *shape: Any,
    dtype: DType,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """A tensor of values drawn uniformly from ``[low, high)``, which is cut to what the dtype can represent.

    By default that is ``[-9, 9)`` for floating and complex types, ``[-9, 10)`` for integers, from 0 if they have no sign, and
    both truth values. ``exclude_zero`` puts one, or the smallest normal number, in the place of zeros.
    """
    if len(shape) == 1 and isinstance(shape[0], Sequence):
        (shape,) = shape
    shape = tuple(shape)
    inexact = dtype.is_floating_point or dtype.is_complex
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, "
            f"but got {noncontiguous=} and {memory_format=}"
        )
    if requires_grad and not inexact:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}")
    apart = noncontiguous and math.prod(shape) > 1
    if apart:  # every second element, which is different from those between
        shape = (*shape[:-1], 2 * shape[-1])
    if inexact:
        smallest, largest = finfo(dtype).min, finfo(dtype).max
        default = -9, 9
    elif dtype.name == "bool":
        smallest, largest = default = 0, 2
    else:
        limits = iinfo(dtype)
        smallest, largest = limits.min, limits.max + (dtype.name != "int64")  # which `randint` cannot give
        default = -9, 10
    low, high = _range(low, high, smallest, largest, default, dtype, inexact)
    if inexact:
        result = _uniform(shape, low, high, dtype, device)
    else:
        result = randint(math.ceil(low), math.ceil(high), shape, dtype=dtype, device=device)
    if apart:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        result[result == 0] = finfo(dtype).tiny if inexact else 1
    return result.requires_grad_(requires_grad) if inexact else result


def _range(
    low: Any, high: Any, smallest: float, largest: float, default: tuple[float, float], dtype: DType, inexact: bool
) -> tuple[float, float]:
    low, high = default[0] if low is None else low, default[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and inexact:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types "
            "is deprecated since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < smallest or low >= largest:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), "
            f"but {dtype} only supports [{smallest}, {largest})"
        )
    return min(max(low, smallest), largest), min(max(high, smallest), largest)


def _uniform(shape: tuple[int, ...], low: float, high: float, dtype: DType, device: Any) -> Tensor:
    result = empty(shape, dtype=dtype, device=device)
    parts = result.view_as_real() if dtype.is_complex else result
    if high - low >= finfo(dtype).max:  # more than a difference can be
        parts.uniform_(low / 2, high / 2).mul_(2)
    else:
        parts.uniform_(low, high)
    return result


__all__ = ["make_tensor"]
