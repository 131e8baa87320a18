"""``torch.profiler``: kernels by the lines that recorded them, ranges and steps as PyTorch counts them, and files."""

from __future__ import annotations

import gzip
import inspect
import json
import warnings
from collections import Counter
from types import ModuleType
from typing import Any

import pytest
import torch

import flambeau
from flambeau.compiler import report
from flambeau.graph import trace

BOTH = pytest.mark.parametrize("library", [flambeau, torch], ids=["flambeau", "torch"])


def ranges(profiler: Any) -> dict[str, int]:
    """How often each range of the program's occurs."""
    return {event.key: event.count for event in profiler.key_averages() if event.is_user_annotation}


def steps_seen(library: ModuleType, steps: int, **options: Any) -> list[Any]:
    """When a profile was ready, and the ranges that it had."""
    p = library.profiler
    seen = []

    def ready(profiler: Any) -> None:
        seen.append((profiler.step_num, ranges(profiler)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with p.profile(activities=[p.ProfilerActivity.CPU], schedule=p.schedule(**options), on_trace_ready=ready) as made:
            for _ in range(steps):
                with p.record_function("inside"):
                    library.ones(2).add(1).sum().item()
                made.step()
    return seen


@pytest.mark.parametrize("steps, options", [
    (10, {"wait": 1, "warmup": 1, "active": 2}), (9, {"wait": 1, "warmup": 1, "active": 2, "repeat": 1}),
    (7, {"wait": 0, "warmup": 1, "active": 1, "skip_first": 2}), (6, {"wait": 0, "warmup": 0, "active": 2}),
    (5, {"wait": 3, "warmup": 0, "active": 1, "skip_first_wait": 1}), (3, {"wait": 0, "warmup": 1, "active": 5}),
    (1, {"wait": 2, "warmup": 1, "active": 1}),
])  # fmt: skip
def test_steps_are_chosen_as_pytorch_chooses_them(steps, options):
    assert steps_seen(flambeau, steps, **options) == steps_seen(torch, steps, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = flambeau.profiler.schedule(**options), torch.profiler.schedule(**options)
    assert [ours(step).name for step in range(40)] == [theirs(step).name for step in range(40)]


@BOTH
def test_arguments_that_make_no_schedule(library):
    for wrong in ({"wait": -1, "warmup": 1, "active": 1}, {"wait": 0, "warmup": 1, "active": 0}):
        with pytest.raises(AssertionError, match="Invalid profiler schedule arguments"):
            library.profiler.schedule(**wrong)
    with pytest.warns(UserWarning, match="won't be using warmup"):
        library.profiler.schedule(wait=0, warmup=0, active=1)
    with pytest.raises(AssertionError, match="non-negative"):
        library.profiler.schedule(wait=0, warmup=1, active=1)(-1)


@BOTH
def test_ranges_nest_and_decorate(library):
    @library.profiler.record_function("whole")
    def work(count: int) -> Any:
        for _ in range(count):
            with library.profiler.record_function("part"):
                value = library.ones(3).add(2)
        return value.sum().item()

    assert work(1) == 9
    with library.autograd.profiler.profile() as profiler:
        assert work(3) == 9 and work(2) == 9
    averages = {event.key: event for event in profiler.key_averages()}
    assert averages["whole"].count == 2 and averages["part"].count == 5
    assert averages["whole"].cpu_time_total >= averages["part"].cpu_time_total > 0
    (first, _) = [event for event in profiler.function_events if event.name == "whole"]
    inner = [child for child in first.cpu_children if child.name == "part"]
    assert len(inner) == 3 and all(child.cpu_parent is first for child in inner)
    assert first.time_range.start <= inner[0].time_range.start < inner[0].time_range.end <= first.time_range.end
    assert averages["whole"].cpu_time == pytest.approx(averages["whole"].cpu_time_total / 2)
    assert averages["whole"].self_cpu_time_total < averages["whole"].cpu_time_total
    assert "Self CPU time total:" in str(profiler) and "whole" in profiler.table(sort_by="cpu_time_total", row_limit=3)
    work(1)
    assert sum(event.name == "whole" for event in profiler.function_events) == 2


def line_here() -> int:
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def test_kernels_belong_to_the_lines_that_recorded_them():
    a, b = flambeau.rand(48, 32), flambeau.rand(32, 64)
    for turn in range(3):
        with flambeau.profiler.profile(with_flops=True, profile_memory=True) as profiler:
            product = (a @ b).relu()
            first = line_here() - 1
            scaled = product.exp() * product.sum(1, keepdim=True)
            second = line_here() - 1
            with flambeau.profiler.record_function("looking"):
                scaled.tolist()
        assert turn or product is not None
    kernels = [event for event in profiler.events() if event.category == "kernel"]
    (matmul,) = [event for event in kernels if event.name.startswith("matmul 48x64x32")]
    assert "relu" in matmul.name and matmul.flops == 2 * 48 * 64 * 32
    assert matmul.stack == [f"{__file__}({first}): product = (a @ b).relu()"]
    assert {event.stack[0].split("(")[1].split(")")[0] for event in kernels} == {str(first), str(second)}
    evaluation = matmul.cpu_parent
    assert evaluation.name == "evaluate" and evaluation.cpu_parent.name == "looking"
    assert 0 < sum(event.cpu_time_total for event in kernels) <= evaluation.cpu_time_total
    text = profiler.key_averages().table(sort_by="self_cpu_time_total")
    for column in ("# of Calls", "CPU Mem", "Total MFLOPs", "GFLOP/s", "GB/s", "Of peak", "Source Location"):
        assert column in text
    assert f"test_profiler.py({first}): product = (a @ b).relu()" in text.split("Kernels by line")[1]
    assert sum(event.count for event in profiler.key_averages()) == len(profiler.events())
    assert profiler.key_averages().total_average().count == len(profiler.events())


def test_what_was_recorded_before_at_another_line_belongs_to_the_present_one():
    for size in (11, 12, 13):
        flambeau.rand(size).exp().sum().item()
        with flambeau.profiler.profile() as profiler:
            flambeau.rand(size + 10).exp().sum().item()
            line = line_here() - 1
        kernels = [event for event in profiler.events() if event.category == "kernel"]
        assert kernels and {event.stack[0].split("(")[1].split(")")[0] for event in kernels} == {str(line)}


def test_calls_between_kernels_have_times_too():
    with flambeau.profiler.profile() as profiler:
        flambeau.rand(1000).sort().values.tolist()
    (sort,) = [event for event in profiler.events() if event.name == "_sorted"]
    assert sort.cpu_time_total > 0 and sort.stack


def test_what_a_profile_ends_with_is_evaluated_and_nothing_is_timed_afterwards():
    flambeau.rand(10)
    with flambeau.profiler.profile() as profiler:
        kept = flambeau.rand(10) + 1
    assert [event.name for event in profiler.events()].count("evaluate") == 1
    (kept * 2).tolist()
    assert [event.name for event in profiler.events()].count("evaluate") == 1
    assert not report.listeners and trace.lines_wanted == [False]


def test_values_are_the_same_bits():
    def program() -> flambeau.Tensor:
        flambeau.manual_seed(3)
        layer = flambeau.nn.Linear(20, 10)
        loss = flambeau.nn.functional.cross_entropy(layer(flambeau.randn(7, 20)), flambeau.arange(7))
        loss.backward()
        return layer.weight.grad

    expected = program()
    with flambeau.profiler.profile():
        seen = program()
    assert flambeau.equal(seen, expected)


def test_traces_and_stacks_are_written(tmp_path):
    p = flambeau.profiler
    with p.profile(on_trace_ready=p.tensorboard_trace_handler(tmp_path / "log", "me", use_gzip=True)) as profiler:
        profiler.add_metadata("k", "v")
        profiler.add_metadata_json("j", "[1]")
        with p.record_function("range"):
            (flambeau.rand(100, 100) @ flambeau.rand(100, 100)).sum().item()
    (path,) = (tmp_path / "log").iterdir()
    assert path.name.startswith("me.") and path.name.endswith(".pt.trace.json.gz")
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    with gzip.open(path, "rt") as file:
        written = json.load(file)
    again = json.loads((tmp_path / "trace.json").read_text())
    assert written["traceEvents"] == again["traceEvents"] and (written["k"], written["j"]) == ("v", [1])
    counts = Counter(event["cat"] for event in written["traceEvents"])
    assert counts["user_annotation"] == 1 and counts["evaluation"] >= 1 and counts["kernel"] >= 2
    assert all(event["ph"] == "X" and event["dur"] >= 0 and event["ts"] >= 0 for event in written["traceEvents"])
    profiler.export_stacks(str(tmp_path / "stacks"), "self_cpu_time_total")
    for line in (tmp_path / "stacks").read_text().splitlines():
        stack, value = line.split()
        assert "test_profiler.py" in stack and int(value) > 0


def test_collection_is_switched_off_and_on():
    p = flambeau.profiler
    with p.profile() as profiler:
        profiler.toggle_collection_dynamic(False, [p.ProfilerActivity.CPU])
        with p.record_function("unseen"):
            flambeau.ones(3).sum().item()
        profiler.toggle_collection_dynamic(True, [p.ProfilerActivity.CPU])
        with p.record_function("seen"):
            flambeau.ones(3).sum().item()
    assert ranges(profiler) == {"seen": 1}


@BOTH
def test_a_profile_is_of_one_context(library):
    with library.autograd.profiler.profile() as profiler:
        with pytest.raises(RuntimeError, match="not reentrant"):
            profiler.__enter__()
    with library.autograd.profiler.profile(enabled=False) as nothing:
        library.ones(2).sum().item()
    assert nothing is None


def test_results_are_there_when_it_has_ended():
    with flambeau.autograd.profiler.profile() as profiler, pytest.raises(RuntimeError, match="didn't finish running"):
        profiler.key_averages()
    with flambeau.profiler.profile() as newer, pytest.raises(AssertionError, match="must be initialized"):
        newer.events()
    assert len(profiler.key_averages()) == len(newer.events()) == 0 and newer.key_averages().table() == ""


def test_marks_for_other_profilers_do_nothing_and_what_is_not_offered_says_so():
    with flambeau.autograd.profiler.emit_nvtx(), flambeau.autograd.profiler.emit_itt(), flambeau.profiler.itt.range("a"):
        assert flambeau.ones(2).sum() == 2
    assert flambeau.profiler.supported_activities() == {flambeau.profiler.ProfilerActivity.CPU}
    with pytest.raises(NotImplementedError, match="load_nvprof"):
        flambeau.autograd.profiler.load_nvprof("x")
    with pytest.raises(NotImplementedError, match="register_callback"):
        flambeau.profiler.ExecutionTraceObserver().register_callback("x")
    tracker = flambeau.profiler.KinetoStepTracker
    tracker.init_step_count("a")
    step = tracker.current_step()
    assert tracker.increment_step("a") == tracker.current_step() == step + 1
    assert tracker.erase_step_count("a") and not tracker.erase_step_count("a")
