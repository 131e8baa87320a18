"""How many threads work on a plan."""

from __future__ import annotations

from .cpu.runner import default_runner

_interop = [1]


def _count(count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(count).__name__}")
    if count <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    return count


def set_num_threads(num: int) -> None:
    """Let ``num`` threads work on a plan from now on. Results do not depend on it."""
    default_runner().set_num_threads(_count(num))


def get_num_threads() -> int:
    """Threads that work on a plan, the calling one included."""
    return default_runner().num_threads()


def set_num_interop_threads(num: int) -> None:
    """Kept for programs that call it: plans run one at a time, each on all threads."""
    _interop[0] = _count(num)


def get_num_interop_threads() -> int:
    """What was set last (1 at first)."""
    return _interop[0]
