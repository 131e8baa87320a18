"""Instructions that look at a register in another way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .choices import axis, factored, modest, part, place
from .program import need


def _expand(T: Any, x: Any, a: int, b: int, c: int) -> Any:
    times = 2 + b % 3
    modest(x, times)
    ones = [d for d, n in enumerate(x.shape) if n == 1]
    if ones and a % 2:
        d = ones[a % len(ones)]
        return x.expand(*(times if k == d else -1 for k in range(x.ndim)))
    return x.expand(times, *x.shape)


def _diagonal(T: Any, x: Any, a: int, b: int, c: int) -> Any:
    need(x.ndim > 1)
    d = axis(x, a)
    return x.diagonal(b % 3 - 1, d, (d + 1) % x.ndim)


def _unfold(T: Any, x: Any, a: int, b: int, c: int) -> Any:
    d = axis(x, a)
    n = x.shape[d]
    need(n > 0)
    size = 1 + b % n
    modest(x, size)
    return x.unfold(d, size, 1 + c % 3)


def _permute(T: Any, x: Any, a: int, b: int, c: int) -> Any:
    need(x.ndim > 1)
    order = list(range(x.ndim))
    order = order[a % x.ndim :] + order[: a % x.ndim]
    if b % 2:
        order[0], order[1] = order[1], order[0]
    return x.permute(order)


def _one_of(T: Any, x: Any, d: int, k: int, pieces: int | None) -> Any:
    """One of the tensors that ``unbind``, ``chunk`` (into some pieces) or ``split`` (of minus some elements) give.

    Those of a tensor with a history may not be written to, nor (in PyTorch) used when it was; so the same view is asked for by
    another name.
    """
    alone = T is torch or x.requires_grad
    n = x.shape[d]
    need(n > 0)
    if pieces is None:
        return x.select(d, k % n) if alone else x.unbind(d)[k % n]
    size = -(-n // pieces) if pieces > 0 else -pieces
    chosen = k % -(-n // size)
    if alone:
        return x.narrow(d, chosen * size, min(size, n - chosen * size))
    return (x.chunk(pieces, d) if pieces > 0 else x.split(size, d))[chosen]


VIEWS: dict[str, Callable[..., Any]] = {
    "transpose": lambda T, x, a, b, c: x.transpose(axis(x, a), axis(x, b)),
    "permute": _permute,
    "reshape": lambda T, x, a, b, c: x.reshape(factored(x, a)),
    "view": lambda T, x, a, b, c: x.view(factored(x, a)),
    "flatten": lambda T, x, a, b, c: x.flatten(),
    "ravel": lambda T, x, a, b, c: T.ravel(x),
    "unsqueeze": lambda T, x, a, b, c: x.unsqueeze(a % (x.ndim + 1)),
    "squeeze": lambda T, x, a, b, c: x.squeeze() if a % 2 else x.squeeze(axis(x, b)),
    "select": lambda T, x, a, b, c: (lambda d: x.select(d, place(x, d, b)))(axis(x, a)),
    "item of": lambda T, x, a, b, c: x[place(x, axis(x, 0), a)],
    "last of": lambda T, x, a, b, c: x[..., place(x, axis(x, -1), a)],
    "slice": lambda T, x, a, b, c: x[part(x, a, b)],
    "narrow": lambda T, x, a, b, c: (lambda d: x.narrow(d, place(x, d, b), 1))(axis(x, a)),
    "none": lambda T, x, a, b, c: x[None] if a % 2 else x[..., None],
    "whole": lambda T, x, a, b, c: x[:] if x.ndim else x[...],
    "expand": _expand,
    "diagonal": _diagonal,
    "unfold": _unfold,
    "mT": lambda T, x, a, b, c: x.mT if x.ndim > 1 else x.view(x.shape),
    "T": lambda T, x, a, b, c: x.t() if x.ndim <= 2 else x.movedim(0, -1),
    "unbind": lambda T, x, a, b, c: _one_of(T, x, axis(x, a), b, None),
    "chunk": lambda T, x, a, b, c: _one_of(T, x, axis(x, a), b, 2),
    "split": lambda T, x, a, b, c: _one_of(T, x, axis(x, a), b, -1 - c % 3),
    "contiguous": lambda T, x, a, b, c: x.contiguous(),
    "view as": lambda T, x, a, b, c: x.view_as(x),
    "detach": lambda T, x, a, b, c: x.detach(),
    "data": lambda T, x, a, b, c: x.data,
}  # fmt: skip

#: Views that have no history; what is written through them is not seen by it.
WITHOUT_HISTORY = ("detach", "data")
