"""What a program that never repeats itself leaves behind is bounded, whatever changes from turn to turn."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable

import pytest

import flambeau
from flambeau.graph import steps
from flambeau.graph.shapes import MOVED, View

KEPT = 1 << 20
LEFT = 3 * KEPT
"""What the caches may hold, and what may be there besides: tables of views and shapes, memory of values."""

_net = flambeau.nn.Sequential(flambeau.nn.Linear(4, 4), flambeau.nn.ReLU(), flambeau.nn.Linear(4, 1))
_optimizer = flambeau.optim.SGD(_net.parameters(), 0.01)
_draw = random.Random(0)


def length(n: int) -> None:
    assert (flambeau.ones(n) * 2 + 1).sum().item() == 3 * n


def length_again(n: int) -> None:
    for _ in range(3):
        length(n)


def order(n: int) -> None:
    x = flambeau.ones(4)
    for _ in range(6):
        x = _draw.choice([flambeau.sin, flambeau.cos, flambeau.tanh, flambeau.exp, flambeau.abs])(x)
    x.sum().item()


def view(n: int) -> None:
    flambeau.ones(n + 2, 3)[:n].t()[1:, n // 2 :].sum().item()


def training_step(n: int) -> None:
    _optimizer.zero_grad()
    _net(flambeau.ones(n, 4)).pow(2).mean().backward()
    _optimizer.step()


def host_function(n: int) -> None:
    flambeau.ones(n).sort()[0].sum().item()


@pytest.mark.parametrize(
    ("program", "turns"),
    [(length, 400), (length_again, 150), (order, 250), (view, 250), (training_step, 40), (host_function, 250)],
)
def test_what_is_kept_is_bounded(program: Callable[[int], None], turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "KEPT_BYTES", KEPT)
    steps.forget_steps()
    for n in range(1, 20):
        program(n)
    gc.collect()
    gc.disable()  # it must not be needed
    tracemalloc.start()
    try:
        for n in range(20, 20 + turns):
            program(n)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert grown < LEFT, f"{grown >> 10} KiB more after {turns} turns"


def test_views_go_with_what_holds_them() -> None:
    """The table in which views are found again does not keep them."""
    gc.collect()
    before = View.count_known()
    views = [View((number, 3), (3, 1), 0) for number in range(100_000, 100_050)]
    assert View((100_007, 3), (3, 1), 0) is views[7] and views[7].moved is views[7]
    assert views[7].at(5).moved is View((100_007, 3), (3, 1), MOVED)
    assert View.count_known() >= before + 50
    del views
    assert View.count_known() <= before + 1
