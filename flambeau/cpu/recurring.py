"""Memory that is asked for again and again: what a plan's values live in, run after run.

A loop drops the values of one turn before it computes those of the next, so what a plan was given last time is free when
it runs again. To look whether it is takes far less time than to let buffers die and ask the pool for others.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from ..interpreter.forks import new_lock
from ..interpreter.holders import shared
from .memory import Buffer, Pool, default_pool

EACH = 4 << 20
"""Bytes that are kept for one user at most; beside the work on more, the time that the pool takes is nothing."""

TOGETHER = 32 << 20
"""Bytes that are kept for all users at most: when there would be more, all are given back to the pool."""


class Recurring:
    """Buffers of given sizes for one user, the same at each request as long as nobody else holds them."""

    __slots__ = ("sizes", "_pool", "_kept", "__weakref__")

    def __init__(self, sizes: Sequence[int], pool: Pool = default_pool) -> None:
        self.sizes = sizes
        self._pool = pool
        #: Nobody else may hold this list, nor another one of the same buffers, when the next request comes.
        self._kept: list[Buffer] | None = None

    def take(self) -> list[Buffer]:
        """A buffer of arbitrary contents for each size. One thread at a time, whose signals' handlers may ask too."""
        kept = self._kept
        if kept is None:
            return self._begin()
        self._kept = None
        for index, held in enumerate(shared(kept)):
            if held or kept[index].ever_exposed:
                kept[index] = self._pool.allocate(self.sizes[index])
        given = kept.copy()
        self._kept = kept
        return given

    def _begin(self) -> list[Buffer]:
        global _kept_bytes
        buffers = self._pool.allocate_all(self.sizes)
        size = sum([buffer.nbytes for buffer in buffers])
        if size <= EACH:
            with _lock:
                if _kept_bytes + size > TOGETHER:
                    for user in [user for reference in _users if (user := reference()) is not None]:
                        user._kept = None
                    _users.clear()
                    _kept_bytes = 0
                _users.add(weakref.ref(self, _users.discard))
                _kept_bytes += size  # users that die are counted until all is given back
                self._kept = buffers.copy()
        return buffers


_lock = new_lock()
_users: set[weakref.ref[Recurring]] = set()
_kept_bytes = 0
