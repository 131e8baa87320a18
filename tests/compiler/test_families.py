"""What recurs in structure is planned once: other sizes are bound, turns of loops are parts, what is kept is bounded."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import flambeau
from flambeau import nn
from flambeau.compiler import families, fitted, outline
from flambeau.compiler.repeats import loops_in
from flambeau.core import composite
from flambeau.graph import steps, trace
from flambeau.graph.results import form_of


@pytest.fixture
def outlines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The numbers of steps of what is planned in a test."""
    steps.forget_steps()
    planned: list[int] = []
    made = outline.Outline.__init__

    def counted(self: Any, device: Any, steps: Any, *rest: Any, **more: Any) -> None:
        planned.append(len(steps))
        made(self, device, steps, *rest, **more)

    monkeypatch.setattr(outline.Outline, "__init__", counted)
    yield planned
    steps.forget_steps()


def trained(net: nn.Module, batch: Callable[[int], tuple[Any, Any]]) -> Callable[[int], float]:
    optimizer = flambeau.optim.Adam(net.parameters())
    loss = nn.CrossEntropyLoss()

    def step(size: int) -> float:
        x, y = batch(size)
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return float(value)

    return step


def rows(size: int) -> tuple[Any, Any]:
    return flambeau.from_numpy(np.ones((size, 20), np.float32)), flambeau.from_numpy(np.arange(size) % 4)


def pictures(size: int) -> tuple[Any, Any]:
    return flambeau.from_numpy(np.ones((4, 3, size, size + 3), np.float32)), flambeau.from_numpy(np.arange(4))


def test_new_batch_sizes_are_bound(outlines: list[int]) -> None:
    step = trained(nn.Sequential(nn.Linear(20, 12), nn.ReLU(), nn.LayerNorm(12), nn.Linear(12, 4)), rows)
    for size in (40, 44, 48):
        step(size)
    outlines.clear()
    for size in range(49, 64):
        step(size)
    assert outlines == []


def test_new_pictures_are_bound(outlines: list[int]) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(2), nn.AdaptiveAvgPool1d(1),
        nn.Flatten(), nn.Linear(8, 4),
    )  # fmt: skip
    step = trained(net, pictures)
    for size in range(20, 30):
        step(size)
    outlines.clear()
    for size in range(30, 40):
        step(size)
    assert sum(count > 20 for count in outlines) <= 2  # where another choice of kernels begins


