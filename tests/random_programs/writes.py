"""Instructions that write in place, and those that look at values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .choices import axis, indices, number, part, place


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


def _set_row(T: Any, x: Any, y: Any, a: int, b: int, c: int) -> None:
    x[place(x, axis(x, 0), a)] = y


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
        lambda T, x, y, a, b, c: x.index_fill_(*indices(T, x, a, b, False), 0.5),
        lambda T, x, y, a, b, c: x.index_fill(*indices(T, x, a, b, False), 0.5),
    ),
    "set part": Write(
        _set_part, lambda T, x, y, a, b, c: y.expand(x.shape), lambda T, x, a, b, c: x[part(x, a, b)]
    ),
    "add part": Write(_add_part, lambda T, x, y, a, b, c: x + y, lambda T, x, a, b, c: x[part(x, a, b)]),
    "set row": Write(_set_row, lambda T, x, y, a, b, c: y.expand(x.shape), lambda T, x, a, b, c: x[place(x, axis(x, 0), a)]),
    "set indexed": Write(_set_indexed, lambda T, x, y, a, b, c: y.expand(x.shape), _indexed),
}  # fmt: skip

LOOKS: dict[str, Callable[[Any], Any]] = {
    "item": lambda x: x.item() if x.numel() == 1 else x.tolist(),
    "repr": repr,
    "bool": lambda x: bool((x > 0).any()),
    "array": lambda x: x.detach().numpy().copy(),
}
