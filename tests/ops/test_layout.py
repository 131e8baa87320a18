"""In which order the elements of results lie in memory when operands are permuted: `view` works where it does in PyTorch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

Function = Callable[[Any, Any], Any]


def functional(T: Any) -> Any:
    return T.nn.functional


def made(T: Any, shape: tuple[int, ...], order: tuple[int, ...]) -> Any:
    count = int(np.prod(shape))
    return (T.arange(float(count), dtype=T.float64) * 0.37).sin().reshape(shape).permute(order)


def steps(x: Any) -> tuple[int, ...]:
    """The strides of axes that have more than one element."""
    return tuple(step for extent, step in zip(x.shape, x.stride()) if extent > 1)


def compare(function: Function, shape: tuple[int, ...]) -> None:
    for order in itertools.permutations(range(len(shape))):
        ours, theirs = (function(T, made(T, shape, order)) for T in (flambeau, torch))
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert steps(ours) == steps(theirs), order
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-10)


NORMALISATIONS: dict[str, Function] = {
    "layer_norm": lambda T, x: functional(T).layer_norm(x, x.shape[-1:]),
    "layer_norm of several axes": lambda T, x: functional(T).layer_norm(x, x.shape[1:]),
    "rms_norm": lambda T, x: functional(T).rms_norm(x, x.shape[-1:]),
    "group_norm": lambda T, x: functional(T).group_norm(x, 1),
    "batch_norm": lambda T, x: functional(T).batch_norm(x, None, None, training=True),
    "batch_norm, evaluating": lambda T, x: functional(T).batch_norm(
        x, T.zeros(x.shape[1], dtype=T.float64), T.ones(x.shape[1], dtype=T.float64)
    ),
    "instance_norm": lambda T, x: functional(T).instance_norm(x),
}


@pytest.mark.parametrize("shape", [(4, 3, 2), (2, 3, 4, 5)])
@pytest.mark.parametrize("name", NORMALISATIONS)
def test_normalisations(name: str, shape: tuple[int, ...]) -> None:
    compare(NORMALISATIONS[name], shape)


OPERATIONS: dict[str, Function] = {
    "elements at permuted places": lambda T, x: T.arange(24.0).to(x).reshape(4, 6)[(x * 3).to(T.int64) % 4],
    "softmax": lambda T, x: x.softmax(-1),
    "log_softmax": lambda T, x: x.log_softmax(1),
    "gelu": lambda T, x: functional(T).gelu(x),
    "linear": lambda T, x: functional(T).linear(x, T.ones(5, x.shape[-1], dtype=T.float64)),
    "matmul": lambda T, x: x @ x.mT,
    "pad": lambda T, x: functional(T).pad(x, (1, 1)),
    "pad by nothing": lambda T, x: functional(T).pad(x, (0, 0)),
    "crop": lambda T, x: functional(T).pad(x, (-1, 0)),
    "sum": lambda T, x: x.sum(1),
    "amax": lambda T, x: x.amax(1),
    "var": lambda T, x: x.var(1),
    "cumsum": lambda T, x: x.cumsum(1),
    "flip": lambda T, x: x.flip(1),
    "roll": lambda T, x: x.roll(1, 1),
    "tril": lambda T, x: x.tril(),
    "cat": lambda T, x: T.cat([x, x], 1),
    "stack": lambda T, x: T.stack([x, x], 1),
    "repeat": lambda T, x: x.repeat(1, 2, 1),
    "repeat_interleave": lambda T, x: x.repeat_interleave(2, 1),
    "where": lambda T, x: T.where(x > 0, x, 0.0),
    "masked_fill": lambda T, x: x.masked_fill(x > 0, 0.0),
    "clone": lambda T, x: x.clone(),
    "zeros_like": lambda T, x: T.zeros_like(x),
    "double": lambda T, x: x.float().double(),
    "gather": lambda T, x: x.gather(1, T.zeros(tuple(x.shape), dtype=T.int64)),
    "index_select": lambda T, x: x.index_select(1, T.tensor([0, 1])),
    "scatter_add": lambda T, x: x.scatter_add(1, T.zeros(tuple(x.shape), dtype=T.int64), x),
    "add": lambda T, x: x + 1,
    "add in another order": lambda T, x: x.contiguous() + x,
    "broadcast": lambda T, x: x * x[0],
    "compare": lambda T, x: (x > 0).double(),
    "transposed again": lambda T, x: x.transpose(0, 1).flatten(1),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name: str) -> None:
    compare(OPERATIONS[name], (4, 3, 2))
