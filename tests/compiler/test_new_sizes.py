"""Programs at sizes on both sides of what decides how they are computed, by turns: the same bits as each operation by itself.

Kernels choose by sizes: products by blocks or in lanes, sums in one run or a tree of several, whether a row fits into vectors,
whether anything is to be done at all. What was learnt at one size must not show at another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tiers import eager

import flambeau
from flambeau.graph import trace

SIZES = [
    *((5, 7, 3), (6, 8, 4), (1, 7, 3), (5, 1, 3), (5, 7, 1), (6, 6, 6), (16, 32, 16), (17, 33, 15), (5, 7, 3)),
    *((0, 7, 3), (70, 130, 64), (64, 64, 64), (3, 1030, 2), (1030, 3, 2), (200, 20, 40), (6, 8, 4)),
]
"""Of a batch, of features, and of another number. Neighbours differ in as few ways as they can."""

Made = Callable[..., Any]


def _normalised(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    x, weight, bias = given(n, m), given(m), given(m)
    return T.nn.functional.layer_norm(x, (m,), weight, bias).softmax(-1) * x


def _batch_norm(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    mean, variance = T.zeros(m, dtype=T.float64), T.ones(m, dtype=T.float64)
    y = T.nn.functional.batch_norm(given(n + 2, m, 3), mean, variance, given(m), given(m), training=True)
    return T.cat([y.reshape(-1), mean, variance])


def _perceptron(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    hidden = T.nn.functional.linear(given(n, m), given(k, m), given(k)).relu()
    return T.nn.functional.linear(hidden, given(m, k), given(m)).tanh()


def _attention(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    q, key, value = given(2, n, k), given(2, m, k), given(2, m, k)
    return ((q @ key.mT) / k**0.5).softmax(-1) @ value


def _convolution(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    y = T.nn.functional.conv2d(given(2, 3, n + 2, min(m, 40) + 2), given(min(k, 20), 3, 3, 3), given(min(k, 20)), padding=1)
    return T.nn.functional.max_pool2d(y.relu(), 2)


def _loss(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    labels = T.arange(n) * 5 % m
    return T.nn.functional.cross_entropy(given(n, m) * given(m), labels, reduction="sum")


def _graph(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    nodes, start, end = given(n + 1, k), T.arange(m) * 3 % (n + 1), T.arange(m) * 7 % (n + 1)
    return nodes.index_add(0, end, (nodes[start] - nodes[end]).tanh())


def _words(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    words = (T.arange(n * m) * 7 % 50).view(n, m)
    present = (words > 3).unsqueeze(-1)
    return (T.nn.functional.embedding(words, given(50, k)) * present).sum(1) / present.sum(1).clamp(min=1)


def _written(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    x, y = given(n, m), given(m) * 2
    kept = T.zeros(n + k, m, dtype=T.float64)
    kept[k:] = x
    kept[: k // 2] += y
    return T.cat([kept.flip(0), x[n // 2 :], y[None]]).cumsum(0)


def _loop(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    rows, weight, h = given(1 + n % 20, 3, m), given(m, m) * 0.1, T.zeros(3, m, dtype=T.float64)
    outputs = [h]
    for row in rows:
        h = (row + h @ weight).tanh()
        outputs.append(h * k)
    return T.stack(outputs)


def _cached(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    keys, total = given(1, m), given(m)
    for row in given(1 + n % 20, m):
        keys = T.cat([keys, row[None]])
        total = total + (keys @ row).softmax(0) @ keys
    return total


def _columns(T: Any, given: Made, n: int, m: int, k: int) -> Any:
    x, y = given(n, m, k), given(m, 1)
    return (x * y).sum(0).tanh() + (x + y).mean((0, 2))[:, None] + x.sum()


PROGRAMS = [
    *(_normalised, _batch_norm, _perceptron, _attention, _convolution, _loss, _graph, _words, _written, _loop, _cached),
    _columns,
]


def run(T: Any, program: Callable[..., Any], sizes: tuple[int, int, int]) -> list[np.ndarray]:
    """What a program gives, and its gradients."""
    random = np.random.default_rng(sum(sizes))
    leaves = []

    def given(*shape: int) -> Any:
        leaves.append(T.tensor(random.uniform(-1, 1, shape), requires_grad=True))
        return leaves[-1]

    result = program(T, given, *sizes)
    gradients = T.autograd.grad((result * result).sum(), leaves)
    return [np.array(each.detach().numpy()) for each in (result, *gradients)]


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.__name__.strip("_") for program in PROGRAMS])
def test_no_size_leaves_its_mark_on_another(program: Callable[..., Any]) -> None:
    with eager():
        wanted = [run(flambeau, program, sizes) for sizes in SIZES]
    for sizes, known in zip(SIZES, wanted):
        for mine, other in zip(known, run(torch, program, sizes), strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9, err_msg=str(sizes))
    for order in (1, -1, 1):
        for sizes, known in list(zip(SIZES, wanted))[::order]:
            trace.step_boundary()
            for mine, other in zip(run(flambeau, program, sizes), known, strict=True):
                np.testing.assert_array_equal(mine, other, err_msg=str(sizes))
                np.testing.assert_array_equal(np.signbit(mine), np.signbit(other), err_msg=str(sizes))
