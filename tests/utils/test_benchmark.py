"""``torch.utils.benchmark``: tables and summaries of given times as PyTorch writes them, and statements that really compute."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch.utils.benchmark

import flambeau
from flambeau.compiler import report

BOTH = pytest.mark.parametrize("library", [flambeau, torch], ids=["flambeau", "torch"])


def measurements(library: ModuleType) -> list[Any]:
    """Made-up times of several tasks."""
    b = library.utils.benchmark
    generator = np.random.default_rng(0)
    made = []
    for threads in (1, 4):
        for sub, scale in (("small", 3e-6), ("large\nsecond", 9e-4)):
            for description, factor, spread in (("one", 1, 0.01), ("two", 1.05, 0.2), ("three", 7, 0.5)):
                if (threads, description) == (4, "two"):
                    continue
                task = b.TaskSpec("a + b", "pass", label="add", sub_label=sub, description=description, num_threads=threads)
                times = (scale * factor / threads * 10 * (1 + spread * generator.random(12))).tolist()
                made.append(b.Measurement(10, times[:5], task))
                made.append(b.Measurement(10, times[5:], task))
    plain = b.TaskSpec("x = 1\ny = 2", "a = 1\nb = 2", description="d")
    return [*made, b.Measurement(1, [2.5], plain), b.Measurement(1, [0.1, 0.2, 0.3], b.TaskSpec("z", "q = 1"))]


def without_address(text: str) -> str:
    return re.sub(r"<.*?\.Measurement object at 0x\w+>", "<>", text)


def test_measurements_are_told_as_pytorch_tells_them():
    for ours, theirs in zip(measurements(flambeau), measurements(torch), strict=True):
        assert without_address(repr(ours)) == without_address(repr(theirs))
        for name in ("median", "mean", "iqr", "significant_figures", "has_warnings", "title", "as_row_name", "label", "stmt"):
            expected = getattr(theirs, name)
            assert getattr(ours, name) == (pytest.approx(expected) if type(expected) is float else expected), name
    merged = flambeau.utils.benchmark.Measurement.merge(measurements(flambeau))
    assert [len(m.times) for m in merged] == [12] * 10 + [1, 3]


@pytest.mark.parametrize("settings", [
    [], ["trim_significant_figures"], ["highlight_warnings"], ["colorize"], ["trim_significant_figures", "colorize"],
])  # fmt: skip
def test_tables_are_those_of_pytorch(settings):
    texts = []
    for library in (flambeau, torch):
        made = library.utils.benchmark.Compare(measurements(library)[:20])
        for setting in settings:
            getattr(made, setting)()
        texts.append(str(made))
    assert texts[0] == texts[1]
    with pytest.raises(ValueError, match="Expected an instance of `Measurement`"):
        flambeau.utils.benchmark.Compare([1])


def test_small_things():
    ours, theirs = flambeau.utils.benchmark, torch.utils.benchmark
    for time in (1.5e-10, 3e-9, 2e-7, 5e-5, 0.002, 0.7, 12.0, 5000.0):
        assert ours.select_unit(time) == theirs.select_unit(time)
        assert ours.trim_sigfig(time, 2) == pytest.approx(theirs.trim_sigfig(time, 2), rel=1e-6)
    assert ours.unit_to_english("us") == "microsecond" and ours.ordered_unique([2, 1, 2]) == [2, 1]


@BOTH
def test_statements_are_measured(library):
    b = library.utils.benchmark
    seen: list[Any] = []
    timer = b.Timer(
        "\n    y = x + 1\n    seen.append(y)", setup="x = torch.ones(3)", globals={"seen": seen}, label="l", num_threads=1
    )
    measured = timer.timeit(10)
    assert measured.number_per_run == 10 and len(measured.raw_times) == 1 and measured.median > 0
    assert len(seen) == 12 and measured.stmt == "y = x + 1\nseen.append(y)"
    called = []
    blocked = timer.blocked_autorange(min_run_time=0.005, callback=lambda number, time: called.append(number))
    assert len(blocked.raw_times) == len(called) >= 1 and sum(blocked.raw_times) >= 0.005
    adaptive = b.Timer("sum(range(100))").adaptive_autorange(max_run_time=0.05)
    assert adaptive.median < 1e-3 and b.Timer("x * 2", globals={"x": library.ones(2)}).timeit(3).median > 0
    for wrong in (lambda: b.Timer(len), lambda: b.Timer("1", language="basic"), lambda: b.Timer("1", global_setup="x")):
        with pytest.raises(ValueError):
            wrong()
    with pytest.raises(NotImplementedError):
        timer.autorange()


def test_every_run_computes_what_it_records():
    x = flambeau.rand(30)
    x.tolist()
    evaluated: list[Any] = []
    report.listeners.append(evaluated.append)
    try:
        flambeau.utils.benchmark.Timer("x * 2", globals={"x": x}).timeit(5)
        flambeau.utils.benchmark.Timer("y = x * 2\nz = y + 1", globals={"x": x}).timeit(5)
    finally:
        report.listeners.remove(evaluated.append)
    labels = [[work.label for work in evaluation.plan.work] for evaluation in evaluated]
    assert labels[:7] == [["mul"]] * 7 and len(labels) == 14 and all("".join(names) for names in labels[7:])
    with pytest.raises(NotImplementedError, match="collect_callgrind"):
        flambeau.utils.benchmark.Timer("1").collect_callgrind()