@pytest.mark.parametrize("verified", [False, True])
def test_functions_of_numpy_find_temporaries_at_every_size(
    outlines: list[int], verified: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sort between products: what it reads and writes lies behind other temporaries, whose sizes vary."""
    monkeypatch.setattr("flambeau.compiler.plan.CHECK", verified)
    weight = np.cos(np.arange(144.0).reshape(12, 12))
    factor = flambeau.from_numpy(weight)
    for size in (20, 30, 25, 40, 33, 60, 21):
        rows = np.sin(np.arange(size * 12.0).reshape(size, 12))
        x = flambeau.from_numpy(rows)
        hidden, order = flambeau.sort(flambeau.tanh(x @ factor), 0)
        hidden = flambeau.sort((hidden @ factor) * 2 + 1, 1)[0]  # nobody holds the first one any more
        order = order[:, 0] + 0
        hidden = (hidden @ factor)[order]
        del order
        result, first = hidden, np.tanh(rows @ weight)
        expected = np.sort(np.sort(first, 0) @ weight * 2 + 1, 1) @ weight
        np.testing.assert_allclose(result.numpy(), expected[np.argsort(first, 0, kind="stable")[:, 0]], 1e-9)


def test_the_trie_may_be_forgotten(outlines: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that never repeats itself fills it, and goes on with the plans that it has."""
    step = trained(nn.Sequential(nn.Linear(20, 12), nn.Tanh(), nn.Linear(12, 4)), rows)
    for size in (40, 44, 48):
        step(size)
    outlines.clear()
    monkeypatch.setattr(steps, "KEPT_BYTES", 2 * steps._structure_bytes + 80 * steps.STEP_BYTES)
    forgotten: list[int] = []
    forget = steps._forget_some
    monkeypatch.setattr(steps, "_forget_some", lambda: forgotten.append(0) or forget())
    for size in range(49, 149):
        step(size)
        step(size)
        step(40)
    assert outlines == []
    assert len(forgotten) > 1
    assert steps._step_bytes + steps._kept_bytes + steps._structure_bytes <= steps.KEPT_BYTES


def test_what_left_the_trie_is_not_held_for_its_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces of all lengths and sizes, each evaluated a few times: their steps go when they are forgotten."""
    monkeypatch.setattr(steps, "KEPT_BYTES", 1 << 20)
    steps.forget_steps()

    def alive() -> int:
        gc.collect()
        return sum([type(kept) is steps.Step for kept in gc.get_objects()])

    held = alive()  # by what other tests have left
    draw = random.Random(0)
    most = 0
    for turn in range(250):
        x = flambeau.ones(draw.randrange(2, 400), 4)
        order = [draw.choice([flambeau.abs, flambeau.neg, flambeau.relu, flambeau.square]) for _ in range(draw.randrange(20, 60))]
        for _ in range(3):
            y = x * 1
            for function in order:
                y = function(y)
            y.tolist()
        if turn % 25 == 24:
            most = max(most, alive() - held)
    assert most * steps.STEP_BYTES < 1.2 * steps.KEPT_BYTES


def test_plans_that_several_traces_share_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same steps, recorded one by one and by composites of composites: when both are forgotten, so are the plans."""
    monkeypatch.setattr(composite, "PATIENCE", 3)
    monkeypatch.setattr(steps, "KEPT_BYTES", 1 << 30)
    monkeypatch.setattr(steps, "STEP_BYTES", 0)  # so that plans alone are counted
    trace.step_boundary()
    steps.forget_steps()
    x, w = flambeau.ones(3, 4), flambeau.ones(4, 4, requires_grad=True)
    for _ in range(8):
        w.grad = None
        (((x @ w).tanh() @ w).sigmoid() * 2).sum().backward()
        w.grad.tolist()
    ends = [end for end in steps._ends if end.plans]
    assert any(one.plans is other.plans for one in ends for other in ends if one is not other)
    counted = steps._step_bytes
    monkeypatch.setattr(steps, "KEPT_BYTES", 16 * (steps._structure_bytes + steps._kept_bytes) // 15)  # nothing is left for steps
    monkeypatch.setattr(steps, "_forget_sizes", lambda: None)
    steps._forget_some()
    assert counted > 0 and steps._step_bytes == 0 and not steps._ends


def test_what_is_used_stays_in_the_trie(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many sizes, each seen twice, those of long ago are forgotten; the one that comes again and again is not."""
    x = {size: flambeau.ones(size) for size in range(1, 400)}

    def known(size: int) -> bool:
        """Runs a program at a size; whether all its steps are found."""
        made: list[int] = []
        with monkeypatch.context() as patch:
            patch.setattr(trace, "form_of", lambda *given: made.append(0) or form_of(*given))
            ((x[size] * 2 + 1).exp() - x[size]).sum().item()
        return not made

    for size in (300, 301):
        while not known(size):
            pass
    monkeypatch.setattr(steps, "KEPT_BYTES", 2 * steps._structure_bytes + 400 * steps.STEP_BYTES)
    usual = [known(300) and (known(size), known(size)) is not None for size in range(1, 200)]
    assert all(usual)
    assert not known(301) and not known(2)


def test_turns_of_loops_are_planned_once(outlines: list[int]) -> None:
    weight = flambeau.full((6, 6), 0.1)
    weight.numpy()

    def loop(turns: int) -> Any:
        state, rows = flambeau.ones(5, 6), flambeau.from_numpy(np.ones((turns, 5, 6), np.float32))
        for row in range(turns):
            gate = flambeau.sigmoid(state @ weight + rows[row])
            state = flambeau.tanh(gate * state + rows[row] * 0.5) + 0.1
        return state.numpy()

    def plain(turns: int) -> Any:
        state = np.ones((5, 6))
        for _ in range(turns):
            gate = 1 / (1 + np.exp(-(state @ np.full((6, 6), 0.1) + 1)))
            state = np.tanh(gate * state + 0.5) + 0.1
        return state

    for turns in range(20, 27):
        np.testing.assert_allclose(loop(turns), plain(turns), 1e-5)
    outlines.clear()
    for turns in range(27, 40):
        np.testing.assert_allclose(loop(turns), plain(turns), 1e-5)
    assert outlines == []


def test_variants_are_bounded(outlines: list[int]) -> None:
    """Sizes that each need another variant: the oldest leave."""
    for size in range(2, 60):
        flambeau.arange(float(size)).reshape(1, size).expand(size, size).contiguous()[:, size // 2].sum().item()
    assert all(len(variants.known) <= fitted.MOST_VARIANTS for variants in fitted._parts.values())
    assert all(len(family.variants.known) <= families.MOST_VARIANTS for family in families._families.values())


def test_loops_are_found() -> None:
    body = [5, 3, 4, 7, 8, 2, 9]
    assert loops_in([50, 51, *body * 9, 60, 61, 62], 6, 600) == [(7, 7, 8)]  # they begin at the least number, 2
    assert loops_in([*body, *body, 70], 6, 600) == []
    assert loops_in([], 6, 600) == loops_in([1], 6, 600) == []
    assert {length for _, length, _ in loops_in([1, 2] * 40, 6, 600)} == {6}


def test_loops_of_random_traces() -> None:
    """They do not overlap, and their turns are alike."""
    for seed in range(200):
        draw = random.Random(seed)
        kinds: list[int] = []
        for _ in range(draw.randint(1, 6)):
            body = [draw.randint(0, 12) for _ in range(draw.randint(1, 30))]
            kinds += body * draw.randint(1, 9) + [draw.randint(0, 40) for _ in range(draw.randint(0, 6))]
        end = 0
        for start, length, count in loops_in(kinds, 6, 600):
            assert start >= end and count > 0
            end = start + length * count
            assert end <= len(kinds)
            assert kinds[start:end] == kinds[start : start + length] * count


def test_turns_that_read_nothing_behind_constants() -> None:
    for count in (12, 14, 16):
        given = flambeau.ones(3) + flambeau.full((3,), 2.0)
        rows = [(flambeau.arange(7).float().sin() * 2).exp() for _ in range(count)]
        total = float(flambeau.stack(rows).sum() + given.sum())
        assert total == pytest.approx(count * np.exp(np.sin(np.arange(7.0)) * 2).sum() + 9, rel=1e-5)
