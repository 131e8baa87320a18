"""Errors of devices."""

from __future__ import annotations


class AcceleratorError(RuntimeError):
    """A device reported an error."""


class OutOfMemoryError(RuntimeError):
    """A device has no memory left. Never raised: a process without memory gets ``RuntimeError``."""
