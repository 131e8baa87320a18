"""Helpers around training; what is in here is imported when it is first used."""

from __future__ import annotations

from typing import Any

from ..interpreter.lazy import lazy_attribute

_MODULES = (
    "_contextlib", "_mode_utils", "_python_dispatch", "_pytree", "benchmark", "checkpoint", "collect_env", "data", "dlpack",
    "file_baton", "flop_counter", "hooks", "model_zoo", "module_tracker", "tensorboard", "weak",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
