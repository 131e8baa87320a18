"""Forks in a program with threads: what a child finds of what other threads were doing.

A child has one thread, the one that forked. In it the others stand still for ever, at the moment when they last gave up
the interpreter. What threads share is whole at each such moment (for the sake of signals too), so it takes three things
to go on with it:

- A lock that one of them holds would never be free. Locks are made by :func:`new_lock`, and a child finds them free,
  except for those that its own thread holds (it may have forked in a signal's handler, or in a finaliser).
- Native code gives up the interpreter while it changes memory in place. It runs under its thread's lock,
  ``native.lock``, until what it has done is also noted in Python; a fork waits for those of all threads. Nothing is waited
  for under such a lock, and no Python code runs.
- Libraries have states of their own: their locks are ``awaited``, and native threads are ended (:func:`before_fork`).
"""

from __future__ import annotations

import os
import threading
from _thread import RLock
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import compress
from typing import Any
from weakref import ref

_all: set[ref[RLock]] = set()
_of_threads: set[ref[RLock]] = set()
_awaited: list[RLock] = []
_last: list[Callable[[], None]] = []
_first: list[Callable[[], None]] = []
#: For each fork under way (a signal's handler may fork during another fork): the locks acquired for it.
_acquired: list[list[RLock]] = []
_one_at_a_time = RLock()

_consume: Any = deque(maxlen=0).extend


def new_lock(awaited: bool = False) -> RLock:
    """A lock that its thread may acquire again, and that is free in a child if another thread holds it.

    A fork waits for those that are ``awaited``; nobody who holds one may wait for native code or for another of them.
    """
    lock = RLock()
    _all.add(ref(lock, _all.discard))
    if awaited:
        _awaited.append(lock)
    return lock


class _Native(threading.local):
    """``lock`` is held by a thread while native code that it called changes memory."""

    def __init__(self) -> None:
        self.lock = RLock()
        with _one_at_a_time:
            _of_threads.add(ref(self.lock, _of_threads.discard))


native = _Native()


def before_fork(function: Callable[[], None]) -> None:
    """Have a function called before each fork, when no other thread is in native code."""
    _last.append(function)


def in_child(function: Callable[[], None]) -> None:
    """Have a function called in each child, before anything else runs there."""
    _first.append(function)


def _acquire(locks: Iterable[RLock], acquired: list[RLock]) -> None:
    """Acquire locks, and note each in the same call, so that a signal cannot come in between."""
    locks = list(locks)
    _consume(map(acquired.append, compress(locks, map(RLock.acquire, locks))))


def _acquire_native(acquired: list[RLock]) -> None:
    _acquire([lock for reference in list(_of_threads) if (lock := reference()) is not None], acquired)


@contextmanager
def without_native_code() -> Iterator[None]:
    """While this is entered, no other thread is in native code (see above)."""
    acquired: list[RLock] = []
    try:
        _acquire([_one_at_a_time], acquired)
        _acquire_native(acquired)
        yield
    finally:
        _consume(map(RLock.release, acquired))


def _before() -> None:
    acquired: list[RLock] = []
    _acquired.append(acquired)
    _acquire([_one_at_a_time, *_awaited], acquired)
    _acquire_native(acquired)
    for function in _last:
        function()


def _after_in_parent() -> None:
    _consume(map(RLock.release, _acquired.pop()))


def _after_in_child() -> None:
    _after_in_parent()
    for reference in list(_all):
        lock: Any = reference()
        if lock is not None and not lock._is_owned():
            lock._at_fork_reinit()
    for function in _first:
        function()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
