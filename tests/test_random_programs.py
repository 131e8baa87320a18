"""Random programs against PyTorch: values, strides, errors, and first and second gradients, whatever is written where.

All plans that are made for them are verified (``FLAMBEAU_CHECK=1``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import Fact, Functional, Machine, Outcome, Program, Sizes, loops, programs, sizes

import flambeau

COUNT = 240
TOLERANCE = {"float64": 1e-11, "float32": 1e-4}
"""Relative to the largest element: sums have other orders."""
NUDGE = 1e-15
others = st.lists(sizes, min_size=2, max_size=2)


def expected(program: Program) -> tuple[list[Fact], Outcome]:
    """What PyTorch makes of a program; where it refuses to give gradients, or gives wrong ones, the right ones.

    They may be wrong where a saved tensor was written to through ``data``, which PyTorch does not notice.
    """
    machine = Machine(torch, look=False)
    outcome = machine.run(program)
    if outcome.refused is not None:
        assert "modified by an inplace operation" in outcome.refused, outcome.refused
    if outcome.refused is not None or any(instruction.name == "data" for instruction in program.instructions):
        outcome.gradients = Functional(machine.facts).run(program).gradients
        outcome.own = False
    return machine.facts, outcome


def assert_close(
    ours: np.ndarray | None, theirs: np.ndarray | None, tolerance: float, what: str, zeros: bool = False
) -> None:
    """Equal but for rounding; no gradient is the same as one of ``zeros`` only if that is said."""
    if ours is None or theirs is None:
        present = theirs if ours is None else ours
        assert present is None or zeros and not present.any(), f"{what}: {ours} instead of {theirs}"
        return
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, what
    scale = max(1.0, float(np.abs(theirs[np.isfinite(theirs)]).max(initial=0)))
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def steady(program: Program) -> bool:
    """Whether the last digits of what a loop begins with have little say in what becomes of it.

    Some bodies, applied to their own results time and again, magnify each rounding, as chaotic systems do.
    """
    plain, nudged = (Machine(torch, look=False, nudge=nudge).run(program) for nudge in (0.0, NUDGE))
    pairs = zip([*plain.values, *plain.gradients], [*nudged.values, *nudged.gradients], strict=True)
    return all(a is b or a.shape == b.shape and _distance(a, b) <= 100 * NUDGE for a, b in pairs)


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two arrays, relative to their largest element."""
    with np.errstate(invalid="ignore"):
        return float(np.abs(a - b).max(initial=0)) / max(1.0, float(np.abs(a).max(initial=0)))


def told(fact: Fact) -> tuple[object, ...]:
    """What must agree of an instruction: not which word for a leaf its error has, nor strides that lead nowhere."""
    error = fact.error and fact.error.replace("a view of a leaf", "a leaf")
    return error, fact.applied, fact.aliased, fact.sizes, steps(fact.sizes, fact.strides)


def steps(sizes: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...]:
    """The strides that are ever used."""
    return tuple(step for extent, step in zip(sizes, strides) if extent > 1) if 0 not in sizes else ()


def check(program: Program) -> None:
    """Run a program on both libraries and compare all that can be seen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts, theirs = expected(program)
        machine = Machine(flambeau)
        ours = machine.run(program)
    assert ours.refused is None
    for position, (fact, known) in enumerate(zip(machine.facts, facts, strict=True)):
        assert told(fact) == told(known), f"{position}: {fact} instead of {known}"
    assert ours.tracked == theirs.tracked
    tolerance = TOLERANCE[program.dtype]
    for number, (mine, other) in enumerate(zip(ours.values, theirs.values, strict=True)):
        assert_close(mine, other, tolerance, f"register {number}")
        assert steps(mine.shape, ours.strides[number]) == steps(mine.shape, theirs.strides[number]), f"register {number}"
    assert len(ours.gradients) == len(theirs.gradients)
    leaves = len(program.shapes) - 1
    for number, pair in enumerate(zip(ours.gradients, theirs.gradients, strict=True)):
        # Second gradients of what is linear are sometimes zeros and sometimes none in PyTorch.
        assert_close(*pair, tolerance, f"gradient {number}", zeros=number >= leaves or not theirs.own)


@pytest.fixture(scope="module", autouse=True)
def every_plan_is_verified() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flambeau.compiler.plan.CHECK", True)
        yield


@settings(max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(("float64",)), others)
def test_programs_in_double_precision_agree_with_pytorch(program: Program, others: list[Sizes]) -> None:
    check(program)
    for other in others:
        check(program.at(other))


@settings(max_examples=COUNT // 3, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(("float32",)), others)
def test_programs_in_single_precision_agree_with_pytorch(program: Program, others: list[Sizes]) -> None:
    check(program)
    for other in others:
        check(program.at(other))


@settings(max_examples=COUNT // 6, deadline=None, suppress_health_check=list(HealthCheck))
@given(loops(("float64",)))
def test_loops_agree_with_pytorch(runs: list[Program]) -> None:
    for program in filter(steady, runs):
        check(program)
