"""Random programs of views, arithmetic, reductions, indexing and writes in place, to run on PyTorch and on Flambeau.

A program is data: leaf tensors and instructions with numbers. What an instruction does to which register follows from
its numbers and the registers' shapes alone, so that the same program means the same on every library. PyTorch's run
notes what each instruction did (:class:`Fact`): whether it raised, and whether its result shares memory. Where PyTorch
refuses to differentiate because a saved tensor was written to, :class:`Functional` gives the right gradients: it runs the
program in PyTorch without writing to anything, each view being a set of positions in a flat value that is replaced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

MOST_ELEMENTS = 3000
MOST_REGISTERS = 10


class NotApplicable(Exception):
    """An instruction does not fit the register's shape; it does nothing then."""


def need(condition: bool) -> None:
    if not condition:
        raise NotApplicable


@dataclass(frozen=True)
class Instruction:
    """``name`` of what to do, the registers, and numbers that choose axes, indices and the like."""

    name: str
    first: int
    second: int
    a: int
    b: int
    c: int


@dataclass(frozen=True)
class Program:
    """Leaves' shapes (the last does not require grad), the dtype, and the instructions."""

    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    instructions: tuple[Instruction, ...]
    twice: bool = False


@dataclass
class Fact:
    """What an instruction did in PyTorch's run."""

    error: str | None = None
    applied: bool = False
    aliased: bool = False
    sizes: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()


@dataclass
class Outcome:
    """What can be seen after a run."""

    values: list[np.ndarray] = field(default_factory=list)
    strides: list[tuple[int, ...]] = field(default_factory=list)
    tracked: list[bool] = field(default_factory=list)
    gradients: list[np.ndarray | None] = field(default_factory=list)
    refused: str | None = None


# --- what there is to do --------------------------------------------------------------------------------------------------
# Functions of (library, tensor, [other tensor,] a, b, c); `axis` and `place` bring numbers into range.


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
    """An axis and a vector of positions along it."""
    d = axis(x, a)
    n = x.shape[d]
    need(n > 0)
    found = [(b * 7 + 3 * k) % n for k in range(1 + b % 4)]
    if unique:
        found = list(dict.fromkeys(found))
    return d, T.tensor(found)


