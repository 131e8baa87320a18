"""The benchmarks run: two cases, as far as their first steps, with Flambeau alone."""

from __future__ import annotations

import math
from itertools import islice

import pytest

from benchmarks.case import SEEN, Case, timed_batches
from benchmarks.runner import NAMES, Failure, check_agreement, load, measure


def test_first_steps_of_training(tmp_path):
    result = measure("mlp_sgd", "flambeau", 0, str(tmp_path))
    assert result["framework"] == "flambeau"
    assert all(0 < value < 5 and math.isfinite(value) for value in result["values"])
    assert result["first_seconds"] > 0
    assert result["step_seconds"] is None
    assert result["peak_bytes"] > 1 << 20
    assert list(tmp_path.iterdir()), "kernels are kept where the runner asked for"


def test_warm_steps_are_timed(tmp_path):
    result = measure("tiny_ops", "flambeau", 0.01, str(tmp_path))
    assert len(set(result["values"])) == 1
    assert 0 < result["fastest_seconds"] <= result["step_seconds"]


def test_varying_sizes_never_come_again_unless_they_are_to_be_seen_before():
    case = Case(lambda framework: lambda *sizes: 0.0, ratio=1.0, sizes=(range(3, 9), range(2, 12, 2)))
    drawn = list(case.drawn(seen=False))
    assert len(set(drawn)) == len(drawn) == case.steps(seen=False) == 6 * 5
    assert drawn == list(case.drawn(seen=False)) != sorted(drawn)
    assert list(islice(case.drawn(seen=True), 20)) == (drawn[:SEEN] * 3)[:20]
    assert list(islice(Case(case.prepare, ratio=1.0).drawn(seen=False), 2)) == [(), ()]


def test_measuring_ends_when_there_are_no_more_sizes():
    sizes = iter(range(20))
    assert len(timed_batches(lambda: next(sizes), seconds=100, warming=3 * SEEN, left=20)) > 4
    assert len(list(sizes)) < 3


def test_every_case_says_how_fast_it_is_to_be():
    assert "lenet" in NAMES
    assert all(load(name).ratio > 0 for name in NAMES)


def test_results_that_differ_are_a_failure():
    check_agreement("a case", [1.0, 2.0], [1.00001, 2.0], 1e-4)
    with pytest.raises(Failure, match="PyTorch's first steps give"):
        check_agreement("a case", [1.0, 2.0], [1.0, 2.1], 1e-4)
