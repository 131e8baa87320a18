"""``torch.xpu``: Intel's graphics processors, of which there are none here."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Whether there is a device."""
    return False


def device_count() -> int:
    """Number of devices."""
    return 0


def manual_seed(seed: int) -> None:
    """Seed the device's generator: there is none."""


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Give memory kept for reuse back to the system."""


def synchronize(device: Any = None) -> None:
    """Wait for a device: raises ``AssertionError``."""
    raise AssertionError("Torch not compiled with XPU enabled")
