"""Who is told of operations beneath autograd: modes that a thread has entered, and classes with ``__torch_dispatch__``.

What they are told of, and how, is in ``utils/_dispatching``, which is loaded with the first of them.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..core.tensor import Tensor
from ..graph.trace import local


class _State(threading.local):
    def __init__(self) -> None:
        #: Modes that are entered, the innermost last. One that runs is not among them.
        self.modes: list[Any] = []
        #: Whether the package is at work on something of its own, of which nobody is told.
        self.silent = False
        #: Whether a mode or a class is running: operations that are composed of others are told as they are.
        self.beneath = False
        #: An operation in place that is to leave its own history when it is run: (operation, the tensor).
        self.pending: tuple[Any, Any] | None = None


state = _State()


def disabled_torch_dispatch(
    func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """The ``__torch_dispatch__`` of classes whose tensors are treated as plain ones, and what theirs may call in the end."""
    with silence():
        return func(*args, **(kwargs or {}))


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors among arguments, in lists and tuples too, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)


CLASSES: weakref.WeakSet[type] = weakref.WeakSet()
"""The classes with ``__torch_dispatch__`` that have had an instance."""


def asked(args: Any, kwargs: Any) -> list[Any]:
    """One argument of each class that is asked; subclasses before the classes they are of."""
    found: list[Any] = []
    if not CLASSES:
        return found
    for value in tensors_in((args, kwargs)):
        cls = type(value)
        if cls is not Tensor and cls._asked_beneath and not any([cls is type(other) for other in found]):
            place = next((k for k, other in enumerate(found) if issubclass(cls, type(other))), len(found))
            found.insert(place, value)
    return found


Tensor.__torch_dispatch__ = staticmethod(disabled_torch_dispatch)  # type: ignore[attr-defined]


def at_work(args: Any = (), kwargs: Any = ()) -> bool:
    """Whether somebody is to be told of a call on this thread with these arguments."""
    if state.silent or local.trace.unfinished is not None:
        return False
    return bool(state.modes) or bool(asked(args, kwargs))


def _len_torch_dispatch_stack() -> int:
    return len(state.modes)


class _DisableTorchDispatch:
    """While inside, neither modes nor classes are told anything."""

    def __enter__(self) -> None:
        self._before, state.silent = state.silent, True

    def __exit__(self, *exception: object) -> None:
        state.silent = self._before


@contextmanager
def silence() -> Iterator[None]:
    """A block in which nobody is told anything."""
    before, state.silent = state.silent, True
    try:
        yield
    finally:
        state.silent = before
