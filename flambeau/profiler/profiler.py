"""``profile``: which steps of a program are looked at, and what is done with what was found."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from warnings import warn

from ..autograd._timeline import Timeline
from ..autograd.profiler import record_function
from ..autograd.profiler_util import EventList
from .kinds import ProfilerAction, ProfilerActivity

_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """The CPU's."""
    return {ProfilerActivity.CPU}


def kineto_available() -> bool:
    """Whether profiles can be made."""
    return True


class _KinetoProfile:
    """Profiles from :meth:`start` to :meth:`stop`, without a schedule."""

    def __init__(
        self, *, activities: Iterable[ProfilerActivity] | None = None, record_shapes: bool = False,
        profile_memory: bool = False, with_stack: bool = False, with_flops: bool = False, with_modules: bool = False,
        experimental_config: Any = None, execution_trace_observer: Any = None, acc_events: bool = False,
        custom_trace_id_callback: Callable[[], str] | None = None, post_processing_timeout_s: float | None = None,
    ) -> None:  # fmt: skip
        self.activities = set(activities) if activities is not None else supported_activities()
        self.record_shapes = record_shapes
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.with_flops = with_flops
        self.with_modules = with_modules
        self.custom_trace_id_callback = custom_trace_id_callback
        self._metadata: dict[str, Any] = {}
        self._timeline: Timeline | None = None
        self._events: EventList | None = None
        self._trace_id = ""

    def start(self) -> None:
        """Begin."""
        self.prepare_trace()
        self.start_trace()

    def stop(self) -> None:
        """End."""
        self.stop_trace()

    def prepare_trace(self) -> None:
        """Forget what was found before."""
        self._timeline = self._events = None

    def start_trace(self) -> None:
        """Begin to look."""
        self._trace_id = self.custom_trace_id_callback() if self.custom_trace_id_callback else uuid.uuid4().hex.upper()
        self._timeline, self._events = Timeline(), None
        self._timeline.start()

    def stop_trace(self) -> None:
        """Look no more."""
        if self._timeline is not None and not self._timeline.end_time:
            self._timeline.stop()

    def events(self) -> EventList:
        """What happened, one by one."""
        if self._timeline is None or not self._timeline.end_time:
            raise AssertionError("Profiler must be initialized before getting events")
        if self._events is None:
            options = {"profile_memory": self.profile_memory, "with_flops": self.with_flops}
            self._events = EventList.of(self._timeline, **options)
        return self._events

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, group_by_overload_name: bool = False
    ) -> EventList:
        """Averages of what has one name; kernels of different lines of the program are kept apart."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def export_chrome_trace(self, path: str) -> None:
        """Write a trace that browsers show (chrome://tracing, Perfetto), compressed if it ends in ``.gz``."""
        self.events().export_chrome_trace(path, self._metadata)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write lines and times for programs that draw flame graphs."""
        self.events().export_stacks(path, metric)

    def export_memory_timeline(self, path: str, device: str | None = None) -> None:
        """What memory was used for over time, which is not known."""
        raise NotImplementedError("torch.profiler.profile.export_memory_timeline is not offered")

    def toggle_collection_dynamic(self, enable: bool, activities: Iterable[ProfilerActivity]) -> None:
        """Look at what comes next, or not."""
        timeline = self._timeline
        if ProfilerActivity.CPU not in activities or timeline is None or timeline.end_time:
            return
        timeline.collect(enable)

    def add_metadata(self, key: str, value: str) -> None:
        """Have a trace say something more."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Have a trace say something more, given as JSON."""
        self._metadata[key] = json.loads(value)

    preset_metadata_json = add_metadata_json

    def get_trace_id(self) -> str | None:
        """What this profile is called."""
        return self._trace_id or None

    def set_custom_trace_id_callback(self, callback: Callable[[], str]) -> None:
        """Have profiles be called what a function gives."""
        self.custom_trace_id_callback = callback


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """What is done with each step: ``wait`` are left out, ``warmup`` too, ``active`` are looked at, ``repeat`` times.

    0 repeats without end. ``skip_first`` steps come before all, and with ``skip_first_wait`` the first cycle does not wait.
    """

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        cycle = wait + warmup + active
        if repeat and step >= repeat * cycle:
            return ProfilerAction.NONE
        place = step % cycle
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < cycle - 1 else ProfilerAction.RECORD_AND_SAVE

    if wait < 0 or warmup < 0 or repeat < 0 or skip_first < 0 or active <= 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} (need >= 0), "
            f"active={active} (need > 0), repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warn("Profiler won't be using warmup, this can skew profiler results", stacklevel=2)
    return action


