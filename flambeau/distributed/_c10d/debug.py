"""How much is checked and told, as ``TORCH_DISTRIBUTED_DEBUG`` says: it can be set and read, and changes nothing."""

from __future__ import annotations

import enum
import os

__all__ = ["DebugLevel", "get_debug_level", "set_debug_level", "set_debug_level_from_env"]


class DebugLevel(enum.Enum):
    """Levels by name."""

    OFF = 0
    INFO = 1
    DETAIL = 2


_level = [DebugLevel.OFF]


def get_debug_level() -> DebugLevel:
    """The level that was set."""
    return _level[0]


def set_debug_level(level: DebugLevel) -> None:
    """Set the level."""
    if not isinstance(level, DebugLevel):
        raise TypeError(f"set_debug_level(): argument must be a DebugLevel, not {type(level).__name__}")
    _level[0] = level


def set_debug_level_from_env() -> None:
    """Set the level that ``TORCH_DISTRIBUTED_DEBUG`` names."""
    name = os.environ.get("TORCH_DISTRIBUTED_DEBUG", "OFF").upper()
    if name not in DebugLevel.__members__:
        raise RuntimeError(f"TORCH_DISTRIBUTED_DEBUG must be one of {', '.join(DebugLevel.__members__)}, not {name!r}")
    _level[0] = DebugLevel[name]


set_debug_level_from_env()
