"""The older profiler, and :class:`record_function`, which both share."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from . import _timeline
from ._timeline import Timeline
from .profiler_util import EventList, FunctionEvent, FunctionEventAvg


class profile:
    """Profiles what is done inside: ranges, evaluations and kernels; see :class:`torch.profiler.profile`."""

    def __init__(
        self, enabled: bool = True, *, use_cuda: bool = False, use_device: str | None = None, record_shapes: bool = False,
        with_flops: bool = False, profile_memory: bool = False, with_stack: bool = False, with_modules: bool = False,
        use_kineto: bool = False, use_cpu: bool = True, experimental_config: Any = None, acc_events: bool = False,
        custom_trace_id_callback: Any = None, post_processing_timeout_s: float | None = None,
    ) -> None:  # fmt: skip
        self.enabled = enabled
        self.with_flops = with_flops
        self.profile_memory = profile_memory
        self.entered = False
        self._timeline: Timeline | None = None
        self._events: EventList | None = None

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self.entered = True
        self._timeline = Timeline()
        self._timeline.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self.enabled and self._timeline is not None:
            self._timeline.stop()

    @property
    def function_events(self) -> EventList:
        """The events, when the context was left."""
        if self._timeline is None or not self._timeline.end_time:
            raise RuntimeError("Profiler didn't finish running")
        if self._events is None:
            options = {"profile_memory": self.profile_memory, "with_flops": self.with_flops}
            self._events = EventList.of(self._timeline, **options)
        return self._events

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False
    ) -> EventList:
        """Averages of events of one name."""
        return self.function_events.key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self) -> FunctionEventAvg:
        """All events as one."""
        return self.function_events.total_average()

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """The events as text; see :meth:`.profiler_util.EventList.table`."""
        return self.function_events.table(sort_by=sort_by, row_limit=row_limit, **options)

    def export_chrome_trace(self, path: str) -> None:
        """Write a trace that browsers show."""
        self.function_events.export_chrome_trace(path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write lines and times for flame graphs."""
        self.function_events.export_stacks(path, metric)

    @property
    def self_cpu_time_total(self) -> float:
        """What all events took, in µs."""
        return self.function_events.self_cpu_time_total

    def __str__(self) -> str:
        ended = self._timeline is not None and self._timeline.end_time
        return str(self.function_events) if ended else "<unfinished torch.autograd.profile>"

    __repr__ = __str__


class record_function(ContextDecorator):
    """Names a part of the program for profiles: as a context manager, or as a decorator. Without a profile it does nothing.

    What is recorded inside is computed when it is needed, which may be later: kernels are found by their lines.
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self.args = args
        self._spans: list[Any] = []

    def _recreate_cm(self) -> record_function:
        return type(self)(self.name, self.args)

    def __enter__(self) -> record_function:
        self._spans = _timeline.begin(self.name)
        return self

    def __exit__(self, *exception: object) -> None:
        _timeline.end(self._spans)


class emit_nvtx:
    """Marks for NVIDIA's profiler, which has nothing to show here."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled = enabled

    def __enter__(self) -> emit_nvtx:
        return self

    def __exit__(self, *exception: object) -> None:
        pass


class emit_itt(emit_nvtx):
    """Marks for Intel's profiler, which are not made."""


def load_nvprof(path: str) -> EventList:
    """A trace of NVIDIA's profiler, which is not read."""
    raise NotImplementedError("torch.autograd.profiler.load_nvprof is not offered: there is no NVIDIA device")


class KinetoStepTracker:
    """Counts the steps of those who ask for it: the most of all counts is the step."""

    _steps: dict[str, int] = {}
    _current = 0

    @classmethod
    def init_step_count(cls, requester: str) -> None:
        """Count for somebody, from the present step."""
        cls._steps[requester] = cls._current

    @classmethod
    def erase_step_count(cls, requester: str) -> bool:
        """Count for somebody no more; whether that was done."""
        return cls._steps.pop(requester, None) is not None

    @classmethod
    def increment_step(cls, requester: str) -> int:
        """Somebody has done a step; the step that this is."""
        cls._steps[requester] = cls._steps.get(requester, cls._current) + 1
        cls._current = max(cls._current, *cls._steps.values())
        return cls._current

    @classmethod
    def current_step(cls) -> int:
        """The present step."""
        return cls._current


def _is_profiler_enabled() -> bool:
    return _timeline.is_active()


__all__ = [
    "EventList", "FunctionEvent", "FunctionEventAvg", "KinetoStepTracker", "emit_itt", "emit_nvtx", "load_nvprof", "profile",
    "record_function",
]  # fmt: skip
