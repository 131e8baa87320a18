"""Turns of hand-written loops are put down together: the same bits, memory that is nobody else's, errors that name their line."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from reference_device import computing_there
from tiers import eager

import flambeau
from flambeau.compiler import fitted, parts
from flambeau.graph import steps

WIDTH = 6


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    steps.forget_steps()
    yield
    steps.forget_steps()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many turns there were in each trace that was put together."""
    found: list[int] = []
    original = parts.parts_of

    def counted(chain: Any, depth: int) -> Any:
        leaves, made = original(chain, depth)
        found.append(sum(len(row.integers) for row in made if row.turns))
        return leaves, made

    monkeypatch.setattr("flambeau.compiler.assemble.parts_of", counted)
    return found


def random_body(choose: random.Random, growing: bool = False) -> Any:
    """A function of (weights, rows, turn, text, states) that gives the next states, of one to three, and the text.

    If it is ``growing``, its instructions read values that are longer in each turn: a text of rows that were joined, a cache that
    was written to, the rows up to this turn.
    """
    names = "matmul add mul tanh sigmoid row slice keep sum".split()
    if growing:
        names = [*choose.sample(names, 4), *choose.choices(["join", "attend", "cache", "until"], k=4)]
    instructions = [(choose.choice(names), choose.random(), choose.random()) for _ in range(choose.randint(3, 9))]
    if growing:
        instructions += [("join", choose.random(), 0.0), (choose.choice(["attend", "cache", "until"]), choose.random(), 0.0)]
    count = choose.randint(1, 3)

    def body(weights: Any, rows: Any, turn: int, text: Any, states: list[Any]) -> tuple[list[Any], Any]:
        values = [*states]
        row = rows[turn]
        cache: Any = flambeau.zeros_like(rows) if growing else None
        for name, first, second in instructions:
            a, b = values[int(first * len(values))], values[int(second * len(values))]
            if name == "matmul":
                value = flambeau.tanh(a @ weights)
            elif name == "add":
                value = (a + b) * 0.5
            elif name == "mul":
                value = a * b
            elif name == "row":
                value = a + row
            elif name == "slice":
                value = flambeau.cat([a[:, 2:], b[:, :2]], 1)
            elif name == "keep":
                value = flambeau.where(a > 0, a, b * 0.1)
            elif name == "sum":
                value = a - b.mean(1, keepdim=True)
            elif name == "join":
                text = flambeau.cat([text, a], 0)
                value = a * 0.5
            elif name == "attend":
                value = flambeau.softmax(a @ text.t(), 1) @ text
            elif name == "cache":
                cache = cache.clone()
                cache[turn] = a
                value = a + cache[: turn + 1].sum(0)
            elif name == "until":
                value = a * rows[: turn + 1].mean(0)
            else:
                value = getattr(flambeau, name)(a)
            values.append(value)
        return [flambeau.tanh(values[-1 - k % len(instructions)] + states[k] + row) for k in range(count)], text

    return count, body


def run(count: int, body: Any, length: int, batch: int, seen: int) -> list[bytes]:
    """What a loop of so many turns gives, its gradients, and what is looked at after turn ``seen``."""
    numbers = np.random.default_rng(length)
    weights = flambeau.from_numpy(numbers.standard_normal((WIDTH, WIDTH)).astype(np.float32)).requires_grad_()
    rows = flambeau.from_numpy(numbers.standard_normal((length, batch, WIDTH)).astype(np.float32)).requires_grad_()
    states = [flambeau.full((batch, WIDTH), 0.1 * k) @ weights for k in range(count)]
    text = states[0][:1]
    outputs, looked = [], b""
    for turn in range(length):
        states, text = body(weights, rows, turn, text, states)
        outputs.append(states[0])
        if turn == seen:
            looked = states[-1].detach().numpy().tobytes()
    result = flambeau.stack(outputs)
    (result.sum() + states[-1].mean() + text.mean()).backward()
    grads = [weights.grad, rows.grad]
    assert all(grad is not None for grad in grads)
    return [looked, result.detach().numpy().tobytes(), *[grad.numpy().tobytes() for grad in grads]]  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(8))
