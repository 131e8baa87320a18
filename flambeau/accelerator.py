"""``torch.accelerator``: whichever device there is besides the CPU; here, none."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Whether there is an accelerator."""
    return False


def device_count() -> int:
    """Number of accelerators."""
    return 0


def current_accelerator(check_available: bool = False) -> Any:
    """The kind of accelerator, as a device; None without one."""
    return None


def _refuse(*arguments: Any) -> Any:
    raise RuntimeError("Cannot access accelerator device when none is available.")


current_device_index = current_device_idx = set_device_index = set_device_idx = _refuse
current_stream = set_stream = synchronize = _refuse


def empty_cache() -> None:
    """Give memory kept for reuse back to the system: there is none of a device's."""
