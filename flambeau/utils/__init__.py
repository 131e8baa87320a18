"""Helpers around training; what is in here is imported when it is first used."""

from __future__ import annotations

from typing import Any

from ..interpreter.lazy import lazy_attribute

_MODULES = ("benchmark", "checkpoint", "data", "dlpack", "hooks", "model_zoo", "tensorboard")


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