def _always(step: int) -> ProfilerAction:
    return ProfilerAction.RECORD


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[_KinetoProfile], None]:
    """For ``on_trace_ready``: writes each trace to a file of its own in a directory, named after host and process."""

    def handler(profiler: _KinetoProfile) -> None:
        try:
            os.makedirs(dir_name, exist_ok=True)
        except OSError as error:
            raise RuntimeError("Can't create directory: " + str(dir_name)) from error
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json"
        profiler.export_chrome_trace(os.path.join(dir_name, name + ".gz" if use_gzip else name))

    return handler


class profile(_KinetoProfile):
    """Profiles what is done inside: ranges (:class:`record_function`), evaluations, and the kernels that they ran.

    Kernels are those of the lines that recorded them, whenever they ran; while they are looked at, they run one after the
    other on one thread, so that each has a time. Sizes are in their names; ``record_shapes``, ``with_stack`` and ``with_modules``
    ask for no more than is there.
    """

    def __init__(
        self, *, activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None, on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False, profile_memory: bool = False, with_stack: bool = False, with_flops: bool = False,
        with_modules: bool = False, experimental_config: Any = None, execution_trace_observer: Any = None,
        acc_events: bool = False, use_cuda: bool | None = None,
        custom_trace_id_callback: Callable[[], str] | None = None, post_processing_timeout_s: float | None = None,
    ) -> None:  # fmt: skip
        chosen = set(activities) if activities is not None else supported_activities()
        if use_cuda is not None:
            warn("`use_cuda` is deprecated, use `activities` argument instead", FutureWarning, stacklevel=2)
        if not chosen:
            raise AssertionError("No valid profiler activities found")
        super().__init__(
            activities=chosen, record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack,
            with_flops=with_flops, with_modules=with_modules, custom_trace_id_callback=custom_trace_id_callback,
        )  # fmt: skip
        self.schedule = schedule or _always
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self.current_action = self.schedule(0)
        self.step_rec_fn: record_function | None = None

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin with the first step."""
        self._turn(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def stop(self) -> None:
        """End; a trace that was under way is ready."""
        self._end_step()
        if self.current_action in _RECORDING:
            self._finish(ready=True)

    def step(self) -> None:
        """Say that a step has ended and the next begins."""
        self._end_step()
        before, self.step_num = self.current_action, self.step_num + 1
        self.current_action = self.schedule(self.step_num)
        self._turn(before, self.current_action)
        self._begin_step()

    def _turn(self, before: ProfilerAction, now: ProfilerAction) -> None:
        """From one step's action to the next one's."""
        ends = before is ProfilerAction.RECORD_AND_SAVE or (before in _RECORDING and now not in _RECORDING)
        if before is ProfilerAction.RECORD and ends or (before, now) == (ProfilerAction.WARMUP, ProfilerAction.NONE):
            warn(f"Incorrect schedule: {before.name} followed by {now.name}", stacklevel=3)
        if ends:
            self._finish(ready=before is ProfilerAction.RECORD_AND_SAVE)
        if now in _RECORDING and (ends or before not in _RECORDING):
            self.start_trace()

    def _finish(self, ready: bool) -> None:
        self.stop_trace()
        if ready and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def _begin_step(self) -> None:
        if self.record_steps:
            self.step_rec_fn = record_function(f"ProfilerStep#{self.step_num}")
            self.step_rec_fn.__enter__()

    def _end_step(self) -> None:
        if self.step_rec_fn is not None:
            self.step_rec_fn.__exit__(None, None, None)
            self.step_rec_fn = None


class ExecutionTraceObserver:
    """Writes what was called to a file, which is not offered: it can be made, not registered."""

    def register_callback(self, output_file_path: str) -> ExecutionTraceObserver:
        """``NotImplementedError``."""
        raise NotImplementedError("torch.profiler.ExecutionTraceObserver.register_callback is not offered")

    def unregister_callback(self) -> None:
        """Does nothing: there is no file."""

    def is_registered(self) -> bool:
        """False."""
        return False


__all__ = [
    "ExecutionTraceObserver", "kineto_available", "profile", "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip
