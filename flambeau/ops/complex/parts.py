"""Real and imaginary parts: taking complex numbers apart, and putting them together."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import bfloat16, dtype, float32, get_default_dtype, promote_types
from ..joining import stack
from .tensor import ComplexTensor

Parts = tuple[Any, Any]
"""Real and imaginary parts: tensors or Python's numbers; the latter is None where there is none."""


def parts(x: Any) -> Parts:
    """The parts of complex or real numbers."""
    if isinstance(x, ComplexTensor):
        return x.real, x.imag
    if isinstance(x, (complex, np.complexfloating)):
        return float(x.real), float(x.imag)
    return x, None


def plus(x: Any, y: Any) -> Any:
    """The sum of two parts, either of which may not be there."""
    return y if x is None else x if y is None else x + y


def minus(x: Any, y: Any) -> Any:
    """The difference of two parts, either of which may not be there."""
    return x if y is None else -y if x is None else x - y


def times(x: Any, y: Any) -> Any:
    """The product of two parts, None if either is not there."""
    return None if x is None or y is None else x * y


def made(real: Any, imaginary: Any) -> ComplexTensor:
    """The complex numbers that have these parts, of which one is a tensor: they are broadcast, and of one dtype."""
    given = [part for part in (real, imaginary) if isinstance(part, Tensor)]
    d = promote_types(given[0].dtype, given[-1].dtype)
    if d.kind != "float":
        d = get_default_dtype()
    elif d is bfloat16:
        d = float32
    both = [_as_part(part, given[0], d) for part in (real, imaginary)]
    if both[0].shape != both[1].shape:
        shape = np.broadcast_shapes(both[0].shape, both[1].shape)
        both = [part.expand(shape) for part in both]
    return ComplexTensor.of(stack(both, -1))


def _as_part(part: Any, like: Tensor, d: dtype) -> Tensor:
    if not isinstance(part, Tensor):
        return like.new_full((), 0.0 if part is None else part, dtype=d)
    return part if part.dtype is d else part.to(d)


def as_complex(x: Any) -> ComplexTensor:
    """Real numbers, or complex ones, as complex ones."""
    return x if isinstance(x, ComplexTensor) else made(*parts(x))
