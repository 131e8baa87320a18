"""What ``torch.mps`` and ``torch.xpu`` say where there is no such device."""

from __future__ import annotations

from collections.abc import Callable
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


def refusal(name: str) -> Callable[..., None]:
    """``synchronize`` of the device ``name``."""

    def synchronize(device: Any = None) -> None:
        """Wait for a device: raises ``AssertionError``."""
        raise AssertionError(f"Torch not compiled with {name} enabled")

    return synchronize
