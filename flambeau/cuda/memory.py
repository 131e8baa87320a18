"""Questions about memory of CUDA devices, answered for none."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


def _zero(device: Any = None) -> int:
    """Bytes on a device: none."""
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _zero
memory_cached = max_memory_cached = _zero


def _nothing(device: Any = None) -> None:
    """Nothing to do."""


reset_peak_memory_stats = reset_accumulated_memory_stats = _nothing
reset_max_memory_allocated = reset_max_memory_cached = _nothing


def empty_cache() -> None:
    """Give memory kept for reuse back to the system: there is none of a device's."""


def ipc_collect() -> None:
    """Give memory of ended processes back."""


def memory_stats(device: Any = None) -> dict[str, Any]:
    """Statistics of a device's memory."""
    return OrderedDict()


def memory_snapshot(*arguments: Any, **options: Any) -> list[Any]:
    """Every block of memory."""
    return []


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """A table of a device's memory."""
    return "No CUDA device: no CUDA memory in use."


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free and total bytes of a device: raises ``AssertionError``."""
    raise AssertionError("Torch not compiled with CUDA enabled")


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Limit the memory that this process takes of a device: raises ``AssertionError``."""
    raise AssertionError("Torch not compiled with CUDA enabled")
