"""Gathers read what is pending as they read memory, and from wherever a view begins without a new plan."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracle import evaluated

import flambeau
import flambeau.nn.functional
from flambeau.compiler.plan import Plan

SOURCES = [
    "T.arange(n)", "T.arange(n, dtype=T.float32)", "T.arange(3, 3 + 2 * n, 2)", "T.full((n,), 7.5)", "T.rand(n).floor()",
    "T.arange(2 * n).view(n, 2)[:, 1]", "T.arange(n).view(n, 1).expand(n, 3)[:, 2]", "T.arange(n + 4)[4:]",
    "T.arange(2 * n).view(n, 2).sum(1)", "T.cat([T.arange(n - 1), T.full((1,), 9)])", "T.arange(n).flip(0)",
    "T.arange(n) * 3", "T.arange(n).flip(0).sort()[0]",
]  # fmt: skip

READERS = [
    "x[T.tensor([n - 1, 0])]", "x[(T.arange(3) * 5) % n]", "x[T.zeros(20 * n, dtype=T.int64)]",
    "x[T.arange(2 * n).view(2, n) % n]", "x.index_select(0, T.tensor([n - 2, 1]))", "x.gather(0, T.tensor([n - 1, 2]))",
    "x.take(T.tensor([[n - 1, 2]]))", "x[T.arange(n) % 3 == 1]", "x.flip(0)", "x.roll(2, 0)", "x[T.arange(n).flip(0)]",
    'F.pad(x.double()[None, None], (2, 1), mode="reflect")', 'F.pad(x.double()[None, None], (2, 1), mode="circular")',
    "F.embedding(T.tensor([[n - 1, 0]]), x.double()[:, None])", "F.nll_loss(x.double()[None], T.tensor([n - 1]))",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_a_gather_reads_what_is_pending(source: str) -> None:
    for number, reader in enumerate(READERS):
        n = 5 + number  # each at a size of its own, run one primitive at a time, then fused
        wanted = evaluated(torch, reader, x=evaluated(torch, source, n=n), n=n)
        for _ in range(3):
            found = evaluated(flambeau, reader, x=evaluated(flambeau, source, n=n), n=n)
            np.testing.assert_array_equal(found.numpy(), wanted.numpy(), f"{reader} of {source}")


MOVING = [
    "x[i : i + 8].flip(-1)", "x[i : i + 8][:, T.tensor([2, 0, 1])]", "x[i : i + 8][T.tensor([7, 0])]",
    "x[i][T.tensor([2, 0])]", 'F.pad(x[i : i + 8][None], (2, 2), mode="reflect")',
    "x[i : i + 8].gather(1, T.zeros(8, 2, dtype=T.int64))", "F.embedding(T.tensor([3, 1]), x[i : i + 8])",
    "F.nll_loss(x[i : i + 3], T.tensor([1, 0, 2]))", "x[i : i + 3].scatter(0, T.zeros(1, 5, dtype=T.int64), 1.0)",
    "x[i : i + 3].index_add(0, T.tensor([1, 0]), T.ones(2, 5))", "x[i : i + 3] @ x[i + 1 : i + 8].t()",
    "F.conv1d(x[i : i + 3][None], T.ones(2, 3, 1))", "F.max_pool1d(x[i : i + 8][None], 2)",
    "F.interpolate(x[i : i + 8][None], scale_factor=2)", "x[i : i + 8].sort()[0]", "x[i : i + 8].cumsum(0)",
    "x[i : i + 8].diagonal() * 2", "x[i : i + 8].unfold(0, 3, 2).sum(-1)", "T.stack([x[i], x[i + 3]])",
]  # fmt: skip


def test_what_reads_a_moving_slice_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = flambeau.arange(300.0).view(60, 5).contiguous()
    planned = []
    initialise = Plan.__init__
    monkeypatch.setattr(Plan, "__init__", lambda self, *a, **k: (planned.append(a), initialise(self, *a, **k))[1])
    for read in MOVING:
        for i in (1, 2, 3):
            evaluated(flambeau, read, x=x, i=i).tolist()
        planned.clear()
        for i in (4, 17, 50):
            evaluated(flambeau, read, x=x, i=i).tolist()
        assert not planned, read
