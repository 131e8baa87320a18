"""Handles of hooks, under the name that programs import them by."""

from __future__ import annotations

from ..core.hooks import RemovableHandle

__all__ = ["RemovableHandle"]
