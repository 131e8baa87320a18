"""What happened when, while a program is profiled: ranges that it names, evaluations, and the kernels that these ran."""

from __future__ import annotations

import linecache
import threading
from time import perf_counter_ns

from ..compiler.report import Evaluation, listeners
from ..graph.trace import SHOW, evaluate_trace, lines_wanted, local


class Span:
    """Something that took from ``start`` to ``end`` (in ns) in a thread.

    ``kind`` is "user_annotation" for ranges of the program, "evaluation", or "kernel".
    """

    __slots__ = ("name", "kind", "start", "end", "thread", "site", "flops", "bytes", "memory")

    def __init__(self, name: str, kind: str, start: int, end: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.start = start
        self.end = end
        self.thread = threading.get_ident()
        self.site: tuple[str, int] | None = None
        self.flops = self.bytes = self.memory = 0

    @property
    def stack(self) -> list[str]:
        """The line of the program that recorded a kernel, with its text, if that is known."""
        if self.site is None:
            return []
        path, line = self.site
        text = linecache.getline(path, line).strip()
        return [f"{path}({line}): {text}" if text else f"{path}({line})"]


class Timeline:
    """Collects spans of all threads from :meth:`start` to :meth:`stop`."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.start_time = self.end_time = 0

    def start(self) -> None:
        """Begin to collect; what was recorded before is evaluated first."""
        self.collect(True)
        self.start_time = perf_counter_ns()

    def stop(self) -> None:
        """Evaluate what this thread has recorded, and collect no more."""
        self.collect(False)
        self.end_time = perf_counter_ns()
        for span in self.spans:
            span.end = span.end or self.end_time

    def collect(self, wanted: bool) -> None:
        """Whether to collect what comes next; what this thread has recorded so far is evaluated first."""
        evaluate_trace[0](local.trace)
        if wanted and self not in _active:
            listeners.append(self._evaluated)
            _active.append(self)
        elif not wanted and self in _active:
            _active.remove(self)
            listeners.remove(self._evaluated)
        lines_wanted[0] = SHOW or bool(_active)

    def _evaluated(self, evaluation: Evaluation) -> None:
        whole = Span("evaluate", "evaluation", evaluation.began, evaluation.ended)
        whole.memory = evaluation.plan.arena_bytes + sum(evaluation.plan.outputs)
        self.spans.append(whole)
        # Kernels ran one after the other; what lies between them is small. They are shown from the beginning of the run.
        start = evaluation.started
        for work, time in zip(evaluation.plan.work, evaluation.times):
            kernel = Span(work.label, "kernel", start, min(start + time, evaluation.ended))
            kernel.site, kernel.flops, kernel.bytes = work.site, work.flops, work.bytes
            self.spans.append(kernel)
            start = kernel.end


_active: list[Timeline] = []
"""Those that collect now."""


def is_active() -> bool:
    """Whether anything is collected now."""
    return bool(_active)


def begin(name: str) -> list[Span]:
    """Begin a range on every timeline that collects now; :func:`end` ends it."""
    if not _active:
        return []
    span = Span(name, "user_annotation", perf_counter_ns())
    for timeline in _active:
        timeline.spans.append(span)
    return [span]


def end(spans: list[Span]) -> None:
    """End a range that :func:`begin` began."""
    for span in spans:
        span.end = perf_counter_ns()


