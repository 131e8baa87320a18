"""Calls that no signal's handler may interrupt.

An exception that a handler raises (an alarm, Ctrl-C) may come between any two lines of Python. Inside a library that keeps
pointers it leaves objects that are freed twice, or after what they need: the process dies. Handlers run in the main
thread alone, so what must not be interrupted is called in another thread; the main thread, which waits for it, may be
interrupted at any time, and then the other one goes on to its end.
"""

from __future__ import annotations

import threading
from _thread import allocate_lock, stack_size, start_new_thread
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any, Generic, TypeVar, cast

from .forks import in_child, new_lock

_T = TypeVar("_T")

STACK_BYTES = 16 << 20
"""What compilers need, and secondary threads do not have on every system."""


def undisturbed(function: Callable[[], _T]) -> _T:
    """What a function gives or raises when it is called where no signal's handler runs.

    The caller must not hold locks that the function needs. (``threading.Thread`` is written in Python, and does not cope with
    interruptions either.)
    """
    if get_ident() != threading.main_thread().ident or _without_another:
        return function()
    begun = _Begun(function)
    if begun.started:
        return begun.result()
    try:
        _without_another.append(True)
        return function()
    finally:
        _without_another.clear()


_without_another: list[bool] = []
"""Whether the main thread calls a function itself. What that calls in turn it calls itself too, even if threads could be started
by now: it may hold locks that the function needs."""
_one_at_a_time = new_lock()
"""Held while a thread is started: the size of stacks is one for all threads."""


def at_once(functions: Sequence[Callable[[], _T]]) -> list[_T]:
    """What functions give that are called at the same time, each in a thread of its own; raises what one of them raises when
    all have ended. To be called where no signal's handler runs."""
    others = [_Begun(function) for function in functions[1:]]
    try:
        results = [function() for function in functions[:1]]
    finally:
        for begun in others:
            begun.wait()
    return results + [begun.result() if begun.started else function() for function, begun in zip(functions[1:], others)]


def elsewhere(function: Callable[[], _T]) -> _T | None:
    """What a function gives or raises that is called in a thread of its own, whichever this one is. None if there is no such
    thread: it could not be started, or this is a child that a signal's handler has forked meanwhile."""
    begun = _Begun(function)
    begun.wait()
    return begun.result() if begun._outcome else None


class _Begun(Generic[_T]):
    """A call in another thread, if that could be started: not when the interpreter is ending, or there are too many threads."""

    def __init__(self, function: Callable[[], _T]) -> None:
        self._function = function
        self._outcome: list[tuple[_T, None] | tuple[None, BaseException]] = []
        self._done = allocate_lock()
        self._done.acquire()
        self.started = True
        with _one_at_a_time:
            before = stack_size()
            try:
                stack_size(STACK_BYTES)
                _not_ended.add(self)
                start_new_thread(self._call, ())
            except RuntimeError:
                self.started = False
                _not_ended.discard(self)
            finally:
                stack_size(before)

    def _call(self) -> None:
        try:
            self._outcome.append((self._function(), None))
        except BaseException as error:
            self._outcome.append((None, error))
        finally:
            self._done.release()
            _not_ended.discard(self)

    def wait(self) -> None:
        """Return when the call has ended."""
        if self.started:
            self._done.acquire()
            self._done.release()

    def result(self) -> _T:
        """What the call gave; raises what it raised."""
        self._done.acquire()
        if not self._outcome:  # a child, forked by a signal's handler meanwhile, where that thread is no more
            return self._function()
        result, error = self._outcome.pop()
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback leads here
        return cast(_T, result)


_not_ended: set[_Begun[Any]] = set()


def _wait_no_more() -> None:
    for begun in _not_ended:
        if begun._done.locked():
            begun._done.release()
    _not_ended.clear()


in_child(_wait_no_more)
