"""Instructions that make new floating-point values: of nothing, of one register, of two."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .choices import axis, indices, modest, number, plain
from .program import need

SOURCES: dict[str, Callable[..., Any]] = {
    "range": lambda T, d, n, a, b, c: T.arange(n(1 + (a * 8 + b) % 90), dtype=d),
    "range by": lambda T, d, n, a, b, c: T.arange(b % 5, b % 5 + n(1 + a % 40) * 0.125, 0.125, dtype=d),
    "grid": lambda T, d, n, a, b, c: _grid(T, n(1 + a % 9), n(1 + b % 7, 1), d),
    "turned grid": lambda T, d, n, a, b, c: _grid(T, n(2 + a % 9), n(2 + b % 7, 1), d).t(),
    "full": lambda T, d, n, a, b, c: T.full((n(1 + a % 50),), number(b), dtype=d),
    "full square": lambda T, d, n, a, b, c: T.full((n(1 + a % 7), n(1 + b % 7, 1)), number(c), dtype=d),
    "eye": lambda T, d, n, a, b, c: T.eye(n(1 + a % 9), n(1 + b % 9, 1), dtype=d),
    "line": lambda T, d, n, a, b, c: T.linspace(-1, 1, n(2 + a), dtype=d),
    "triangle": lambda T, d, n, a, b, c: T.ones(n(1 + a % 9), n(1 + b % 9, 1), dtype=d).triu(c % 3 - 1),
    "thirds": lambda T, d, n, a, b, c: (T.arange(n(1 + a)) % 3 == b % 3).to(d),
    "random": lambda T, d, n, a, b, c: T.rand(n(1 + a), dtype=d).floor() + number(b),
}  # fmt: skip
"""Values made of nothing: functions of (library, dtype, what becomes of extents, a, b, c)."""

UNARY: dict[str, Callable[..., Any]] = {
    "sin": lambda T, x, a, b, c: x.sin(),
    "cos": lambda T, x, a, b, c: T.cos(x),
    "tanh": lambda T, x, a, b, c: x.tanh(),
    "sigmoid": lambda T, x, a, b, c: x.sigmoid(),
    "exp": lambda T, x, a, b, c: x.clamp(max=1.0).exp(),
    "neg": lambda T, x, a, b, c: -x,
    "abs": lambda T, x, a, b, c: x.abs(),
    "square": lambda T, x, a, b, c: x.tanh() ** 2,
    "cube": lambda T, x, a, b, c: x.sin().pow(3),
    "relu": lambda T, x, a, b, c: x.relu(),
    "sqrt": lambda T, x, a, b, c: (x.abs() + 0.5).sqrt(),
    "log1p": lambda T, x, a, b, c: x.abs().log1p(),
    "reciprocal": lambda T, x, a, b, c: 1 / (x * x + 1),
    "erf": lambda T, x, a, b, c: T.erf(x),
    "clamp": lambda T, x, a, b, c: x.clamp(-0.5, number(a) + 2),
    "clone": lambda T, x, a, b, c: x.clone(),
    "times": lambda T, x, a, b, c: x * number(a),
    "plus": lambda T, x, a, b, c: number(a) + x,
    "minus": lambda T, x, a, b, c: number(a) - x,
    "over": lambda T, x, a, b, c: x / (number(a) + 3),
    "floor": lambda T, x, a, b, c: (x * 2.3).floor() * 0.5,
    "masked": lambda T, x, a, b, c: x.masked_fill(x > number(a), 0.5),
    "sum": lambda T, x, a, b, c: x.sum(axis(x, a), keepdim=bool(b % 2)),
    "sum all": lambda T, x, a, b, c: x.sum() * 0.25,
    "sum two": lambda T, x, a, b, c: x.sum((axis(x, a), axis(x, a + 1 + b % max(x.ndim - 1, 1)))) if x.ndim > 1 else x * 2,
    "mean": lambda T, x, a, b, c: x.mean(axis(x, a), keepdim=bool(b % 2)) if x.numel() else x * 2,
    "mean all": lambda T, x, a, b, c: x.mean() if x.numel() else x * 2,
    "amax": lambda T, x, a, b, c: x.amax(axis(x, a)) if x.numel() else x * 2,
    "amin": lambda T, x, a, b, c: x.amin(axis(x, a), keepdim=True) if x.numel() else x * 2,
    "softmax": lambda T, x, a, b, c: x.softmax(axis(x, a)),
    "logsumexp": lambda T, x, a, b, c: x.logsumexp(axis(x, a)) if x.numel() else x * 2,
    "cumsum": lambda T, x, a, b, c: x.cumsum(axis(x, a)) * 0.25,
    "cumprod": lambda T, x, a, b, c: (x.sin() + number(b) * 0.1).cumprod(axis(x, a)),
    "logcumsumexp": lambda T, x, a, b, c: x.logcumsumexp(axis(x, a)),
    "flip": lambda T, x, a, b, c: x.flip(axis(x, a)),
    "roll": lambda T, x, a, b, c: x.roll(b % 5, axis(x, a)),
    "index": lambda T, x, a, b, c: _index(T, x, a, b, ()),
    "index none": lambda T, x, a, b, c: _index(T, x, a, b, (None,)),
    "index two": lambda T, x, a, b, c: _index_two(T, x, a, b),
    "index select": lambda T, x, a, b, c: x.index_select(*indices(T, x, a, b, False)),
    "gather": lambda T, x, a, b, c: _gather(T, x, a, b),
    "mask": lambda T, x, a, b, c: x[x > number(a)],
    "mask row": lambda T, x, a, b, c: _mask_row(T, x, a),
    "cat self": lambda T, x, a, b, c: T.cat([modest(x, 2), x * 0.5], axis(x, a)),
    "tril": lambda T, x, a, b, c: x.tril(b % 3 - 1) if x.ndim > 1 else x * 2,
    "gelu": lambda T, x, a, b, c: T.nn.functional.gelu(x, approximate="tanh" if a % 2 else "none"),
    "silu": lambda T, x, a, b, c: T.nn.functional.silu(x),
    "softplus": lambda T, x, a, b, c: T.nn.functional.softplus(x, beta=1 + a % 3),
    "elu": lambda T, x, a, b, c: T.nn.functional.elu(x.clamp(max=3.0), 0.5 + a % 2),
    "leaky relu": lambda T, x, a, b, c: T.nn.functional.leaky_relu(x, 0.1),
    "function": lambda T, x, a, b, c: _cubed(T).apply(x),
    "var": lambda T, x, a, b, c: x.var(axis(x, a), correction=0, keepdim=bool(b % 2)) if x.numel() else x * 2,
    "layer norm": lambda T, x, a, b, c: T.nn.functional.layer_norm(x, x.shape[axis(x, a) :]) if x.numel() else x * 2,
    "normalise": lambda T, x, a, b, c: (x - x.mean(axis(x, a), True)) / (x * x + 0.5).sum(axis(x, a), True).sqrt(),
    "count": lambda T, x, a, b, c: (x > number(b)).sum(axis(x, a)).to(x.dtype) * x.sum(axis(x, a)),
    "stack": lambda T, x, a, b, c: T.stack([modest(x, 2), x.flip(axis(x, b))], a % (x.ndim + 1)),
    "repeat": lambda T, x, a, b, c: modest(x, 6).repeat(1 + b % 2, *(1 + (k + a) % 2 for k in range(x.ndim))),
    "interleave": lambda T, x, a, b, c: modest(x, 3).repeat_interleave(1 + b % 3, axis(x, a)),
    "gram": lambda T, x, a, b, c: _gram(T, x, a),
    "pad": lambda T, x, a, b, c: T.nn.functional.pad(modest(x, 3), (a % 2, b % 2)) if x.ndim else x * 2,
    "halves": lambda T, x, a, b, c: _gated(T, x, 2),
    "quarters": lambda T, x, a, b, c: _gated(T, x, 4),
}  # fmt: skip


def _grid(T: Any, rows: int, columns: int, dtype: Any) -> Any:
    return T.arange(rows * columns, dtype=dtype).view(rows, columns)


def _index(T: Any, x: Any, a: int, b: int, more: tuple[None, ...]) -> Any:
    d, i = indices(T, x, a, b, False)
    return plain(x.contiguous())[(*[slice(None)] * d, i, *more)]


def _index_two(T: Any, x: Any, a: int, b: int) -> Any:
    need(x.ndim > 1 and x.shape[0] > 0 and x.shape[-1] > 0)
    n, m = x.shape[0], x.shape[-1]
    i = T.tensor([[a % n], [b % n]])
    j = T.tensor([(a + 1) % m, (b + 2) % m, (a + b) % m])
    return modest(plain(x.contiguous())[i, ..., j])


def _gather(T: Any, x: Any, a: int, b: int) -> Any:
    d = axis(x, a)
    need(x.numel() > 0)
    shape = [2 if k == d else n for k, n in enumerate(x.shape)]
    index = (T.arange(math.prod(shape)) * (1 + b)).reshape(shape) % x.shape[d]
    return x.gather(d, index)


def _mask_row(T: Any, x: Any, a: int) -> Any:
    need(x.ndim > 0)
    return plain(x.contiguous())[T.tensor([(k * (a + 1)) % 3 != 0 for k in range(x.shape[0])], dtype=T.bool)]


def _gram(T: Any, x: Any, a: int) -> Any:
    need(x.ndim > 1)
    modest(x, x.shape[-2])
    return x @ x.mT.tanh() * 0.25 if a % 2 else T.einsum("...ik,...jk->...ij", x, x.sigmoid()).contiguous()


def _gated(T: Any, x: Any, parts: int) -> Any:
    """The last axis in parts, as gates of one another."""
    need(x.ndim > 0 and x.shape[-1] > 0 and x.shape[-1] % parts == 0)
    first, *gates = x.chunk(parts, -1)
    for gate in gates:
        first = first.tanh() * gate.sigmoid()
    return first


def _matmul(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> Any:
    need(x.ndim > 0 and 0 < y.ndim < 3 and x.shape[-1] == y.shape[-1])
    modest(x, y.shape[0])
    return T.nn.functional.linear(x, y * 0.5) if a % 2 else x @ y.T.sin()


def _outer(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> Any:
    x, y = x.reshape(-1), y.reshape(-1)
    modest(x, y.shape[0])
    return T.outer(x, y.tanh())


def _joined(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> Any:
    x, y = T.broadcast_tensors(x, y)
    return T.cat([modest(x, 2), y], axis(x, a))


def _cubed(T: Any) -> Any:
    """A function with a gradient of its own, from what it saved."""

    class Cubed(T.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.tanh()
            ctx.save_for_backward(x, y)
            return y**3

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, y = ctx.saved_tensors
            return grad * 3 * y**2 * (1 - x.tanh() ** 2)

    return Cubed


BINARY: dict[str, Callable[..., Any]] = {
    "add": lambda T, x, y, a, b, c: x + y,
    "sub": lambda T, x, y, a, b, c: T.sub(x, y, alpha=1 if a % 2 else 0.5),
    "mul": lambda T, x, y, a, b, c: x * y.tanh(),
    "mul plain": lambda T, x, y, a, b, c: x * y * 0.5,
    "div": lambda T, x, y, a, b, c: x / (y * y + 1),
    "maximum": lambda T, x, y, a, b, c: T.maximum(x, y),
    "minimum": lambda T, x, y, a, b, c: T.minimum(x, y),
    "where": lambda T, x, y, a, b, c: T.where(x > y, x, y * 0.5),
    "compare": lambda T, x, y, a, b, c: (x < y).to(x.dtype) * x,
    "addcmul": lambda T, x, y, a, b, c: T.addcmul(x, y, y.sin(), value=0.5),
    "lerp": lambda T, x, y, a, b, c: T.lerp(*T.broadcast_tensors(x, y), 0.3),
    "matmul": _matmul,
    "outer": _outer,
    "join": _joined,
    "hypot": lambda T, x, y, a, b, c: (x * x + y * y + 0.5).sqrt(),
}  # fmt: skip

PRODUCTS: dict[str, Callable[..., Any]] = {
    "linear": lambda T, x, w: T.nn.functional.linear(x, w * 0.25),
    "product": lambda T, x, w: x @ w.t(),
    "product of few": lambda T, x, w: x.tanh() @ w[:5].t(),
}  # fmt: skip
"""Products of a register and a matrix whose rows are as long."""
