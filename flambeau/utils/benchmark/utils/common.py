"""What was measured: a statement with its labels, and the times of its runs."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import textwrap
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from ....ops.settings import get_num_threads, set_num_threads

_MOST_FIGURES = 4
_LEAST_INTERVAL = 25e-9
_SUSPECT, _GROSSLY_SUSPECT = 0.1, 0.25
"""Interquartile ranges, in medians, from which on a measurement says that something else was going on."""


@dataclasses.dataclass(repr=False, frozen=True)
class TaskSpec:
    """What is measured: a statement, what goes before it, and how it is to be called."""

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label, or the statement."""
        if self.label is not None or "\n" not in self.stmt:
            named = self.stmt if self.label is None else self.label
            return named + (f": {self.sub_label}" if self.sub_label else "")
        return f"stmt:{f' ({self.sub_label})' if self.sub_label else ''}\n" + textwrap.indent(self.stmt, "  ")

    def setup_str(self) -> str:
        """The setup in words, if there is any."""
        if self.setup == "pass" or not self.setup:
            return ""
        return f"setup:\n{textwrap.indent(self.setup, '  ')}" if "\n" in self.setup else f"setup: {self.setup}"

    def summarize(self) -> str:
        """Title, description and setup."""
        sections = filter(None, (self.title, self.description, self.setup_str()))
        return "\n".join(f"{section}\n" if "\n" in section else section for section in sections)


@dataclasses.dataclass(repr=False)
class Measurement:
    """Times of blocks of ``number_per_run`` runs, in seconds, and statistics of one run's. It has the fields of its task, too."""

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if name in _FIELDS:
            return getattr(self.task_spec, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @property
    def times(self) -> list[float]:
        """What one run took in each block."""
        return [time / self.number_per_run for time in self.raw_times]

    @cached_property
    def _quartiles(self) -> tuple[float, float, float]:
        first, median, third = np.quantile(self.times, [0.25, 0.5, 0.75]).tolist() if self.raw_times else [-1.0] * 3
        return first, median, third

    @property
    def median(self) -> float:
        """The median of a run's times."""
        return self._quartiles[1]

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(np.mean(self.times)) if self.raw_times else -1.0

    @property
    def iqr(self) -> float:
        """How far apart their quartiles are."""
        return self._quartiles[2] - self._quartiles[0]

    @property
    def significant_figures(self) -> int:
        """How many figures of the median mean something, roughly: from the spread of the middle half."""
        times = sorted(self.times)
        middle = times[len(times) // 4 : math.ceil(3 * len(times) / 4)]
        interval = max(1.645 * float(np.std(middle)) / math.sqrt(len(middle)), _LEAST_INTERVAL)
        return min(max(math.floor(math.log10(self.median / interval)), 1), _MOST_FIGURES)

    def meets_confidence(self, threshold: float = _SUSPECT) -> bool:
        """Whether quartiles are nearer to each other than this part of the median."""
        return self.iqr / self.median < threshold

    @property
    def _warning(self) -> str:
        if not self.raw_times or self.meets_confidence(_SUSPECT):
            return ""
        gross = not self.meets_confidence(_GROSSLY_SUSPECT)
        reason = "This suggests significant environmental influence." if gross else "This could indicate system fluctuation."
        spread = f"Interquartile range is {self.iqr / self.median * 100:.1f}% of the median measurement."
        return f"  WARNING: {spread}\n           {reason}"

    @property
    def has_warnings(self) -> bool:
        """Whether times differ so much that something else was going on."""
        return bool(self._warning)

    @property
    def title(self) -> str:
        """The label, or the statement."""
        return self.task_spec.title

    @property
    def as_row_name(self) -> str:
        """What a table calls it."""
        return self.sub_label or self.stmt or "[Unknown]"

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        count = len(self.raw_times)
        first, median, third = (time / scale for time in self._quartiles)
        lines = [object.__repr__(self), self.task_spec.summarize()]
        lines.append(f"  {'Median: ' if count > 1 else ''}{median:.2f} {unit}")
        if count >= 4:
            lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({first:.2f} to {third:.2f})")
        lines.append(
            f"  {count} measurement{'s' if count > 1 else ''}, {self.number_per_run} runs "
            f"{'per measurement,' if count > 1 else ','} {self.num_threads} thread{'s' if self.num_threads > 1 else ''}"
        )
        return "\n".join(lines + [self._warning] if self._warning else lines)

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same task as one."""
        times: dict[TaskSpec, list[float]] = {}
        for measurement in measurements:
            times.setdefault(measurement.task_spec, []).extend(measurement.times)
        return [Measurement(1, of_task, task) for task, of_task in times.items()]


_FIELDS = {field.name for field in dataclasses.fields(TaskSpec)}


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which a time is a small number, and how many seconds that is."""
    exponent = math.floor(math.log10(t) / 3) if t > 0 else 0
    unit = {-3: "ns", -2: "us", -1: "ms"}.get(exponent, "s")
    return unit, {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def unit_to_english(u: str) -> str:
    """A unit in words."""
    return {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}[u]


def trim_sigfig(x: float, n: int) -> float:
    """A number with no more than ``n`` figures."""
    if n != int(n):
        raise AssertionError("Number of significant figures must be an integer")
    scale = 10.0 ** (math.ceil(math.log10(abs(x))) - n)
    return float(round(x / scale) * scale)


def ordered_unique(elements: Iterable[Any]) -> list[Any]:
    """Each element once, in the order in which they came first."""
    return list(dict.fromkeys(elements))


@contextlib.contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """So many threads inside."""
    before = get_num_threads()
    try:
        set_num_threads(n)
        yield
    finally:
        set_num_threads(before)


__all__ = [
    "Measurement", "TaskSpec", "ordered_unique", "select_unit", "set_torch_threads", "trim_sigfig", "unit_to_english",
]  # fmt: skip
