"""Instructions on whole numbers, and those that read floating-point registers by them.

Whole numbers have no history and are never written to. None of these looks at a value, so that indices, and what is read by
them, are pending when they are used: ranges and constants that nobody has computed yet, views of them, results of other
kernels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .choices import axis, modest, number, part, plain
from .program import need

INTEGER_SOURCES: dict[str, Callable[..., Any]] = {
    "whole range": lambda T, n, a, b, c: T.arange(n(1 + (a * 8 + b) % 90)),
    "whole range by": lambda T, n, a, b, c: T.arange(b % 5, b % 5 + n(1 + a % 40) * 3, 3),
    "whole full": lambda T, n, a, b, c: T.full((n(1 + a % 50),), b % 7),
    "whole grid": lambda T, n, a, b, c: _grid(T, n(1 + a % 9), n(1 + b % 7, 1)),
    "whole down": lambda T, n, a, b, c: T.arange(n(1 + a)).flip(0),
    "whole repeated": lambda T, n, a, b, c: T.arange(n(1 + a % 20)).view(-1, 1).expand(-1, n(1 + b % 5, 1)),
    "whole tail": lambda T, n, a, b, c: T.arange(n(5 + a))[b % 5 :],
    "whole zeros": lambda T, n, a, b, c: T.zeros(n(1 + a % 30), n(1 + b % 3, 1), dtype=T.int64),
    "whole random": lambda T, n, a, b, c: (T.rand(n(1 + a)).floor() + b % 3).long(),
    "whole triangle": lambda T, n, a, b, c: T.ones(n(1 + a % 9), n(1 + b % 9, 1), dtype=T.int64).tril(c % 3 - 1),
}  # fmt: skip
"""Made of nothing: functions of (library, what becomes of extents, a, b, c)."""

INTEGER_MAPS: dict[str, Callable[..., Any]] = {
    "whole times": lambda T, i, a, b, c: i * (1 + a % 3) + b % 4,
    "whole over": lambda T, i, a, b, c: i // (1 + a % 3),
    "whole rest": lambda T, i, a, b, c: i % (1 + a % 11),
    "whole minus": lambda T, i, a, b, c: b - i,
    "whole flip": lambda T, i, a, b, c: i.flip(axis(i, a)),
    "whole turned": lambda T, i, a, b, c: i.transpose(axis(i, a), axis(i, b)),
    "whole flat": lambda T, i, a, b, c: i.reshape(-1),
    "whole part": lambda T, i, a, b, c: i[part(i, a, b)],
    "whole sum": lambda T, i, a, b, c: i.sum(axis(i, a)),
    "whole sums": lambda T, i, a, b, c: i.cumsum(axis(i, a)) % 97,
    "whole extrema": lambda T, i, a, b, c: (i % 11).cummax(axis(i, a))[b % 2] - (i % 5).cummin(axis(i, a))[c % 2],
    "whole greatest": lambda T, i, a, b, c: i.amax(axis(i, a)) if i.numel() else i * 2,
    "whole clamp": lambda T, i, a, b, c: i.clamp(a % 3, 5 + b % 20),
    "whole where": lambda T, i, a, b, c: T.where(i % 3 == a % 3, i, b),
    "whole sorted": lambda T, i, a, b, c: (i * 7 % 11).sort(axis(i, a))[0] if i.ndim else i * 2,
    "whole roll": lambda T, i, a, b, c: i.roll(b % 5, axis(i, a)),
    "whole stack": lambda T, i, a, b, c: T.stack([modest(i, 2), i + 1], a % (i.ndim + 1)),
    "whole narrow": lambda T, i, a, b, c: (i % 100).to(T.int32 if a % 2 else T.uint8).to(T.int64),
    "whole one hot": lambda T, i, a, b, c: T.nn.functional.one_hot(modest(i, 5) % 5, 5),
    "whole found": lambda T, i, a, b, c: (i % 3 == a % 3).nonzero(),
}  # fmt: skip

INTEGER_PAIRS: dict[str, Callable[..., Any]] = {
    "whole add": lambda T, i, j, a, b, c: _alike(T, i, j, lambda p, q: p + q),
    "whole mul": lambda T, i, j, a, b, c: _alike(T, i, j, lambda p, q: p % 50 * (q % 50)),
    "whole max": lambda T, i, j, a, b, c: _alike(T, i, j, T.maximum),
    "whole choose": lambda T, i, j, a, b, c: _alike(T, i, j, lambda p, q: T.where(p % 2 == 0, p, q)),
    "whole index": lambda T, i, j, a, b, c: _rows(T, i, j),
    "whole select": lambda T, i, j, a, b, c: _selected(T, i, j, axis(i, a)),
    "whole take": lambda T, i, j, a, b, c: i.take(_within(j, i.numel())),
    "whole gather": lambda T, i, j, a, b, c: _gathered(T, i, j, axis(i, a)),
    "whole count": lambda T, i, j, a, b, c: _counted(T, i, j),
    "whole join": lambda T, i, j, a, b, c: T.cat([modest(i, 2).reshape(-1), modest(j, 2).reshape(-1)]),
}  # fmt: skip

INTEGERS_OF_FLOATS: dict[str, Callable[..., Any]] = {
    "whole greater": lambda T, x, a, b, c: (x > number(b)).sum(axis(x, a)),
    "whole mask": lambda T, x, a, b, c: (x > number(b)).to(T.int64),
}  # fmt: skip

READS: dict[str, Callable[..., Any]] = {
    "read rows": lambda T, x, i, a, b, c: _rows(T, plain(x.contiguous()), i),
    "read selected": lambda T, x, i, a, b, c: _selected(T, x, i, axis(x, a)),
    "read taken": lambda T, x, i, a, b, c: x.take(_within(i, x.numel())),
    "read gathered": lambda T, x, i, a, b, c: _gathered(T, x, i, axis(x, a)),
    "read table": lambda T, x, i, a, b, c: _table(T, x, i),
    "read masked": lambda T, x, i, a, b, c: plain(x.contiguous())[(_walk(T, i, (x.shape[axis(x, 0)],)) % 3) == a % 3],
    "read added": lambda T, x, i, a, b, c: _added(T, x, i, axis(x, a)),
    "read put": lambda T, x, i, a, b, c: _put(T, x, i),
    "read scattered": lambda T, x, i, a, b, c: _scattered(T, x, i, axis(x, a)),
    "read numbers": lambda T, x, i, a, b, c: modest(i).to(x.dtype) * 0.125,
    "read plus": lambda T, x, i, a, b, c: _alike(T, x, i, lambda p, q: p + q % 5),
    "read times": lambda T, x, i, a, b, c: _alike(T, x, i, lambda p, q: p * (q % 3)),
    "read where": lambda T, x, i, a, b, c: _alike(T, x, i, lambda p, q: T.where(q % 2 == 0, p, p * 0.5)),
    "read loss": lambda T, x, i, a, b, c: _loss(T, x, i),
    "read hot": lambda T, x, i, a, b, c: _hot(T, x, i),
}  # fmt: skip
"""Floating-point values made of a register and whole numbers."""


def _grid(T: Any, rows: int, columns: int) -> Any:
    return T.arange(rows * columns).view(rows, columns)


def _within(i: Any, n: int) -> Any:
    need(n > 0)
    return i % n


def _alike(T: Any, x: Any, y: Any, function: Callable[[Any, Any], Any]) -> Any:
    """A function of two values that can be broadcast."""
    rank = min(x.ndim, y.ndim)
    for n, m in zip(x.shape[x.ndim - rank :], y.shape[y.ndim - rank :]):
        need(n == m or 1 in (n, m))
    modest(x, y.numel())
    return function(x, y)


def _walk(T: Any, i: Any, shape: tuple[int, ...]) -> Any:
    """Numbers of some shape, all of them moved by a whole number that may be pending."""
    need(i.numel() > 0)
    return T.arange(math.prod(shape)).reshape(shape) * 3 + i.reshape(-1)[:1].reshape([1] * len(shape)).abs()


def _rows(T: Any, x: Any, i: Any) -> Any:
    need(x.ndim > 0)
    index = _within(i, x.shape[0])
    modest(index, math.prod(x.shape[1:]))
    return x[index]


def _selected(T: Any, x: Any, i: Any, d: int) -> Any:
    index = _within(i.reshape(-1), x.shape[d])
    modest(x, max(index.numel(), 1))
    return x.index_select(d, index)


def _gathered(T: Any, x: Any, i: Any, d: int) -> Any:
    shape = tuple(5 if k == d else n for k, n in enumerate(x.shape))
    need(math.prod(shape) < 2000)
    return x.gather(d, _within(_walk(T, i, shape), x.shape[d]))


def _counted(T: Any, i: Any, j: Any) -> Any:
    """Whole numbers added up where others say, from zeros that are pending."""
    index = _within(j.reshape(-1), 7)
    values = i.reshape(-1)[:1].expand(index.numel()) if i.numel() else index
    return T.zeros(7, dtype=T.int64).index_add(0, index, values % 50)


def _table(T: Any, x: Any, i: Any) -> Any:
    need(x.ndim == 2 and x.shape[0] > 0)
    modest(i, x.shape[1])
    return T.nn.functional.embedding(i % x.shape[0], x)


def _added(T: Any, x: Any, i: Any, d: int) -> Any:
    index = _within(i.reshape(-1), x.shape[d])
    modest(x, max(index.numel(), 1))
    return x.index_add(d, index, x.index_select(d, index) * 0.5)


def _put(T: Any, x: Any, i: Any) -> Any:
    need(x.ndim > 0)
    index = _within(i.reshape(-1), x.shape[0])
    modest(index, math.prod(x.shape[1:]))
    value = T.full((), 0.25, dtype=x.dtype) if index.numel() % 2 else index.to(x.dtype).reshape(-1, *[1] * (x.ndim - 1))
    return plain(x.contiguous()).index_put((index,), value, accumulate=True)


def _scattered(T: Any, x: Any, i: Any, d: int) -> Any:
    need(x.numel() > 0)
    return T.zeros(tuple(x.shape), dtype=x.dtype).scatter_add(d, _within(_walk(T, i, tuple(x.shape)), x.shape[d]), x)


def _loss(T: Any, x: Any, i: Any) -> Any:
    need(x.ndim == 2 and x.numel() > 0)
    return T.nn.functional.cross_entropy(x, _walk(T, i, (x.shape[0],)) % x.shape[1], reduction="none")


def _hot(T: Any, x: Any, i: Any) -> Any:
    need(x.ndim == 2 and 0 < x.shape[0] < 20)
    index = i.reshape(-1) % x.shape[0]
    modest(index, x.shape[1] + x.shape[0])
    return T.nn.functional.one_hot(index, x.shape[0]).to(x.dtype) @ x
