"""Hurwitz's zeta function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph.shapes import broadcast_shapes
from .conversion import computed_in_double, floating, in_common_dtype
from .dispatch import number_or_tensor
from .elementwise import differentiated
from .host import on_host
from .operation import operation
from .special import BERNOULLI

FAR = 12.0
"""From where on the Euler-Maclaurin formula takes the place of the sum."""


def _zeta(x: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Σ (q + k)⁻ˣ over k ≥ 0, by the Euler-Maclaurin formula from where q + k is 12 (M. Abramowitz and I. Stegun, 23.1.30).

    What is left out is less than the next term, below 1e-16 of the first for x > 1. How many come before, the least q tells.
    """
    x, q = np.broadcast_arrays(x.astype(np.float64), q.astype(np.float64))
    with np.errstate(all="ignore"):
        total, y = np.zeros_like(x), q.copy()
        least = float(np.min(q, initial=FAR, where=np.isfinite(q)))
        for _ in range(math.ceil(FAR - max(least, -1e4))):
            before = y < FAR
            total = total + np.where(before, y ** np.where(before, -x, 0.0), 0.0)
            y = np.where(before, y + 1, y)
        power = y**-x
        rest = power * y / (x - 1) + power / 2
        factor = x * power / y
        for k, b in enumerate(BERNOULLI, 1):
            rest = rest + b / math.factorial(2 * k) * factor
            factor = factor * ((x + 2 * k - 1) * (x + 2 * k) / (y * y))
        value = total + rest
        value = np.where(q <= 0, np.where(q == np.floor(q), np.inf, np.where(x == np.floor(x), value, np.nan)), value)
        value = np.where(np.isinf(q) & (q > 0) | np.isinf(x), np.where(np.isnan(q) | (q > 0), np.nan, value), value)
        return np.where(x == 1, np.inf, np.where(x > 1, value, np.nan))


def _not_in_the_first(grad: Tensor, input: Any) -> Tensor:
    raise NotImplementedError("the derivative for 'zeta: input' is not implemented.")


def _slope(grad: Tensor, input: Any, other: Tensor) -> Tensor:
    return grad * -input * zeta(input + 1, other)


@operation(only="special.zeta", out=True)
@differentiated(
    _not_in_the_first, _slope, name="SpecialZetaBackward0"
)
def zeta(input: Any, other: Any) -> Tensor:
    """ζ(x, q) = Σ (k + q)⁻ˣ over k from 0 on, for x = ``input`` > 1 and q = ``other``; one of them may be a number."""
    if isinstance(input, Tensor) and isinstance(other, Tensor):
        input, other = in_common_dtype(input, other)
        return _of_tensors(floating(input), floating(other))
    if isinstance(input, Tensor):
        input = floating(input)
        return _of_tensors(input, number_or_tensor(other, input.dtype))
    other = floating(other)
    return _of_tensors(number_or_tensor(input, other.dtype), other)


@computed_in_double
def _of_tensors(x: Tensor, q: Tensor) -> Tensor:
    return on_host(_zeta, {}, [(broadcast_shapes(x.shape, q.shape), x.dtype)], x, q)[0]
