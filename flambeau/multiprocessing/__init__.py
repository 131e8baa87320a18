"""``torch.multiprocessing``: the standard library's, and :func:`spawn`.

Tensors that are put into queues and pipes are copied; PyTorch's share their memory with the receiver.
"""

from __future__ import annotations

import multiprocessing as _standard
from multiprocessing import *  # noqa: F403
from multiprocessing import context, get_context, get_start_method, queues, reduction, set_start_method
from typing import Any

from .spawn import *  # noqa: F403
from .spawn import __all__ as _spawning

__all__ = [
    *_standard.__all__,  # type: ignore[attr-defined]
    *_spawning,
    "context", "get_all_sharing_strategies", "get_context", "get_sharing_strategy", "get_start_method", "queues",
    "reduction", "set_sharing_strategy", "set_start_method",
]  # fmt: skip

_STRATEGIES = {"file_descriptor", "file_system"}
_strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """PyTorch's ways to share memory between processes."""
    return set(_STRATEGIES)


def get_sharing_strategy() -> str:
    """The way that was chosen."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Choose a way to share memory; tensors are copied whichever it is."""
    global _strategy
    if new_strategy not in _STRATEGIES:
        raise AssertionError(f"unknown sharing strategy {new_strategy!r}")
    _strategy = new_strategy


def __getattr__(name: str) -> Any:
    return getattr(_standard, name)
