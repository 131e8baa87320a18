"""Changing pictures: as functions (:mod:`functional`) and as objects that draw their parameters at random."""

from __future__ import annotations

from typing import Any

from ...interpreter.lazy import lazy_attribute
from . import functional, transforms
from .transforms import *  # noqa: F403

__all__ = ["functional", *transforms.__all__]

_MODULES = (
    "_functional_pil", "_functional_tensor", "_functional_video", "_transforms_video", "functional_pil", "functional_tensor",
    "v2",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
