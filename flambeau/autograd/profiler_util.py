"""Events of a profile: each with its time, its inner events and its averages, as a table and as a trace for browsers."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from ._table import time_by_line, written
from ._timeline import Span, Timeline

_STEP, _EVERY_STEP = "ProfilerStep#", "ProfilerStep*"


class Interval:
    """From ``start`` to ``end``, in µs."""

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end

    def elapsed_us(self) -> float:
        """How long it is."""
        return self.end - self.start


def _format_time(time_us: float) -> str:
    if time_us >= 1e6:
        return f"{time_us / 1e6:.3f}s"
    return f"{time_us / 1e3:.3f}ms" if time_us >= 1e3 else f"{time_us:.3f}us"


class _Times:
    """Times in words, and those of devices that are not here."""

    cpu_time: float
    cpu_time_total: float
    self_cpu_time_total: float
    count: int
    device_time = device_time_total = self_device_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0

    @property
    def cpu_time_str(self) -> str:
        return _format_time(self.cpu_time)

    @property
    def cpu_time_total_str(self) -> str:
        return _format_time(self.cpu_time_total)

    @property
    def self_cpu_time_total_str(self) -> str:
        return _format_time(self.self_cpu_time_total)


class FunctionEvent(_Times):
    """One thing that happened: a range that the program names, an evaluation, or a kernel. Times are in µs."""

    count = 1
    is_async = is_remote = is_legacy = False
    node_id = -1
    sequence_nr = -1
    use_device = None
    device_type = 0
    input_shapes = ""
    overload_name = ""

    def __init__(self, number: int, span: Span, origin: int, thread: int) -> None:
        self.id = number
        #: All steps of a schedule (see :class:`torch.profiler.profile`) have one name, but in traces.
        self.name = self.key = _EVERY_STEP if span.name.startswith(_STEP) else span.name
        self.trace_name = span.name
        self.category = span.kind
        self.time_range = Interval((span.start - origin) / 1e3, (span.end - origin) / 1e3)
        self.thread = thread
        self.fwd_thread = None
        self.is_user_annotation = span.kind == "user_annotation"
        self.stack = span.stack
        self.flops = span.flops
        self.bytes = span.bytes
        self.cpu_memory_usage = span.memory
        self.self_cpu_memory_usage = span.memory
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """How long it took."""
        return self.time_range.elapsed_us()

    cpu_time = cpu_time_total  # type: ignore[assignment]

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """How long it took without what is inside."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    def append_cpu_child(self, child: FunctionEvent) -> None:
        """Put an event inside this one."""
        self.cpu_children.append(child)
        child.cpu_parent = self

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} category={self.category} cpu_time={self.cpu_time_str} "
            f"cpu_start_us={self.time_range.start} cpu_end_us={self.time_range.end} "
            f"cpu_children={[child.id for child in self.cpu_children]} thread={self.thread} stack={self.stack}>"
        )


