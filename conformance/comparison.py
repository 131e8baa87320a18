"""When a result here is PyTorch's: type, dtype, shape, strides, and values within the tolerances of PyTorch's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

import flambeau

TOLERANCES = {
    "float64": (1e-7, 1e-7), "float32": (1.3e-6, 1e-5), "float16": (1e-3, 1e-3), "bfloat16": (1.6e-2, 1e-3),
    "complex128": (1e-7, 1e-7), "complex64": (1.3e-6, 1e-5), "complex32": (1e-3, 1e-3),
}  # fmt: skip
"""(relative, absolute) by dtype, as ``torch.testing.assert_close`` has them. The absolute one is in units of the largest number
of a result, if that is above one: what is left of a sum in which terms cancel depends on their order."""


def array(value: Any) -> np.ndarray:
    """A tensor of either library as an array; bfloat16 as float32."""
    value = value.detach()
    value = value.resolve_conj().resolve_neg() if isinstance(value, torch.Tensor) else value
    return np.array((value.float() if "bfloat16" in str(value.dtype) else value).numpy(force=True))


def parts(value: Any) -> Iterator[Any]:
    """The tensors and numbers in a result, from the first to the last."""
    if isinstance(value, tuple | list):
        for each in value:
            yield from parts(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from parts(each)
    else:
        yield value


def difference(
    actual: Any, expected: Any, values: bool = True, slack: float = 1.0, precision: float = 0.0
) -> str | None:
    """How a result differs from PyTorch's, or None. Without ``values``, dtypes and shapes alone count.

    ``slack`` multiplies the tolerances, and the absolute one is at least ``precision``.
    """
    if isinstance(expected, torch.Tensor):
        return _between_tensors(actual, expected, values, slack, precision)
    if isinstance(expected, tuple | list):
        if not isinstance(actual, tuple | list) or len(actual) != len(expected):
            return f"{_short(actual)} instead of {len(expected)} results"
        return next(filter(None, (difference(a, b, values, slack, precision) for a, b in zip(actual, expected))), None)
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or actual.keys() != expected.keys():
            return f"{_short(actual)} instead of a dictionary with {list(expected)}"
        return difference(list(actual.values()), [expected[key] for key in actual], values, slack, precision)
    if isinstance(expected, torch.dtype | torch.device | torch.layout | torch.memory_format):
        return None if str(actual) == str(expected) else f"{actual} instead of {expected}"
    if isinstance(expected, float) and isinstance(actual, float):
        same = actual == expected or actual != actual and expected != expected or abs(actual - expected) < 1e-6 * abs(expected)
        return None if same or not values else f"{actual} instead of {expected}"
    return None if actual == expected or not values else f"{_short(actual)} instead of {expected!r}"


def _short(value: Any) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, flambeau.Tensor) else repr(value)[:80]


def _between_tensors(
    actual: Any, expected: torch.Tensor, values: bool, slack: float, precision: float
) -> str | None:
    if not isinstance(actual, flambeau.Tensor):
        return f"{_short(actual)} instead of a tensor"
    if str(actual.dtype) != str(expected.dtype):
        return f"dtype {actual.dtype} instead of {expected.dtype}"
    if tuple(actual.shape) != tuple(expected.shape):
        return f"shape {tuple(actual.shape)} instead of {tuple(expected.shape)}"
    if expected.layout is not torch.strided:
        if str(actual.layout) != str(expected.layout):
            return f"layout {actual.layout} instead of {expected.layout}"
        actual, expected = actual.to_dense(), expected.to_dense()
    a, b = array(actual), array(expected)
    if not values or a.size == 0:
        return None
    relative, absolute = (slack * t for t in TOLERANCES.get(str(expected.dtype)[6:], (0.0, 0.0)))
    absolute = max(absolute, precision)
    with np.errstate(all="ignore"):
        if a.dtype.kind not in "fc":
            near = a == b
        else:
            finite = np.isfinite(b)
            scale = max(1.0, float(np.abs(b[finite]).max(initial=0)))
            near = (a == b) | (np.isnan(a) & np.isnan(b))
            near |= finite & (np.abs(a - b) <= relative * np.abs(b) + absolute * scale)
        if near.all():
            return None
        place = tuple(int(k) for k in np.argwhere(~near)[0])
        return f"{int((~near).sum())} of {near.size} values differ, at {place} {a[place]!r} instead of {b[place]!r}"


def strides_differ(actual: Any, expected: Any) -> str | None:
    """Whether results that PyTorch lays out without gaps lie otherwise here (axes of one element do not count)."""
    for a, b in zip(parts(actual), parts(expected)):
        if isinstance(b, torch.Tensor) and isinstance(a, flambeau.Tensor) and b.layout is torch.strided and b.numel():
            wanted = [s for n, s in zip(b.shape, b.stride()) if n > 1]
            found = [s for n, s in zip(b.shape, a.stride()) if n > 1]
            if wanted != found:
                return f"strides {tuple(a.stride())} instead of {b.stride()}"
    return None
