"""Native worker threads: asleep on a condition variable, never in the interpreter.

The pool is one *control block* of memory, on which three parties work: native workers, the thread that runs a plan
(it takes part as worker 0), and this module, which stops the workers before a fork and at exit. Workers are created
by the first run that has work for them (:mod:`flambeau.cpu.runner`).
The workers' side is :mod:`flambeau.cpu.workers`.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
from collections import deque
from itertools import chain, starmap
from operator import call
from typing import Any

import numpy as np

from ..interpreter.forks import before_fork, without_native_code
from .target import usable_processors
from .workers import (
    BLOCK_BYTES,
    MAX_THREADS,
    POSIX,
    RECORD_BYTES,
    RECORDS,
    RUN_MUTEX,
    SLEEP_MUTEX,
    SLEEPERS,
    STARTED,
    STOP,
    TOKENS,
    WAKE,
    WANTED,
)

_consume: Any = deque(maxlen=0).extend


def default_num_threads() -> int:
    """``FLAMBEAU_NUM_THREADS``, or the number of processors this process may use."""
    if chosen := os.environ.get("FLAMBEAU_NUM_THREADS"):
        if not chosen.isdecimal() or not 1 <= int(chosen) <= MAX_THREADS:
            raise ValueError(f"FLAMBEAU_NUM_THREADS must be a number from 1 to {MAX_THREADS}, not {chosen!r}")
        return int(chosen)
    return min(usable_processors(), MAX_THREADS)


class ThreadPool:
    """The control block and the life of the workers. One run at a time uses the workers; others do without."""

    def __init__(self, num_threads: int) -> None:
        memory = np.zeros(BLOCK_BYTES + 64, np.uint8)
        start = -memory.ctypes.data % 64
        self._words = memory[start : start + BLOCK_BYTES].view(np.int64)
        self.address: int = self._words.ctypes.data
        #: Threads that work on a plan, the calling one included.
        self.num_threads = num_threads if POSIX else 1
        if not POSIX:
            return
        self._words[WANTED // 8] = num_threads - 1
        self._libc = ctypes.CDLL(None)
        for name in ("pthread_mutex_init", "pthread_cond_init"):
            getattr(self._libc, name).argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        for name in ("pthread_mutex_lock", "pthread_mutex_unlock", "pthread_cond_broadcast"):
            getattr(self._libc, name).argtypes = (ctypes.c_void_p,)
        self._libc.pthread_join.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
        self._libc.pthread_mutex_init(self.address + RUN_MUTEX, None)
        self._libc.pthread_mutex_init(self.address + SLEEP_MUTEX, None)
        self._libc.pthread_cond_init(self.address + WAKE, None)
        # Only the forking thread exists in a child: workers must not be running, nor hold a mutex, when it is made.
        before_fork(self._stop)
        atexit.register(self.set_num_threads, 1)

    def set_num_threads(self, count: int) -> None:
        """Let ``count`` threads work on a plan. Waits for runs under way.

        Raises ``ValueError`` if the count is not from 1 to :data:`MAX_THREADS`.
        """
        if not 1 <= count <= MAX_THREADS:
            raise ValueError(f"the number of threads must be from 1 to {MAX_THREADS}, not {count}")
        if not POSIX:
            return
        with without_native_code():
            self._stop()
            self._words[WANTED // 8] = count - 1
            self.num_threads = count

    @property
    def workers_alive(self) -> int:
        """Native threads that exist now, the calling one not included."""
        return int(self._words[STARTED // 8])

    def _stop(self) -> None:
        """End the workers, which no run may be using. What a signal's handler raises meanwhile is raised in the end."""
        raised: BaseException | None = None
        while True:
            try:
                self._end_workers()
                break
            except BaseException as error:
                raised = error
        if raised is not None:
            raise raised

    def _end_workers(self) -> None:
        """End the workers that there are; may be interrupted between calls and begun again."""
        libc, words = self._libc, self._words
        words[STOP // 8] = 1
        sleep = self.address + SLEEP_MUTEX
        broadcast = libc.pthread_cond_broadcast, self.address + WAKE
        _consume(starmap(call, ((libc.pthread_mutex_lock, sleep), broadcast, (libc.pthread_mutex_unlock, sleep))))
        while started := int(words[STARTED // 8]):
            thread = int(words[(RECORDS + RECORD_BYTES * (started - 1) + 16) // 8])
            ended = map(libc.pthread_join, (thread,), (None,))
            _consume(chain(ended, map(words.__setitem__, (STARTED // 8,), (started - 1,))))
        words[[SLEEPERS // 8, TOKENS // 8, STOP // 8]] = 0


@functools.cache
def default_pool() -> ThreadPool:
    """The process's workers."""
    return ThreadPool(default_num_threads())
