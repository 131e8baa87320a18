"""Profiles: what a program's kernels took, by the lines that recorded them, in steps that a schedule chooses."""

from __future__ import annotations

from ..autograd.profiler import KinetoStepTracker, record_function
from . import itt
from .kinds import DeviceType, ProfilerAction, ProfilerActivity, RecordScope
from .profiler import (
    ExecutionTraceObserver,
    kineto_available,
    profile,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)

__all__ = [
    "DeviceType", "ExecutionTraceObserver", "KinetoStepTracker", "ProfilerAction", "ProfilerActivity", "RecordScope",
    "itt", "kineto_available", "profile", "record_function", "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip
