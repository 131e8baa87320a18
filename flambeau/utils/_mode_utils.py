"""What programs with dispatch modes use beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..ops.dispatching import _DisableTorchDispatch


@contextmanager
def no_dispatch() -> Iterator[None]:
    """A block in which neither modes beneath autograd nor classes of tensors are told anything."""
    with _DisableTorchDispatch():
        yield


def all_same_mode(modes: Sequence[Any]) -> bool:
    """Whether all modes are the same one."""
    return all(mode == modes[0] for mode in modes)


__all__ = ["all_same_mode", "no_dispatch"]