def factored(x: Any, a: int) -> tuple[int, ...]:
    """Another shape for the same number of elements."""
    n = math.prod(x.shape)
    divisors = [k for k in range(1, min(n, 64) + 1) if n % k == 0] or [1]
    k = divisors[a % len(divisors)]
    return [(n,), (k, n // k), (n // k, k), (1, n), (k, 1, n // k)][a // 5 % 5]


def modest(x: Any, times: int = 1) -> Any:
    need(math.prod(x.shape) * times <= MOST_ELEMENTS)
    return x


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
}  # fmt: skip


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

    PyTorch does not let these be written to, so it is asked for the same view by another name.
    """
    n = x.shape[d]
    need(n > 0)
    if pieces is None:
        return x.select(d, k % n) if T is torch else x.unbind(d)[k % n]
    size = -(-n // pieces) if pieces > 0 else -pieces
    chosen = k % -(-n // size)
    if T is torch:
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


@dataclass(frozen=True)
class Write:
    """A write in place: how it is said, and the new content as a function of the old one."""

    said: Callable[..., Any]
    content: Callable[..., Any]
    #: The part of the register that is written, as a function of the positions' tensor too.
    where: Callable[..., Any] | None = None


def _set_part(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> None:
    x[part(x, a, b)] = y


def _add_part(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> None:
    x[part(x, a, b)] += y


def _set_indexed(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> None:
    d, i = indices(T, x, a, b, True)
    x[(*[slice(None)] * d, i)] = y


def _indexed(T: Any, x: Any, a: int, b: int, c: int) -> Any:
    d, i = indices(T, x, a, b, True)
    return x[(*[slice(None)] * d, i)]


def _set_masked(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> None:
    x[x > number(a)] = number(b)


def _iadd(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> None:
    x += y


def _imul(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> None:
    x *= number(a)


def _slices(T: Any, x: Any, a: int, b: int) -> tuple[int, Any, Any]:
    """Arguments of ``index_add``: an axis, positions (some repeated), and a value of their shape."""
    d, i = indices(T, x, a, b, False)
    shape = [len(i) if k == d else n for k, n in enumerate(x.shape)]
    return d, i, T.arange(math.prod(shape)).reshape(shape).to(x.dtype) * 0.125


WRITES: dict[str, Write] = {
    "add_": Write(lambda T, x, y, a, b, c: x.add_(y), lambda T, x, y, a, b, c: x + y),
    "iadd": Write(_iadd, lambda T, x, y, a, b, c: x + y),
    "sub_": Write(lambda T, x, y, a, b, c: x.sub_(y, alpha=0.5), lambda T, x, y, a, b, c: x - y * 0.5),
    "mul_": Write(lambda T, x, y, a, b, c: x.mul_(y.tanh()), lambda T, x, y, a, b, c: x * y.tanh()),
    "imul": Write(_imul, lambda T, x, y, a, b, c: x * number(a)),
    "div_": Write(lambda T, x, y, a, b, c: x.div_(y * y + 1), lambda T, x, y, a, b, c: x / (y * y + 1)),
    "copy_": Write(lambda T, x, y, a, b, c: x.copy_(y), lambda T, x, y, a, b, c: y.expand(x.shape)),
    "fill_": Write(lambda T, x, y, a, b, c: x.fill_(number(a)), lambda T, x, y, a, b, c: T.full_like(x, number(a))),
    "zero_": Write(lambda T, x, y, a, b, c: x.zero_(), lambda T, x, y, a, b, c: T.zeros_like(x)),
    "tanh_": Write(lambda T, x, y, a, b, c: x.tanh_(), lambda T, x, y, a, b, c: x.tanh()),
    "sigmoid_": Write(lambda T, x, y, a, b, c: x.sigmoid_(), lambda T, x, y, a, b, c: x.sigmoid()),
    "relu_": Write(lambda T, x, y, a, b, c: x.relu_(), lambda T, x, y, a, b, c: x.relu()),
    "clamp_": Write(lambda T, x, y, a, b, c: x.clamp_(-0.5, 0.75), lambda T, x, y, a, b, c: x.clamp(-0.5, 0.75)),
    "neg_": Write(lambda T, x, y, a, b, c: x.neg_(), lambda T, x, y, a, b, c: -x),
    "lerp_": Write(
        lambda T, x, y, a, b, c: x.lerp_(y.expand(x.shape), 0.3), lambda T, x, y, a, b, c: x.lerp(y.expand(x.shape), 0.3)
    ),
    "addcmul_": Write(
        lambda T, x, y, a, b, c: x.addcmul_(y, y, value=0.5), lambda T, x, y, a, b, c: x.addcmul(y, y, value=0.5)
    ),
    "masked_fill_": Write(
        lambda T, x, y, a, b, c: x.masked_fill_(x > number(a), number(b)),
        lambda T, x, y, a, b, c: x.masked_fill(x > number(a), number(b)),
    ),
    "set masked": Write(_set_masked, lambda T, x, y, a, b, c: x.masked_fill(x > number(a), number(b))),
    "flipped": Write(lambda T, x, y, a, b, c: x.copy_(x.flip(axis(x, a))), lambda T, x, y, a, b, c: x.flip(axis(x, a))),
    "index_add_": Write(
        lambda T, x, y, a, b, c: x.index_add_(*_slices(T, x, a, b)),
        lambda T, x, y, a, b, c: x.index_add(*_slices(T, x, a, b)),
    ),
    "index_fill_": Write(
        lambda T, x, y, a, b, c: x.index_fill_(*indices(T, x, a, b, True), 0.5),
        lambda T, x, y, a, b, c: x.index_fill(*indices(T, x, a, b, True), 0.5),
    ),
    "set part": Write(
        _set_part, lambda T, x, y, a, b, c: y.expand(x.shape), lambda T, x, a, b, c: x[part(x, a, b)]
    ),
    "add part": Write(_add_part, lambda T, x, y, a, b, c: x + y, lambda T, x, a, b, c: x[part(x, a, b)]),
    "set indexed": Write(_set_indexed, lambda T, x, y, a, b, c: y.expand(x.shape), _indexed),
}  # fmt: skip

LOOKS: dict[str, Callable[[Any], Any]] = {
    "item": lambda x: x.item() if x.numel() == 1 else x.tolist(),
    "repr": repr,
    "bool": lambda x: bool((x > 0).any()),
    "array": lambda x: x.detach().numpy().copy(),
}

NAMES = (*UNARY, *BINARY, *VIEWS, *VIEWS, *WRITES, *WRITES, *LOOKS)


# --- running --------------------------------------------------------------------------------------------------------------


@dataclass
class Register:
    tensor: Any
    #: Registers of one root share memory.
    root: int
    #: Whether it has no history while others of its root may have.
    apart: bool = False


class Machine:
    """Runs programs on a library. The first run of a program makes the facts; later ones must agree with them."""

    def __init__(self, library: Any, facts: list[Fact] | None = None, look: bool = True) -> None:
        self.T = library
        self.known = facts
        self.facts: list[Fact] = []
        self.look = look
        self.registers: list[Register] = []
        self.leaves: list[Any] = []
        self.roots = 0

    def run(self, program: Program) -> Outcome:
        self.start(program)
        for position, instruction in enumerate(program.instructions):
            fact = Fact()
            known = self.known[position] if self.known is not None else None
            try:
                self.step(instruction, fact, known)
            except NotApplicable:
                pass
            except (RuntimeError, IndexError, ValueError) as error:
                fact.error = f"{type(error).__name__}: {error}"
            self.facts.append(fact)
        return self.finish(program)

    def start(self, program: Program) -> None:
        random = np.random.default_rng(7)
        dtype = getattr(self.T, program.dtype)
        for index, shape in enumerate(program.shapes):
            leaf = self.T.tensor(random.uniform(-1.5, 1.5, shape), dtype=dtype)
            if index + 1 < len(program.shapes) or index == 0:
                leaf.requires_grad_()
                self.leaves.append(leaf)
            self.add(Register(leaf, self.new_root()))

    def new_root(self) -> int:
        self.roots += 1
        return self.roots

    def add(self, register: Register) -> None:
        if len(self.registers) < MOST_REGISTERS:
            self.registers.append(register)
        else:
            self.registers[self.roots % MOST_REGISTERS] = register

    def other(self, instruction: Instruction, shape: Sequence[int], within: bool) -> Register:
        """A register that broadcasts with ``shape`` (to it, if ``within``)."""
        fitting = []
        for register in self.registers:
            try:
                common = np.broadcast_shapes(tuple(register.tensor.shape), tuple(shape))
            except ValueError:
                continue
            if common == tuple(shape) or not within and math.prod(common) <= MOST_ELEMENTS:
                fitting.append(register)
        need(bool(fitting))
        return fitting[instruction.second % len(fitting)]

    def step(self, i: Instruction, fact: Fact, known: Fact | None) -> None:
        register = self.registers[i.first % len(self.registers)]
        x = register.tensor
        if i.name in LOOKS:
            if self.look:
                LOOKS[i.name](x)
            return
        if i.name in WRITES:
            self.write(register, i, fact, known)
            return
        if i.name in BINARY:
            y = self.other(i, x.shape, False).tensor
            result = BINARY[i.name](self.T, plain(x), plain(y), i.a, i.b, i.c)
        else:
            result = (UNARY.get(i.name) or VIEWS[i.name])(self.T, x, i.a, i.b, i.c)
        need(math.prod(result.shape) <= MOST_ELEMENTS)
        fact.applied = True
        fact.aliased = shares(result, x)
        fact.sizes, fact.strides = tuple(result.shape), tuple(result.stride())
        apart = fact.aliased and (register.apart or i.name in WITHOUT_HISTORY)
        self.add(Register(result, register.root if fact.aliased else self.new_root(), apart))

    def write(self, register: Register, i: Instruction, fact: Fact, known: Fact | None) -> None:
        write = WRITES[i.name]
        x = register.tensor
        target = x if write.where is None else write.where(self.T, x.detach(), i.a, i.b, i.c)
        need(not overlaps(x) and not overlaps(target) or i.name in ("add_", "copy_", "mul_", "set part"))
        source = self.other(i, target.shape, True)
        y = source.tensor
        if source.root == register.root:
            y = y.clone()
        untracked = i.c % 8 == 0
        if register.apart or untracked:
            y = y.detach()
        if untracked:
            with self.T.no_grad():
                write.said(self.T, x, y, i.a, i.b, i.c)
        else:
            write.said(self.T, x, y, i.a, i.b, i.c)
        for each in self.registers:
            _ = each.tensor.grad_fn  # PyTorch brings a view's history up to date when somebody asks for it
        fact.applied = True

    # --- the end ----------------------------------------------------------------------------------------------------------

    def tensors(self) -> list[Any]:
        return [register.tensor for register in self.registers]

    def finish(self, program: Program) -> Outcome:
        outcome = Outcome()
        tensors = self.tensors()
        loss = None
        for number_, tensor in enumerate(tensors):
            if not tensor.requires_grad or not tensor.numel():
                continue
            weights = np.cos(np.arange(tensor.numel()) + number_).reshape(tuple(tensor.shape))
            term = (tensor * self.T.tensor(weights, dtype=tensor.dtype)).sum()
            loss = term if loss is None else loss + term
        try:
            if loss is not None:
                outcome.gradients = self.differentiate(loss, program.twice)
        except RuntimeError as error:
            outcome.refused = str(error)
        for tensor in tensors:
            outcome.values.append(as_array(tensor))
            outcome.strides.append(tuple(tensor.stride()))
            outcome.tracked.append(tensor.requires_grad)
        return outcome

    def differentiate(self, loss: Any, twice: bool) -> list[np.ndarray | None]:
        grad = self.T.autograd.grad
        first = grad(loss, self.leaves, create_graph=twice, allow_unused=True)
        found = list(first)
        tracked = [g for g in first if g is not None and g.requires_grad]
        if twice:
            total = sum((g * g).sum() for g in tracked)
            found += grad(total, self.leaves, allow_unused=True) if tracked else [None] * len(self.leaves)
        return [None if g is None else as_array(g) for g in found]


class Replaced(torch.autograd.Function):
    """The values of the second argument with the history of the first."""

    @staticmethod
    def forward(ctx: Any, old: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
        return new.clone()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        return grad, None


@dataclass
class Cell:
    """A flat value that several registers look at."""

    flat: torch.Tensor


class Functional(Machine):
    """Runs programs in PyTorch without writing in place; ``Register.tensor`` holds positions in a cell."""

    def __init__(self, facts: list[Fact]) -> None:
        super().__init__(torch, facts, look=False)
        self.cells: dict[int, Cell] = {}

    def start(self, program: Program) -> None:
        super().start(program)
        for register in self.registers:
            leaf = register.tensor
            register.tensor = self.cell(leaf, tuple(leaf.shape), tuple(leaf.stride()), register.root)

    def cell(self, value: torch.Tensor, sizes: Any, strides: Any, root: int) -> torch.Tensor:
        """Make a cell of a fresh value that lies in memory with the given strides; returns its positions."""
        positions = torch.arange(value.numel()).as_strided(sizes, strides)
        order = torch.argsort(positions.reshape(-1))
        self.cells[root] = Cell(value.reshape(-1)[order])
        return positions

    def value(self, register: Register) -> torch.Tensor:
        found = self.cells[register.root].flat[register.tensor]
        return found.detach() if register.apart else found

    def step(self, i: Instruction, fact: Fact, known: Fact | None) -> None:
        assert known is not None
        register = self.registers[i.first % len(self.registers)]
        if i.name in WRITES:
            self.write(register, i, fact, known)
            return
        if not known.applied:
            return
        if i.name in VIEWS and known.aliased:
            positions = VIEWS[i.name](torch, register.tensor, i.a, i.b, i.c)
            apart = register.apart or i.name in WITHOUT_HISTORY
            self.add(Register(positions, register.root, apart))
            return
        x = self.value(register)
        if i.name in BINARY:
            result = BINARY[i.name](torch, x, self.value(self.other(i, x.shape, False)), i.a, i.b, i.c)
        else:
            result = (UNARY.get(i.name) or VIEWS[i.name])(torch, x, i.a, i.b, i.c)
        root = self.new_root()
        self.add(Register(self.cell(result, known.sizes, known.strides, root), root))

    def write(self, register: Register, i: Instruction, fact: Fact, known: Fact | None) -> None:
        assert known is not None
        if not known.applied:
            return
        write = WRITES[i.name]
        positions = register.tensor
        if write.where is not None:
            positions = write.where(torch, positions, i.a, i.b, i.c)
        cell = self.cells[register.root]
        old = self.value(Register(positions, register.root, register.apart))
        y = self.value(self.other(i, positions.shape, True))
        untracked = i.c % 8 == 0 or register.apart
        if untracked:
            y = y.detach()
        new = write.content(torch, old, y, i.a, i.b, i.c)
        flat = cell.flat.index_put((positions.reshape(-1),), new.reshape(-1))
        cell.flat = Replaced.apply(cell.flat, flat.detach()) if untracked else flat

    def tensors(self) -> list[Any]:
        return [self.value(register) for register in self.registers]


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


def overlaps(x: Any) -> bool:
    """Whether two indices may name one element; writing there is refused, or means nothing, but for stride 0."""
    if 0 in x.shape:
        return False
    reach = 1
    for step, extent in sorted((s, n) for s, n in zip(x.stride(), x.shape, strict=True) if n > 1):
        need(step >= reach or step == 0)
        if step == 0:
            return True
        reach = step * (extent - 1) + reach
    return False


def shares(a: Any, b: Any) -> bool:
    """Whether two tensors share memory."""
    if isinstance(a, torch.Tensor):
        return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr() and a.numel() > 0
    return a.numel() > 0 and (a is b or a._storage is not None and a._storage is b._storage)


def as_array(tensor: Any) -> np.ndarray:
    """A copy of a tensor's values."""
    return np.array(tensor.numpy(force=True) if isinstance(tensor, torch.Tensor) else tensor.detach()._array())


# --- making programs --------------------------------------------------------------------------------------------------------

SHAPES = ((), (1,), (3,), (17,), (2, 3), (3, 3), (4, 5), (1, 6), (3, 1, 4), (2, 3, 4), (33,), (40, 7), (5, 33))

_numbers = st.integers(0, 63)
_instructions = st.builds(Instruction, st.sampled_from(NAMES), _numbers, _numbers, _numbers, _numbers, _numbers)


def programs(
    dtypes: Sequence[str] = ("float64",), most: int = 18, shapes: Sequence[tuple[int, ...]] = SHAPES
) -> st.SearchStrategy[Program]:
    """Programs of up to ``most`` instructions."""
    return st.builds(
        Program,
        st.lists(st.sampled_from(shapes), min_size=2, max_size=3).map(tuple),
        st.sampled_from(list(dtypes)),
        st.lists(_instructions, min_size=1, max_size=most).map(tuple),
        st.booleans(),
    )
