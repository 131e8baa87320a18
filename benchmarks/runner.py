"""Both frameworks by turns, each time in a process of its own, and what comes of comparing them."""

from __future__ import annotations

import importlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .case import Case

ROOT = Path(__file__).parent.parent
MODULES = sorted(path.stem for path in (ROOT / "benchmarks" / "cases").glob("[a-z]*.py"))
SEEN = ":seen"
"""After the name of a case of varying sizes: that its steps are of a few sizes that come again and again."""

MEANS = {False: 1.3, True: 1.5}
"""What the geometric mean of the ratios of all cases of varying sizes is to be at least, and where these come again."""

IMPORT_SHARE = 0.2
"""How long ``import flambeau`` is to take at most, as a share of what ``import torch`` takes: 0.25 s of 1.25 s."""


def load(name: str) -> Case:
    """The case called ``name``."""
    case = importlib.import_module(f"benchmarks.cases.{name.removesuffix(SEEN)}").CASE
    assert isinstance(case, Case)
    return case


NAMES = [name + mode for name in MODULES for mode in (("", SEEN) if load(name).sizes else ("",))]
"""All that can be compared."""


class Failure(Exception):
    """A case that could not be run, or on whose results the frameworks do not agree."""


@dataclass(frozen=True)
class Side:
    """What one framework did in one case: medians over the rounds, but the fastest batch and the highest peak of all."""

    step_seconds: float
    fastest_seconds: float
    first_seconds: float
    first_step_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Comparison:
    """A case measured with both frameworks. Ratios are PyTorch's time divided by Flambeau's, one for each round."""

    name: str
    ratios: list[float]
    torch: Side
    flambeau: Side
    #: Seconds of Flambeau's first three steps with nothing compiled yet.
    cold_seconds: float
    #: The same of the first step alone.
    cold_step_seconds: float
    threads: int

    @property
    def case(self) -> Case:
        return load(self.name)

    @property
    def target(self) -> float:
        """What the ratio is to be at least."""
        case = self.case
        return case.seen if case.seen is not None and self.name.endswith(SEEN) else case.ratio

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def best_ratio(self) -> float:
        """The ratio of the fastest batches of all rounds, which other processes disturb least."""
        return self.torch.fastest_seconds / self.flambeau.fastest_seconds

    @property
    def memory(self) -> float:
        """Flambeau's peak memory divided by PyTorch's."""
        return self.flambeau.peak_bytes / self.torch.peak_bytes

    def missed(self) -> Iterator[str]:
        """Each target that was not reached, in words."""
        case = self.case
        if self.ratio < self.target:
            yield f"{self.name}: {self.ratio:.2f} times PyTorch's speed, to be {self.target:g} or more"
        if case.memory is not None and self.memory > case.memory:
            yield f"{self.name}: {self.memory:.2f} times PyTorch's peak memory, to be {case.memory:g} or less"
        if case.cold is not None and self.cold_seconds > case.cold:
            yield f"{self.name}: {self.cold_seconds:.2f} s to the third step cold, to be {case.cold:g} or less"
        if case.warm is not None and self.flambeau.first_seconds > case.warm:
            yield f"{self.name}: {self.flambeau.first_seconds:.2f} s to the third step warm, to be {case.warm:g} or less"
        for state, seconds, most in (
            ("cold", self.cold_step_seconds, case.first_cold),
            ("warm", self.flambeau.first_step_seconds, case.first_warm),
        ):
            times = seconds / self.torch.first_step_seconds
            if most is not None and times > most:
                yield f"{self.name}: {times:.2f} times the seconds of PyTorch's first step {state}, to be {most:g} or less"


def means(results: Iterable[Comparison]) -> Iterator[tuple[str, bool]]:
    """The geometric mean of the ratios of cases of varying sizes, new ones and others, in words; and whether it is too low."""
    varied = [result for result in results if result.case.sizes]
    for seen, least in MEANS.items():
        ratios = [result.ratio for result in varied if result.name.endswith(SEEN) == seen]
        if ratios:
            mean = statistics.geometric_mean(ratios)
            what = "seen before" if seen else "never seen before"
            text = f"{mean:.2f} times PyTorch's speed in the mean of {len(ratios)} cases with sizes {what}"
            yield f"{text}, to be {least:g} or more", mean < least


def compare(name: str, rounds: int, seconds: float) -> Comparison:
    """Measure a case in ``rounds`` rounds, each a process for either framework, which of them goes first alternating.

    Flambeau's kernels go to a directory that is empty at the beginning, so the process before the rounds starts cold
    and all others warm.
    """
    case = load(name)
    found: dict[str, list[dict[str, Any]]] = {"torch": [], "flambeau": []}
    with tempfile.TemporaryDirectory(prefix="flambeau-benchmark-") as cache:
        cold = measure(name, "flambeau", 0, cache)
        for number in range(rounds):
            for framework in ("torch", "flambeau") if number % 2 == 0 else ("flambeau", "torch"):
                found[framework].append(measure(name, framework, seconds, cache))
    check_agreement(name, found["torch"][0]["values"], cold["values"], case.tolerance)
    return Comparison(
        name=name,
        ratios=[a["step_seconds"] / b["step_seconds"] for a, b in zip(found["torch"], found["flambeau"])],
        torch=side(found["torch"]),
        flambeau=side(found["flambeau"]),
        cold_seconds=cold["first_seconds"],
        cold_step_seconds=cold["first_step_seconds"],
        threads=cold["threads"],
    )


def side(measurements: list[dict[str, Any]]) -> Side:
    """One framework's measurements of all rounds in one."""
    return Side(
        step_seconds=statistics.median(m["step_seconds"] for m in measurements),
        fastest_seconds=min(m["fastest_seconds"] for m in measurements),
        first_seconds=statistics.median(m["first_seconds"] for m in measurements),
        first_step_seconds=statistics.median(m["first_step_seconds"] for m in measurements),
        peak_bytes=max(m["peak_bytes"] for m in measurements),
    )


def check_agreement(name: str, theirs: list[float], ours: list[float], tolerance: float) -> None:
    """Raise :class:`Failure` unless the first steps gave the same numbers."""
    for a, b in zip(theirs, ours, strict=True):
        if not math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance):
            raise Failure(f"{name}: PyTorch's first steps give {theirs}, Flambeau's {ours}")


def measure(name: str, framework: str, seconds: float, cache: str) -> dict[str, Any]:
    """What a process that runs the case with one framework prints."""
    module = f"benchmarks.cases.{name.removesuffix(SEEN)}"
    command = [sys.executable, "-m", module, "--framework", framework, "--seconds", str(seconds)]
    if name.endswith(SEEN):
        command.append("--seen")
    result: dict[str, Any] = json.loads(start(command, FLAMBEAU_CACHE_DIR=cache))
    return result


def import_seconds(rounds: int) -> dict[str, list[float]]:
    """How long importing each framework takes in a fresh process; a first round, which fills caches, is left out."""
    found: dict[str, list[float]] = {"torch": [], "flambeau": []}
    for _ in range(rounds + 1):
        for framework, times in found.items():
            program = f"import time; t = time.perf_counter(); import {framework}; print(time.perf_counter() - t)"
            times.append(float(start([sys.executable, "-c", program])))
    return {framework: times[1:] for framework, times in found.items()}


def start(command: list[str], **environment: str) -> str:
    """Run a process in the repository and return what it printed."""
    process = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)
    if process.returncode:
        raise Failure(f"{' '.join(command)}\n{process.stderr}")
    return process.stdout
