"""``torch.cuda`` as it is on a machine without CUDA: it says so, and what needs no device does nothing.

Asking for a device, or putting a tensor on one, raises what PyTorch built without CUDA raises.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from . import amp
from .errors import AcceleratorError, OutOfMemoryError
from .memory import (
    empty_cache,
    ipc_collect,
    max_memory_allocated,
    max_memory_cached,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_cached,
    memory_reserved,
    memory_snapshot,
    memory_stats,
    memory_summary,
    reset_accumulated_memory_stats,
    reset_max_memory_allocated,
    reset_max_memory_cached,
    reset_peak_memory_stats,
    set_per_process_memory_fraction,
)
from .streams import Event, Stream, StreamContext, current_stream, default_stream, set_stream, stream

__all__ = [
    "AcceleratorError",
    "Event",
    "OutOfMemoryError",
    "Stream",
    "StreamContext",
    "amp",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "device_of",
    "empty_cache",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "init",
    "initial_seed",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_current_stream_capturing",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_cached",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_cached",
    "memory_reserved",
    "memory_snapshot",
    "memory_stats",
    "memory_summary",
    "reset_accumulated_memory_stats",
    "reset_max_memory_allocated",
    "reset_max_memory_cached",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
]

has_magma = has_half = False
default_generators: tuple[Any, ...] = ()


def _refuse() -> Any:
    raise AssertionError("Torch not compiled with CUDA enabled")


def is_available() -> bool:
    """Whether there is a device: no."""
    return False


def is_initialized() -> bool:
    """Whether CUDA was started: no."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the device computes in bfloat16: there is none."""
    return False


def is_current_stream_capturing() -> bool:
    """Whether a graph is being captured: no."""
    return False


def device_count() -> int:
    """Number of devices."""
    return 0


def get_arch_list() -> list[str]:
    """Architectures that kernels were compiled for."""
    return []


def init() -> None:
    """Start CUDA: raises ``AssertionError``."""
    _refuse()


def current_device() -> int:
    """Number of the current device: raises ``AssertionError``."""
    return _refuse()


def set_device(device: Any) -> None:
    """Choose a device: raises ``AssertionError`` unless ``device`` is negative, which chooses none."""
    index = getattr(device, "index", device)
    if not isinstance(index, int) or index >= 0:
        _refuse()


def synchronize(device: Any = None) -> None:
    """Wait for a device: raises ``AssertionError``."""
    _refuse()


def get_device_name(device: Any = None) -> str:
    """Name of a device: raises ``AssertionError``."""
    return _refuse()


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Version of a device: raises ``AssertionError``."""
    return _refuse()


def get_device_properties(device: Any = None) -> Any:
    """What a device is like: raises ``AssertionError``."""
    return _refuse()


class device(contextlib.nullcontext[None]):
    """A context with another current device: without devices, nothing changes."""

    def __init__(self, device: Any) -> None:
        super().__init__()


class device_of(device):
    """A context with the device of a tensor as the current one."""


def manual_seed(seed: int) -> None:
    """Seed the current device's generator: there is none to seed."""


manual_seed_all = manual_seed


def seed() -> None:
    """Seed the current device's generator at random."""


seed_all = seed


def initial_seed() -> int:
    """Seed of the current device: raises ``AssertionError``."""
    return _refuse()


def get_rng_state(device: Any = "cuda") -> Any:
    """State of a device's generator: raises ``AssertionError``."""
    return _refuse()


def get_rng_state_all() -> list[Any]:
    """States of all devices' generators."""
    return []


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Restore the state of a device's generator; without devices, for nothing."""


def set_rng_state_all(new_states: Iterable[Any]) -> None:
    """Restore the states of all devices' generators."""


_TYPES = ("Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool")


def __getattr__(name: str) -> Any:
    """Old tensor types such as ``FloatTensor``: nothing is one, and none can be made."""
    if name.removesuffix("Tensor") in _TYPES and name.endswith("Tensor"):
        made = type(name, (), {"__module__": "torch.cuda", "__new__": lambda cls, *args, **options: _refuse()})
        globals()[name] = made
        return made
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
