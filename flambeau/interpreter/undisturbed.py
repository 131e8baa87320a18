"""Calls that no signal's handler may interrupt.

An exception that a handler raises (an alarm, Ctrl-C) may come between any two lines of Python. Inside a library that keeps
pointers it leaves objects that are freed twice, or after what they need: the process dies. Handlers run in the main
thread alone, so what must not be interrupted is called in another thread; the main thread, which waits for it, may be
interrupted at any time, and then the other one goes on to its end.
"""

from __future__ import annotations

import threading
from _thread import allocate_lock, stack_size, start_new_thread
from collections.abc import Callable
from threading import get_ident
from typing import TypeVar, cast

_T = TypeVar("_T")

STACK_BYTES = 16 << 20
"""What compilers need, and secondary threads do not have on every system."""


def undisturbed(function: Callable[[], _T]) -> _T:
    """What a function gives or raises when it is called where no signal's handler runs.

    The caller must not hold locks that the function needs. (``threading.Thread`` is written in Python, and does not cope with
    interruptions either.)
    """
    if get_ident() != threading.main_thread().ident:
        return function()
    outcome: list[tuple[_T, None] | tuple[None, BaseException]] = []
    done = allocate_lock()
    done.acquire()

    def call() -> None:
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))
        finally:
            done.release()

    before = stack_size(STACK_BYTES)
    try:
        start_new_thread(call, ())
    except RuntimeError:  # the interpreter is ending, or there are too many threads
        return function()
    finally:
        stack_size(before)
    done.acquire()
    result, error = outcome.pop()
    if error is not None:
        try:
            raise error
        finally:
            del error  # its traceback leads here
    return cast(_T, result)
