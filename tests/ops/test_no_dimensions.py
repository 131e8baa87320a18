"""Tensors without dimensions and indices of nothing: values, shapes, histories and gradients are PyTorch's."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch

import flambeau

CALLS: dict[str, tuple[tuple[int, ...], Any]] = {
    "unfold": ((), lambda T, x: x.unfold(0, 1, 1)),
    "unfold of nothing": ((), lambda T, x: x.unfold(0, 0, 1)),
    "unfold too far": ((), lambda T, x: x.unfold(0, 2, 1)),
    "vander": ((), lambda T, x: T.linalg.vander(x, N=3)),
    "vander of one": ((), lambda T, x: T.linalg.vander(x)),
    "gather by floats": ((5,), lambda T, x: x.gather(0, T.ones(0))),
    "gather of another rank": ((5,), lambda T, x: x.gather(0, T.ones(2, 0))),
    "gather of nothing": ((2, 3), lambda T, x: x.gather(1, T.ones(0, 3, dtype=T.int64))),
    "gather at all": ((), lambda T, x: x.gather(0, T.tensor(0))),
    "index_select": ((), lambda T, x: x.index_select(0, T.tensor([0]))),
    "index_put at one position": ((3, 3), lambda T, x: x.index_put((T.tensor(1), T.tensor([0, 2])), T.tensor([5.0, 6.0]))),
    "index_put at one row": ((3, 3), lambda T, x: x.index_put((T.tensor(-1),), T.arange(3.0), accumulate=True)),
    "index_put at one mask": ((3, 3), lambda T, x: x.index_put((T.tensor(True), T.tensor([0, 2])), T.tensor(7.0))),
    "index_put_ at one position of two": ((2, 3), lambda T, x: (x * 1).index_put_((T.tensor([0]), T.tensor(1)), T.tensor(4.0))),
    "take_along_dim round and round": ((4, 2), lambda T, x: x.cumsum(0).take_along_dim(T.tensor([[-1, 9], [-6, 3]]), 0)),
    "take_along_dim": ((), lambda T, x: x.take_along_dim(T.tensor(0), 0)),
    "take": ((3,), lambda T, x: x.take(T.ones(0, 2, dtype=T.int64))),
}


def outcome(lib: ModuleType, shape: tuple[int, ...], call: Any) -> Any:
    x = lib.full(shape, 2.0, requires_grad=True)
    try:
        y = call(lib, x)
    except (RuntimeError, IndexError) as error:
        return type(error)
    (gradient,) = lib.autograd.grad((y * y).sum() + 0 * x.sum(), x)
    return y.tolist(), tuple(y.shape), tuple(y.stride()), type(y.grad_fn).__name__, gradient.tolist()


@pytest.mark.parametrize(("shape", "call"), CALLS.values(), ids=CALLS)
def test_as_pytorch(shape: tuple[int, ...], call: Any) -> None:
    assert outcome(flambeau, shape, call) == outcome(torch, shape, call)
