"""Compositions that compute more precisely than their operands are given, and round once.

Half types are loaded, computed with and stored as float32, rounded after every primitive. An operation that PyTorch
computes in one kernel rounds only its result; where it is several primitives here, they are recorded on the operands
cast to the wider dtype, and what they give is cast back. The casts cost nothing in a fused kernel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.dtypes import bfloat16, dtype, float16, float32, float64, result_type
from .conversion import converted
from .recording_paths import unary

_F = TypeVar("_F", bound=Callable[..., Any])

SINGLE: Mapping[dtype, dtype] = {float16: float32, bfloat16: float32}
"""Half types are computed in single precision."""
DOUBLE: Mapping[dtype, dtype] = {float16: float64, bfloat16: float64, float32: float64}
"""Every type is computed in double precision."""


def rounded_once(function: _F) -> _F:
    """Compute in float32 what is given in a half type, and round the results alone, as PyTorch's kernels do."""
    return _rounding(function, SINGLE)


def computed_in_double(function: _F) -> _F:
    """Compute in float64 whatever the dtype, and round the results alone: for what float32 has not the range or the
    precision for."""
    return _rounding(function, DOUBLE)


def _rounding(function: _F, wider: Mapping[dtype, dtype]) -> _F:
    @functools.wraps(function)
    def rounding(*arguments: Any, **keywords: Any) -> Any:
        for value in (*arguments, *keywords.values()) if keywords else arguments:
            if isinstance(value, Tensor) and value.dtype in wider:
                break
        else:
            return function(*arguments, **keywords)
        d = _promoted([*arguments, *keywords.values()])
        wide = wider.get(d)
        if wide is None:
            return function(*arguments, **keywords)
        keywords = {name: _widened(value, wide) for name, value in keywords.items()}
        results = function(*[_widened(value, wide) for value in arguments], **keywords)
        if isinstance(results, Tensor):
            return narrowed(results, wide, d)
        return tuple(narrowed(result, wide, d) for result in results)

    return rounding  # type: ignore[return-value]


def _promoted(values: list[Any]) -> dtype:
    """The dtype that the floating-point tensors among some operands are promoted to."""
    return result_type(
        [(t.dtype, 0 if t.ndim else 1) for t in values if isinstance(t, Tensor) and t.dtype.category == 2]
    )


def _widened(value: Any, wide: dtype) -> Any:
    narrow = isinstance(value, Tensor) and value.dtype.category == 2 and value.dtype.itemsize < wide.itemsize
    return converted(value, wide) if narrow else value


def narrowed(result: Any, wide: dtype, d: dtype) -> Any:
    """A result of dtype ``wide`` rounded to ``d``, with its history as its own: named as what was computed."""
    if not isinstance(result, Tensor) or result.dtype is not wide:
        return result
    rounded = unary(p.CAST, result, None, d)
    if result._tracked:
        history = result._gradient
        rounded._tracked = True
        rounded._gradient = history
        if type(history) is tuple:
            history[0].dtype[history[1]] = d
        else:
            assert history is not None
            history.dtype = d
    return rounded
