"""Who holds a value: the one place that asks reference counts.

Memory is overwritten, or given to another value, if nobody else holds what stands for it. A count that is one too low would
spoil a value that somebody needs, so it is asked only in ways in which it is certain:

- The value stays in a list or in an attribute, and C functions alone (``map``, ``attrgetter``) hand it to ``getrefcount``.
  What an expression of Python holds meanwhile differs between versions, and between a line that runs for the first time
  and the same line when it has been specialised: CPython 3.14 borrows references of local variables on its stack.
- What the way itself adds is measured, when this is imported, by the same functions.
- A second holder of each kind must count. Where one does not, and where there is no global lock (an object's count is
  then kept in parts, and changes while it is asked for), everything seems to be held: values are copied, and memory is
  newly allocated, which is slower and always right.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator
from itertools import starmap
from operator import attrgetter
from sys import getrefcount
from typing import Any


class _Thing:
    __slots__ = ("value",)

    def __init__(self, value: Any = None) -> None:
        self.value = value


def _in_list(things: list[Any]) -> Iterator[int]:
    return map(getrefcount, things)


def _in_attribute(get: Callable[[Any], Any], holder: Any) -> int:
    return next(map(getrefcount, map(get, (holder,))))


def _suspended(value: Any) -> Iterator[None]:
    yield
    del value


def _counts(put: Callable[[_Thing], Callable[[], int]], alone: int) -> bool:
    """Whether each kind of second holder raises the count of a thing that ``put`` has put where it is asked for."""
    for hold in (_Thing, _suspended, lambda x: [x], lambda x: (x,), lambda x: {x: x}, lambda x: lambda: x):
        thing = _Thing()
        count = put(thing)
        if count() <= alone:  # this function's variable holds it
            return False
        held: Any = hold(thing)
        if hold is _suspended:
            next(held)
        del thing
        if count() <= alone:
            return False
        del held
        if count() != alone:
            return False
    return True


_value = attrgetter("value")
_ALONE_IN_LIST = next(_in_list([_Thing()]))
_ALONE_IN_ATTRIBUTE = _in_attribute(_value, _Thing(_Thing()))


def _put_in_list(thing: _Thing) -> Callable[[], int]:
    things = [thing]
    return lambda: next(_in_list(things))


def _put_in_attribute(thing: _Thing) -> Callable[[], int]:
    holder = _Thing(thing)
    return lambda: _in_attribute(_value, holder)


CERTAIN: bool = (
    getattr(sys, "_is_gil_enabled", lambda: True)()
    and _counts(_put_in_list, _ALONE_IN_LIST)
    and _counts(_put_in_attribute, _ALONE_IN_ATTRIBUTE)
)
"""Whether reference counts tell who holds a value in this interpreter."""

if not CERTAIN:
    _ALONE_IN_LIST = _ALONE_IN_ATTRIBUTE = -(1 << 30)


def shared(things: list[Any]) -> Iterator[bool]:
    """For each element of a list whether anything but the list holds it too."""
    return map(_ALONE_IN_LIST.__lt__, map(getrefcount, things))


def other_holders(get: Callable[[Any], Any]) -> Callable[[Any], int]:
    """A function that says how many references there are to what ``get`` gives of an object, besides the one it is from.

    ``get`` is an ``attrgetter`` or an ``itemgetter``.
    """

    def count(holder: Any) -> int:
        return next(map(getrefcount, map(get, (holder,)))) - _ALONE_IN_ATTRIBUTE

    return count


_consume: Any = deque(maxlen=0).extend


def if_nobody_else_holds(
    get: Callable[[Any], Any], get_other: Callable[[Any], Any], get_mark: Callable[[Any], Any], besides: int = 0
) -> Callable[[Any, Any, Callable[..., Any], tuple[Any, ...]], bool]:
    """A function ``act(holder, mark, call, arguments)``: ``call(*arguments)``, and whether it was called.

    It is if nothing else (``besides`` so many that are known) holds what ``get`` and ``get_other`` give of ``holder``, and
    ``get_mark`` gives ``mark``. Asking and calling are one call of C, so that neither a signal's handler nor another thread can
    come in between; ``call`` is a C function that no such thing can come into.
    """
    alone = _ALONE_IN_ATTRIBUTE + besides

    def act(holder: Any, mark: Any, call: Callable[..., Any], arguments: tuple[Any, ...]) -> bool:
        of = (holder,)
        asked = zip(map(getrefcount, map(get, of)), map(getrefcount, map(get_other, of)), map(get_mark, of))
        try:
            _consume(starmap(call, map({(alone, alone, mark): arguments}.__getitem__, asked)))
        except KeyError:
            return False
        return True

    return act
