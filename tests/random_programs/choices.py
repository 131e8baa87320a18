"""From an instruction's numbers to axes, positions, indices and shapes that fit a register."""

from __future__ import annotations

import math
from typing import Any

from .program import MOST_ELEMENTS, need


def axis(x: Any, k: int) -> int:
    need(x.ndim > 0)
    return k % x.ndim


def place(x: Any, d: int, k: int) -> int:
    need(x.shape[d] > 0)
    return k % x.shape[d]


def number(k: int) -> float:
    return (k % 13 - 6) / 4


def part(x: Any, a: int, b: int) -> tuple[slice, ...]:
    """A slice of one axis: a run, or every second element."""
    d = axis(x, a)
    n = x.shape[d]
    need(n > 1)
    start = b % n
    chosen = slice(start, start + 1 + (b // 7) % n) if b % 3 else slice(b % 2, None, 2)
    return (*[slice(None)] * d, chosen)


def indices(T: Any, x: Any, a: int, b: int, unique: bool) -> tuple[int, Any]:
    """An axis and a vector of positions along it, in memory or pending."""
    d = axis(x, a)
    n = x.shape[d]
    need(n > 0)
    count = 1 + b % 4
    found = list(dict.fromkeys((b * 7 + 3 * k) % n for k in range(count)))
    if b // 4 % 2 and (len(found) == count or not unique):
        return d, (T.arange(count) * 3 + b * 7) % n
    return d, T.tensor(found if unique else [(b * 7 + 3 * k) % n for k in range(count)])


def factored(x: Any, a: int) -> tuple[int, ...]:
    """Another shape for the same number of elements."""
    n = math.prod(x.shape)
    divisors = [k for k in range(1, min(n, 64) + 1) if n % k == 0] or [1]
    k = divisors[a % len(divisors)]
    return [(n,), (k, n // k), (n // k, k), (1, n), (k, 1, n // k)][a // 5 % 5]


def modest(x: Any, times: int = 1) -> Any:
    need(math.prod(x.shape) * times <= MOST_ELEMENTS)
    return x


def plain(x: Any) -> Any:
    """The tensor, copied if it is contiguous but axes of extent 1 have other strides than in logical order.

    When such a tensor is broadcast, those strides may decide in which order PyTorch lays out the result.
    """
    step, strides = 1, []
    for extent in reversed(tuple(x.shape)):
        strides.append(step)
        step *= max(extent, 1)
    if not x.is_contiguous() or tuple(x.stride()) == tuple(reversed(strides)):
        return x
    return x.reshape(-1).clone().view(tuple(x.shape))  # a clone alone would keep the strides
