"""What a program that never repeats itself leaves behind is bounded, whatever changes from turn to turn."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from trie import bytes_reached, reached

import flambeau
from flambeau.graph import cuts, steps
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


@pytest.mark.parametrize("program", [length_again, order, view, training_step, host_function])
def test_what_leaves_the_trie_is_counted_off(program: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the budget would be spent by steps that are long gone."""
    steps.forget_steps()
    for n in [*range(1, 20), *range(1, 20)]:
        program(n)
    assert steps._step_bytes > 20 * steps.STEP_BYTES
    monkeypatch.setattr(steps, "KEPT_BYTES", steps._structure_bytes + steps._kept_bytes)
    steps._forget_some()
    left = 0
    waiting = list(steps._roots.values())
    while waiting:
        step = waiting.pop()
        followers = [following for following in step.next.values() if following is not None]
        left += len(followers)
        waiting += [getattr(following, "last", following) for following in followers]
    assert steps._step_bytes == left * steps.STEP_BYTES == 0


def behind_a_leaf_that_stays(n: int) -> None:
    weight = _net[0].weight
    weight.detach().sin().sum().item()
    flambeau.nn.functional.linear(weight, flambeau.ones(n + 1, 4)).sum().item()


@pytest.mark.parametrize("program", [length_again, training_step, host_function, behind_a_leaf_that_stays])
def test_what_was_used_last_stays(program: Callable[[int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the budget is made free at a time, and what is left is counted as what can be reached."""
    steps.forget_steps()
    for _ in range(3):
        for n in range(2, 30):
            program(n)
    monkeypatch.setattr(steps, "_kept_bytes", 0)
    before = steps._step_bytes
    monkeypatch.setattr(steps, "KEPT_BYTES", steps._structure_bytes + before)
    monkeypatch.setattr(steps, "_forget_sizes", lambda: pytest.fail("all was forgotten"))
    steps._forget_some()
    assert before // 2 < steps._step_bytes < before - steps.KEPT_BYTES // 16
    assert not any([step.passing for step in reached()]), "it has gone, and is found all the same"
    assert steps._step_bytes == bytes_reached()
    monkeypatch.setattr(steps, "KEPT_BYTES", 2 * steps.KEPT_BYTES)
    left = steps._step_bytes
    program(29)
    assert steps._step_bytes == left
    program(2)
    program(2)
    assert steps._step_bytes > left


def test_a_leaf_that_leads_to_one_composite_is_not_looked_up() -> None:
    x, w, b, other = [flambeau.tensor(np.ones(shape, np.float32)) for shape in [(37, 41), (2, 41), 2, (39, 41)]]
    steps.forget_steps()
    root = steps.root_of("cpu")
    linear = flambeau.nn.functional.linear

    def following() -> list[object]:
        return [step for step in root.next.values() if step is not None]

    (b.log().sum() + linear(x, w, b).sum()).item()  # learnt step by step, elsewhere
    (leaf,) = following()
    linear(x, w, b).sum().item()
    assert [step for step in following() if isinstance(step, steps.Step)] == [leaf]
    # Another size is known to be one, though there is no step of a leaf: what follows it goes with its trace at first.
    linear(other, w, b).sum().item()
    assert len(following()) == 2
    linear(other, w, b).sum().item()
    assert len(following()) == 3


@pytest.mark.parametrize("limits", [(768, 1024, (6144, 8192)), (40, 60, (90, 400)), (40, 60, (2000, 3000))])
@pytest.mark.parametrize("looping", [False, True])
def test_a_step_that_repeats_adds_nothing(
    limits: tuple[int, int, tuple[int, int]], looping: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever traces are cut, and whether they may become longer than others."""
    for name, value in zip(("SOFT_BUDGET", "HARD_BUDGET", "LONG_BUDGETS"), limits):
        monkeypatch.setattr(cuts, name, value)
    if looping:
        monkeypatch.setattr(cuts, "_long_at", _EveryLine())
    layers = [layer for _ in range(12) for layer in (flambeau.nn.Linear(6, 6), flambeau.nn.LayerNorm(6), flambeau.nn.GELU())]
    net = flambeau.nn.Sequential(*layers)
    optimizer = flambeau.optim.Adam(net.parameters(), 0.01)
    inputs = flambeau.randn(5, 6)
    counted = []
    for _ in range(9):
        optimizer.zero_grad()
        loss = net(inputs).square().mean()
        loss.backward()
        optimizer.step()
        loss.item()
        counted.append(steps._step_bytes)
    assert counted[-1] == counted[-2] == counted[-3], counted


class _EveryLine(set[object]):
    def __contains__(self, line: object) -> bool:
        return True


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
