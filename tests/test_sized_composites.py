"""Composites at sizes that never came: recorded with symbols, they are what they would be if they were recorded anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from compiler.test_new_sizes import PROGRAMS, SIZES, run

import flambeau
from flambeau.core import composite, sized
from flambeau.graph import trace
from flambeau.graph.steps import forget_steps
from flambeau.kernels.patterns import Pattern

NAMES = [program.__name__.strip("_") for program in PROGRAMS]


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
def test_all_sizes_are_recorded_as_they_would_be_anew(program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each composite of a new size is recorded anew too, and compared in all that is kept of it."""
    monkeypatch.setattr("flambeau.compiler.plan.CHECK", True)
    forget_steps()
    for sizes in SIZES:
        trace.step_boundary()
        run(flambeau, program, sizes)


@pytest.mark.parametrize("program", PROGRAMS, ids=NAMES)
def test_composites_are_recorded_at_few_sizes_only(program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is known what a composite records at all sizes, it is never run again."""
    forget_steps()
    names: list[Any] = []
    learn = composite._learn

    def counted(*arguments: Any) -> Any:
        names.append(arguments[1])
        return learn(*arguments)

    monkeypatch.setattr(composite, "_learn", counted)
    random = np.random.default_rng(0)
    counts = []
    for _ in range(14):
        names.clear()
        trace.step_boundary()
        n, m, k = map(int, random.choice(np.arange(21, 60), 3, replace=False))
        run(flambeau, program, (n // 20 * 20 if program.__name__ in ("_loop", "_cached") else n, m, k))
        counts.append(len(names))
    assert counts[-4:] == [0] * 4, counts


def test_what_looks_at_a_size_is_recorded_anew() -> None:
    """A size used as a plain number, here in a text, decides what is recorded: nothing is taken to hold for others."""

    def define(_: None, x: Any) -> list[Any]:
        return [x * 2 if "7" in str(x.shape[0]) else x + 1]

    for size in (5, 6, 17, 8, 70, 9, 27, 10):
        trace.step_boundary()
        (result,) = composite.composite(define, None, flambeau.ones(size))
        assert result.tolist() == [2.0] * size, size


def test_sizes_decide_by_guards() -> None:
    def define(_: None, x: Any) -> list[Any]:
        rows, columns = x.shape
        return [x.sum(0) if rows > columns else x.sum(1) * rows]

    for rows, columns in [(5, 3), (6, 4), (3, 9), (9, 7), (2, 8), (4, 4), (8, 2), (7, 7), (1, 3), (3, 1), (0, 3)]:
        trace.step_boundary()
        x = torch.arange(rows * columns, dtype=torch.float32).view(rows, columns)
        (result,) = composite.composite(define, None, flambeau.from_numpy(x.numpy()))
        assert result.tolist() == (x.sum(0) if rows > columns else x.sum(1) * rows).tolist()


def test_dimensions_are_no_sizes() -> None:
    """Integers of a name are sizes where they are a shape's or a view's; others are part of the structure."""
    x = flambeau.ones(4, 5)
    shape = x.shape
    one, integers = sized.spread_out(("sum", (0, 1), shape), [(x._read(), None)])
    other, others = sized.spread_out(("sum", (0, 2), shape), [(x._read(), None)])
    assert one != other and integers == others == (4, 5, 4, 5)


def test_patterns_tell_what_varies() -> None:
    pattern = Pattern((3, 4, 3, 7, 1), [(5, 4, 5, 6, 1)])
    assert pattern.values((8, 4, 8, 9, 1)) == (8, 9)
    assert pattern.values((8, 4, 9, 9, 1)) is None  # two that were equal are not
    assert pattern.values((8, 5, 8, 9, 1)) is None  # what was fixed is not
    assert pattern.values((1, 4, 1, 9, 1)) is None  # less than a symbol can be
