"""In which order the elements of results lie in memory when operands are permuted: `view` works where it does in PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from oracle import evaluated

import flambeau


def made(T: Any, shape: tuple[int, ...], order: tuple[int, ...]) -> Any:
    count = int(np.prod(shape))
    return (T.arange(float(count), dtype=T.float64) * 0.37).sin().reshape(shape).permute(order)


def steps(x: Any) -> tuple[int, ...]:
    """The strides of axes that have more than one element."""
    return tuple(step for extent, step in zip(x.shape, x.stride()) if extent > 1)


def compare(expression: str, shape: tuple[int, ...]) -> None:
    for order in itertools.permutations(range(len(shape))):
        ours, theirs = (evaluated(T, expression, x=made(T, shape, order)) for T in (flambeau, torch))
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert steps(ours) == steps(theirs), order
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-10)


NORMALISATIONS = [
    "F.layer_norm(x, x.shape[-1:])", "F.layer_norm(x, x.shape[1:])", "F.rms_norm(x, x.shape[-1:])", "F.group_norm(x, 1)",
    "F.batch_norm(x, None, None, training=True)",
    "F.batch_norm(x, T.zeros(x.shape[1]).to(x), T.ones(x.shape[1]).to(x))", "F.instance_norm(x)",
]  # fmt: skip


@pytest.mark.parametrize("shape", [(4, 3, 2), (2, 3, 4, 5)])
@pytest.mark.parametrize("expression", NORMALISATIONS)
def test_normalisations(expression: str, shape: tuple[int, ...]) -> None:
    compare(expression, shape)


OPERATIONS = [
    "T.arange(24.0).to(x).reshape(4, 6)[(x * 3).to(T.int64) % 4]", "x.softmax(-1)", "x.log_softmax(1)", "F.gelu(x)",
    "F.linear(x, T.ones(5, x.shape[-1], dtype=T.float64))", "x @ x.mT", "F.pad(x, (1, 1))", "F.pad(x, (0, 0))",
    "F.pad(x, (-1, 0))", "x.sum(1)", "x.amax(1)", "x.var(1)", "x.cumsum(1)", "x.flip(1)", "x.roll(1, 1)", "x.tril()",
    "T.cat([x, x], 1)", "T.stack([x, x], 1)", "x.repeat(1, 2, 1)", "x.repeat_interleave(2, 1)", "T.where(x > 0, x, 0.0)",
    "x.masked_fill(x > 0, 0.0)", "x.clone()", "T.zeros_like(x)", "x.float().double()",
    "x.gather(1, T.zeros(tuple(x.shape), dtype=T.int64))", "x.index_select(1, T.tensor([0, 1]))",
    "x.scatter_add(1, T.zeros(tuple(x.shape), dtype=T.int64), x)", "x + 1", "x.contiguous() + x", "x * x[0]",
    "(x > 0).double()", "x.transpose(0, 1).flatten(1)",
]  # fmt: skip


@pytest.mark.parametrize("expression", OPERATIONS)
def test_operations(expression: str) -> None:
    compare(expression, (4, 3, 2))