def test_random_loops_have_the_same_bits(seed: int, turns: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    choose = random.Random(seed)
    count, body = random_body(choose, growing=seed % 2 == 1)
    sizes = [(choose.randint(15, 30), choose.randint(1, 5), choose.choice([-1, -1, 9])) for _ in range(4)]
    with eager():
        expected = [run(count, body, *size) for size in sizes]
    monkeypatch.setattr("flambeau.compiler.plan.CHECK", True)
    for size, wanted in zip(sizes, expected, strict=True):
        assert run(count, body, *size) == wanted, size
    assert max(turns) >= 10


def test_what_is_known_may_be_forgotten_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    count, body = random_body(random.Random(9), growing=True)
    with eager():
        expected = run(count, body, 14, 2, -1)
    for most in (10_000, 100_000):
        monkeypatch.setattr(steps, "KEPT_BYTES", most)
        assert run(count, body, 14, 2, -1) == expected


@pytest.mark.parametrize("seed", range(2))
def test_random_loops_on_the_reference_device(seed: int, turns: list[int]) -> None:
    choose = random.Random(seed)
    count, body = random_body(choose, growing=True)
    with computing_there():
        for size in [(17, 3, -1), (15, 2, 9), (19, 3, -1)]:
            with eager():
                expected = run(count, body, *size)
            assert run(count, body, *size) == expected, size
    assert max(turns) >= 10


def test_turns_that_differ_in_size_or_in_what_they_read(turns: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that grows, and a state that is now one value and now two: each turn is planned for what it is."""

    def program(length: int) -> bytes:
        one = two = flambeau.ones(3, 4)
        text = flambeau.zeros(3, 1)
        for turn in range(length):
            one, two = flambeau.tanh(one + two * 0.5), flambeau.sigmoid(one * two - 0.1)
            text = flambeau.cat([text, (one * two).sum(1, keepdim=True)], 1)
            if turn % 5 == 4:
                two = one
        return (text * text.mean(1, keepdim=True)).numpy().tobytes()

    with eager():
        expected = [program(length) for length in range(15, 40, 5)]
    monkeypatch.setattr("flambeau.compiler.plan.CHECK", True)
    assert [program(length) for length in range(15, 40, 5)] == expected
    assert max(turns) >= 10


def test_turns_that_each_read_in_their_own_way_are_not_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose steps recur, but not how they read each other (as in a tree, of another form each time)."""
    weights = flambeau.full((6, 6), 0.1)
    weights.numpy()

    def program(choose: random.Random) -> bytes:
        values = [flambeau.full((2, 6), 0.1 * k) @ weights for k in range(6)]
        for _ in range(30):
            a, b = choose.sample(values, 2)
            values[choose.randrange(6)] = flambeau.tanh(a * b + 0.1)
            a, b = choose.sample(values, 2)
            values[choose.randrange(6)] = flambeau.sigmoid(a - b)
        return flambeau.stack(values).numpy().tobytes()

    with eager():
        expected = [program(random.Random(seed)) for seed in range(8)]
    assert [program(random.Random(seed)) for seed in range(4)] == expected[:4]
    planned: list[int] = []
    original = fitted.variant_for

    def counted(*given: Any, **named: Any) -> Any:
        planned.append(1)
        return original(*given, **named)

    monkeypatch.setattr(fitted, "variant_for", counted)
    assert [program(random.Random(seed)) for seed in range(4, 8)] == expected[4:]
    assert len(planned) <= 8


def test_an_error_found_late_names_the_line_of_its_turn() -> None:
    table = flambeau.from_numpy(np.arange(12, dtype=np.float32).reshape(6, 2))

    def program(indices: list[int]) -> float:
        state = flambeau.zeros(2)
        given = flambeau.tensor(indices)
        for turn in range(0, len(indices), 2):
            state = flambeau.tanh(state * 0.5 + flambeau.nn.functional.embedding(given[turn], table) + 0.1)
            state = flambeau.tanh(state * 0.5 + flambeau.nn.functional.embedding(given[turn + 1], table) + 0.1)
        return float(state.sum())

    for length in (30, 32, 34):
        program([1] * length)
    lines, start = inspect.getsourcelines(program)
    first = start + next(number for number, line in enumerate(lines) if "given[turn]" in line)
    for place in (10, 21, 35):
        with pytest.raises(IndexError, match=f"line {first + place % 2}\\)"):
            program([1] * place + [77] + [1] * (35 - place))
    assert np.isfinite(program([5] * 36))