class FunctionEventAvg(_Times):
    """Events of one name: how many there were, and what they took together (in µs)."""

    node_id = -1
    use_device = None
    device_type = 0
    is_async = is_remote = is_legacy = False
    overload_name = ""

    def __init__(self) -> None:
        self.key: str | None = None
        self.count = 0
        self.category = ""
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.flops = self.bytes = 0
        self.input_shapes = ""
        self.stack: list[str] = []
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None
        self.is_user_annotation = False

    def add(self, other: Any) -> FunctionEventAvg:
        """Count another event, or others that were counted, with these."""
        if self.key is None:
            self.key, self.category, self.stack = other.key, other.category, other.stack
            self.cpu_parent, self.cpu_children = other.cpu_parent, other.cpu_children
            self.is_user_annotation = other.is_user_annotation
        for name in (
            "count", "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage", "flops", "bytes"
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    __iadd__ = add

    @property
    def cpu_time(self) -> float:  # type: ignore[override]
        """What one of them took on average."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} calls={self.count}>"
        )


class EventList(list[Any]):
    """Events, or averages of them."""

    def __init__(self, events: Iterable[Any] = (), profile_memory: bool = False, with_flops: bool = False) -> None:
        super().__init__(events)
        self._profile_memory = profile_memory
        self._with_flops = with_flops

    @classmethod
    def of(cls, timeline: Timeline, **options: bool) -> EventList:
        """The events of a timeline, each inside the one of its thread that was under way when it began."""
        events: list[FunctionEvent] = []
        threads: dict[int, int] = {}
        under_way: dict[int, list[FunctionEvent]] = {}
        for span in sorted(timeline.spans, key=lambda span: (span.start, -span.end)):
            thread = threads.setdefault(span.thread, len(threads) + 1)
            event = FunctionEvent(len(events), span, timeline.start_time, thread)
            outer = under_way.setdefault(thread, [])
            while outer and outer[-1].time_range.end < event.time_range.end:
                outer.pop()
            if outer:
                outer[-1].append_cpu_child(event)
            outer.append(event)
            events.append(event)
        return cls(events, **options)

    @property
    def self_cpu_time_total(self) -> float:
        """What all events took, in µs."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(
        self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False
    ) -> EventList:
        """Averages of events of one name; kernels of different lines of the program are kept apart."""
        groups: dict[Any, FunctionEventAvg] = {}
        for event in self:
            groups.setdefault((event.key, *event.stack), FunctionEventAvg()).add(event)
        return EventList(groups.values(), self._profile_memory, self._with_flops)

    def total_average(self) -> FunctionEventAvg:
        """All events as one."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
        total.key = None
        return total

    def table(
        self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
        max_name_column_width: int = 55, max_shapes_column_width: int = 80, header: str | None = None,
        top_level_events_only: bool = False, time_unit: str | None = None,
    ) -> str:  # fmt: skip
        """The events as text, a line each, by falling ``sort_by`` (an attribute: "self_cpu_time_total", "count" …).

        Behind them: the lines of the program by what their kernels took.
        """
        events = [event for event in self if not (top_level_events_only and event.cpu_parent is not None)]
        if not events:
            return ""
        if sort_by is not None:
            attribute = sort_by.replace("cuda", "device").replace("xpu", "device")
            events.sort(key=lambda event: getattr(event, attribute), reverse=True)
        def time(us: float) -> str:
            scale = {"s": 1e6, "ms": 1e3, "us": 1.0}.get(time_unit or "")
            return _format_time(us) if scale is None else f"{us / scale:.3f}{time_unit}"

        total = self.self_cpu_time_total
        text = written(
            events[: row_limit if row_limit >= 0 else None], total, time, self._with_flops, self._profile_memory,
            max_name_column_width, max_src_column_width, header,
        )  # fmt: skip
        return f"{text}\nSelf CPU time total: {time(total)}\n" + time_by_line(self, time)

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str, metadata: dict[str, Any] | None = None) -> None:
        """Write the events as a trace that browsers show (chrome://tracing, Perfetto); compressed if it ends in ``.gz``."""
        process = os.getpid()
        traced = []
        for event in self:
            arguments = {"External id": event.id}
            if event.stack:
                arguments |= {"Line": event.stack[0], "FLOP": event.flops, "Bytes": event.bytes}
            traced.append({
                "ph": "X", "cat": event.category, "name": event.trace_name, "pid": process, "tid": event.thread,
                "ts": event.time_range.start, "dur": event.time_range.elapsed_us(), "args": arguments,
            })  # fmt: skip
        named = {"schemaVersion": 1, "displayTimeUnit": "ms", "traceName": str(path)}
        _write_json(path, {**(metadata or {}), **named, "traceEvents": traced})

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write each line that recorded a kernel, and what that took (in µs), as programs for flame graphs read them."""
        with open(path, "w", encoding="utf-8") as file:
            for event in self:
                value = int(getattr(event, metric.replace("cuda", "device")))
                if event.stack and value > 0:
                    stack = ";".join(entry.replace(";", ",") for entry in (*reversed(event.stack), event.key))
                    file.write(f"{stack.translate(_NO_BLANKS)} {value}\n")


_NO_BLANKS = str.maketrans(" \t\n", "___")


def _write_json(path: str, content: Any) -> None:
    opened: Callable[..., Any] = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "wt", encoding="utf-8") as file:
        json.dump(content, file)


__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]
