"""Gathers read what is pending as they read memory, and from wherever a view begins without a new plan."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import flambeau
import flambeau.nn.functional
from flambeau.compiler.plan import Plan

SOURCES: dict[str, Callable[..., object]] = {
    "arange": lambda T, n: T.arange(n),
    "arange of floats": lambda T, n: T.arange(n, dtype=T.float32),
    "arange from a number": lambda T, n: T.arange(3, 3 + 2 * n, 2),
    "full": lambda T, n: T.full((n,), 7.5),
    "random": lambda T, n: T.rand(n).floor(),
    "view of arange": lambda T, n: T.arange(2 * n).view(n, 2)[:, 1],
    "expanded arange": lambda T, n: T.arange(n).view(n, 1).expand(n, 3)[:, 2],
    "tail of arange": lambda T, n: T.arange(n + 4)[4:],
    "sum": lambda T, n: T.arange(2 * n).view(n, 2).sum(1),
    "joined": lambda T, n: T.cat([T.arange(n - 1), T.full((1,), 9)]),
    "gathered": lambda T, n: T.arange(n).flip(0),
    "mapped": lambda T, n: T.arange(n) * 3,
    "sorted": lambda T, n: T.arange(n).flip(0).sort()[0],
}

READERS: dict[str, Callable[..., object]] = {
    "index": lambda T, x, n: x[T.tensor([n - 1, 0])],
    "pending index": lambda T, x, n: x[(T.arange(3) * 5) % n],
    "many indices": lambda T, x, n: x[T.zeros(20 * n, dtype=T.int64)],
    "matrix of indices": lambda T, x, n: x[T.arange(2 * n).view(2, n) % n],
    "index_select": lambda T, x, n: x.index_select(0, T.tensor([n - 2, 1])),
    "gather": lambda T, x, n: x.gather(0, T.tensor([n - 1, 2])),
    "take": lambda T, x, n: x.take(T.tensor([[n - 1, 2]])),
    "mask": lambda T, x, n: x[T.arange(n) % 3 == 1],
    "flip": lambda T, x, n: x.flip(0),
    "roll": lambda T, x, n: x.roll(2, 0),
    "permuted": lambda T, x, n: x[T.arange(n).flip(0)],
    "reflected": lambda T, x, n: T.nn.functional.pad(x.double()[None, None], (2, 1), mode="reflect"),
    "wrapped": lambda T, x, n: T.nn.functional.pad(x.double()[None, None], (2, 1), mode="circular"),
    "table": lambda T, x, n: T.nn.functional.embedding(T.tensor([[n - 1, 0]]), x.double()[:, None]),
    "picked": lambda T, x, n: T.nn.functional.nll_loss(x.double()[None], T.tensor([n - 1])),
}


@pytest.mark.parametrize("source", SOURCES)
def test_a_gather_reads_what_is_pending(source: str) -> None:
    for number, (name, reader) in enumerate(READERS.items()):
        n = 5 + number  # each at a size of its own, run one primitive at a time, then fused
        wanted = reader(torch, SOURCES[source](torch, n), n)
        for _ in range(3):
            found = reader(flambeau, SOURCES[source](flambeau, n), n)
            np.testing.assert_array_equal(found.numpy(), wanted.numpy(), f"{name} of {source}")  # type: ignore[attr-defined]


MOVING: dict[str, Callable[..., flambeau.Tensor]] = {
    "flip": lambda x, i: x[i : i + 8].flip(-1),
    "index": lambda x, i: x[i : i + 8][:, flambeau.tensor([2, 0, 1])],
    "rows": lambda x, i: x[i : i + 8][flambeau.tensor([7, 0])],
    "row": lambda x, i: x[i][flambeau.tensor([2, 0])],
    "reflect": lambda x, i: flambeau.nn.functional.pad(x[i : i + 8][None], (2, 2), mode="reflect"),
    "gather": lambda x, i: x[i : i + 8].gather(1, flambeau.zeros(8, 2, dtype=flambeau.int64)),
    "embedding": lambda x, i: flambeau.nn.functional.embedding(flambeau.tensor([3, 1]), x[i : i + 8]),
    "loss": lambda x, i: flambeau.nn.functional.nll_loss(x[i : i + 3], flambeau.tensor([1, 0, 2])),
    "scatter": lambda x, i: x[i : i + 3].scatter(0, flambeau.zeros(1, 5, dtype=flambeau.int64), 1.0),
    "index_add": lambda x, i: x[i : i + 3].index_add(0, flambeau.tensor([1, 0]), flambeau.ones(2, 5)),
    "product": lambda x, i: x[i : i + 3] @ x[i + 1 : i + 8].t(),
    "convolution": lambda x, i: flambeau.nn.functional.conv1d(x[i : i + 3][None], flambeau.ones(2, 3, 1)),
    "pooling": lambda x, i: flambeau.nn.functional.max_pool1d(x[i : i + 8][None], 2),
    "interpolation": lambda x, i: flambeau.nn.functional.interpolate(x[i : i + 8][None], scale_factor=2),
    "sort": lambda x, i: x[i : i + 8].sort()[0],
    "sum of scans": lambda x, i: x[i : i + 8].cumsum(0),
    "diagonal": lambda x, i: x[i : i + 8].diagonal() * 2,
    "windows": lambda x, i: x[i : i + 8].unfold(0, 3, 2).sum(-1),
    "stack": lambda x, i: flambeau.stack([x[i], x[i + 3]]),
}


def test_what_reads_a_moving_slice_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = flambeau.arange(300.0).view(60, 5).contiguous()
    planned = []
    initialise = Plan.__init__
    monkeypatch.setattr(Plan, "__init__", lambda self, *a, **k: (planned.append(a), initialise(self, *a, **k))[1])
    for name, read in MOVING.items():
        for i in (1, 2, 3):
            read(x, i).tolist()
        planned.clear()
        for i in (4, 17, 50):
            read(x, i).tolist()
        assert not planned, name
