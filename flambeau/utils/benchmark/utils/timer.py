"""``Timer``: what a statement takes, with all that it records computed."""

from __future__ import annotations

import ast
import enum
import importlib
import statistics
import textwrap
import timeit
from collections.abc import Callable
from typing import Any

from ....graph.trace import evaluate_trace, local
from .common import Measurement, TaskSpec, set_torch_threads


def timer() -> float:
    """The clock, in seconds, when everything that this thread has recorded is computed."""
    _finish()
    return timeit.default_timer()


def _finish() -> None:
    evaluate_trace[0](local.trace)


class Language(enum.Enum):
    """What statements are written in."""

    PYTHON = 0
    CPP = 1


def _computing(statement: str) -> str:
    """A statement that computes what it records: the values that it assigns, and that of an expression at its end.

    Otherwise a run would throw away what was never computed.
    """
    tree = ast.parse(statement)
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        value = tree.body[-1].value
        tree.body[-1] = ast.Assign([ast.Name("_timed_value", ast.Store())], value)
    tree.body.append(ast.Expr(ast.Call(ast.Name("_timed_finish", ast.Load()), [], [])))
    return ast.unparse(ast.fix_missing_locations(tree))


def _tidy(code: str) -> str:
    return textwrap.dedent(code).removeprefix("\n").rstrip()


class Timer:
    """Measures a statement, after ``setup``, with the names of ``globals`` (and ``torch``)."""

    _timer_cls = timeit.Timer

    def __init__(
        self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable[[], float] = timer,
        globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None,
        description: str | None = None, env: str | None = None, num_threads: int = 1,
        language: Language | str = Language.PYTHON,
    ) -> None:  # fmt: skip
        if not isinstance(stmt, str):
            raise ValueError("Currently only a `str` stmt is supported.")
        if language in (Language.CPP, "cpp", "c++"):
            raise NotImplementedError("torch.utils.benchmark.Timer measures no C++: there is no C++ interface")
        if language not in (Language.PYTHON, "py", "python"):
            raise ValueError(f"Invalid language `{language}`.")
        if global_setup:
            raise ValueError(
                f"global_setup is C++ only, got `{global_setup}`. Most likely this code can simply be moved to `setup`."
            )
        self._globals = {"torch": importlib.import_module("flambeau"), **(globals or {})}
        stmt, setup = _tidy(stmt), _tidy(setup)
        names = {**self._globals, "_timed_finish": _finish}
        self._timer = self._timer_cls(_computing(stmt), setup, timer, names)
        self._task_spec = TaskSpec(stmt, setup, global_setup, label, sub_label, description, env, num_threads)

    def _timeit(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number: int = 1000000) -> Measurement:
        """What so many runs take, after a few others."""
        with set_torch_threads(self._task_spec.num_threads):
            self._timeit(max(number // 100, 2))
            return Measurement(number, [self._timeit(number)], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        """See :meth:`blocked_autorange`."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Callable[[int, float], Any] | None = None) -> None:
        """See :meth:`blocked_autorange`."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Blocks of runs, so long that the clock does not count, for ``min_run_time`` seconds."""
        return self._measured(self._block_size(min_run_time), lambda _: True, min_run_time, None, callback)

    def adaptive_autorange(
        self, threshold: float = 0.1, *, min_run_time: float = 0.01, max_run_time: float = 10.0,
        callback: Callable[[int, float], Any] | None = None,
    ) -> Measurement:  # fmt: skip
        """Blocks of runs until quartiles are nearer to each other than ``threshold`` medians, or time is up."""

        def enough(measurement: Measurement) -> bool:
            return len(measurement.raw_times) > 3 and measurement.meets_confidence(threshold)

        return self._measured(self._block_size(0.05), enough, min_run_time, max_run_time, callback)

    def collect_callgrind(self, number: int = 100, **options: Any) -> Any:
        """How many instructions a run takes, which is not counted."""
        raise NotImplementedError("torch.utils.benchmark.Timer.collect_callgrind is not offered")

    def _block_size(self, min_run_time: float) -> int:
        """How many runs make a block in which the clock's own time does not count."""
        with set_torch_threads(self._task_spec.num_threads):
            overhead = statistics.median(self._timeit(0) for _ in range(5))
            number = 1
            while True:
                taken = self._timeit(number)
                if taken > min_run_time or (overhead / taken <= 1e-4 and taken >= min_run_time / 1000):
                    return number
                number *= 10

    def _measured(
        self, number: int, enough: Callable[[Measurement], bool], least: float, most: float | None,
        callback: Callable[[int, float], Any] | None,
    ) -> Measurement:  # fmt: skip
        measurement = Measurement(number, [], self._task_spec)
        total = 0.0
        with set_torch_threads(self._task_spec.num_threads):
            while True:
                taken = self._timeit(number)
                total += taken
                measurement = Measurement(number, [*measurement.raw_times, taken], self._task_spec)
                if callback:
                    callback(number, taken)
                if (total >= least and enough(measurement)) or (most and total > most):
                    return measurement


__all__ = ["Language", "Timer", "timer"]
