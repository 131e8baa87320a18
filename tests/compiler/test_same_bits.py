"""Random programs give the same bits however they are run: eager, fused, looked at on the way, in tiles, on two threads.

And whatever has been run before: each is run at several sizes, by turns.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_programs import PENDING, SHAPES, Instruction, Loop, Machine, Outcome, Program, Sizes, loops, programs, sizes
from tiers import TIMES, eager, small_tiles

import flambeau
from flambeau.graph import trace

COUNT = 60
LARGE = ((2500,), (70, 40), (3, 900))
"""Sums of more than one run of elements."""


def run(program: Program, look: bool = False, pending: str | None = None) -> Outcome:
    trace.step_boundary()  # the trace shall begin where it began the last time
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        machine = Machine(flambeau, look=look, pending=pending)
        outcome = machine.run(program)
    assert outcome.refused is None
    return outcome


def assert_same_bits(first: Outcome, second: Outcome, how: str) -> None:
    assert first.strides == second.strides and first.tracked == second.tracked, how
    for kind in ("values", "gradients"):
        for number, (one, other) in enumerate(zip(getattr(first, kind), getattr(second, kind), strict=True)):
            what = f"{kind} {number} differ {how}"
            assert (one is None) == (other is None), what
            if one is not None:
                assert one.dtype == other.dtype and one.shape == other.shape, what
                # Equal numbers, signs of zeros included. Which NaN it is nobody fixes.
                np.testing.assert_array_equal(one, other, what)
                np.testing.assert_array_equal(np.signbit(one) & ~np.isnan(one), np.signbit(other) & ~np.isnan(other), what)


def check(runs: Sequence[Program], pending: str) -> None:
    """Run what is one program at several sizes in all ways, and compare with its operations one by one."""
    with eager():
        wanted = [run(program) for program in runs]

    def compare(how: str, **options: Any) -> None:
        for number, (program, known) in enumerate(zip(runs, wanted, strict=True)):
            assert_same_bits(run(program, **options), known, f"at size {number} in {how}")

    for time in range(TIMES):
        compare(f"run {time} of the recorded program")
    for time in range(2):
        compare(f"run {time} with looks", look=True)
        compare(f"run {time} with leaves that are pending as {pending}", pending=pending)
    with small_tiles():
        for threads in (1, 2, 2):
            flambeau.set_num_threads(threads)
            compare(f"small tiles on {threads} threads")


@settings(max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs(("float32", "float64"), shapes=SHAPES + LARGE), st.lists(sizes, max_size=2), st.sampled_from(list(PENDING)))
def test_random_programs_give_the_same_bits(program: Program, others: list[Sizes], pending: str) -> None:
    check([program, *map(program.at, others)], pending)


@settings(max_examples=COUNT // 6, deadline=None, suppress_health_check=list(HealthCheck))
@given(loops(("float32", "float64")), st.sampled_from(list(PENDING)))
def test_loops_give_the_same_bits(runs: list[Program], pending: str) -> None:
    check(runs, pending)


def test_turns_whose_segments_are_given_other_numbers_of_values() -> None:
    """The gradient of a text that grows turn by turn: what a turn is given, and does not need, is not the same for all."""
    loop = Loop(1, axis=0, zeros=False, squashed="tanh", outputs="grown", backwards=False, layers=1)
    sines = (Instruction("sin", 0, 0, 0, 0, 0),)
    check([Program(((n, 1, 1), (1, 1), (1, 1), (1, 1), (1,)), "float32", sines, False, loop=loop) for n in (15, 9, 16)], "map")
