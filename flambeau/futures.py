"""Values that are computed elsewhere: a future is made, given its value once, and waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")


class Future(Generic[T]):
    """A value that is there later. ``devices`` is taken, for values on the CPU need no synchronisation."""

    def __init__(self, *, devices: Any = None) -> None:
        self._condition = threading.Condition()
        self._finished = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], Any]] = []

    def done(self) -> bool:
        """Whether there is a value, or an error."""
        return self._finished

    def wait(self) -> T:
        """The value, as soon as it is there; raises the error that is there instead."""
        with self._condition:
            self._condition.wait_for(self.done)
        return self.value()

    def value(self) -> T:
        """The value, which must be there (``RuntimeError``); raises the error that is there instead."""
        if not self._finished:
            raise RuntimeError("value() of a Future that is not completed: call wait()")
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]

    def set_result(self, result: T) -> None:
        """Give the value; ``RuntimeError`` the second time."""
        self._finish(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Give an error instead of a value."""
        assert isinstance(result, BaseException), f"{result} is of type {type(result)}, not an Exception."
        self._finish(None, result)

    def then(self, callback: Callable[[Future[T]], Any]) -> Future[Any]:
        """The future of what ``callback`` gives, which is called with this future as soon as it has its value."""
        following: Future[Any] = Future()

        def follow(future: Future[T]) -> None:
            try:
                following.set_result(callback(future))
            except Exception as error:
                failed = RuntimeError(f"Got the following error when running the callback: {type(error).__name__}: {error}")
                failed.__cause__ = error
                following.set_exception(failed)

        self.add_done_callback(follow)
        return following

    def add_done_callback(self, callback: Callable[[Future[T]], Any]) -> None:
        """Have ``callback`` called with this future when it has its value (at once if it has)."""
        with self._condition:
            if not self._finished:
                self._callbacks.append(callback)
                return
        callback(self)

    def _finish(self, value: Any, error: BaseException | None) -> None:
        with self._condition:
            if self._finished:
                raise RuntimeError(
                    "Attempting to mark a completed Future as complete again. Note that a Future can only be marked completed "
                    "once."
                )
            self._value, self._error, self._finished = value, error, True
            callbacks, self._callbacks = self._callbacks, []
            self._condition.notify_all()
        for callback in callbacks:
            callback(self)


def collect_all(futures: list[Future[Any]]) -> Future[list[Future[Any]]]:
    """A future that has these futures as its value when all of them have theirs."""
    result: Future[list[Future[Any]]] = Future()
    lock, missing = threading.Lock(), [len(futures)]

    def one_more(future: Future[Any]) -> None:
        with lock:
            missing[0] -= 1
            last = missing[0] == 0
        if last:
            result.set_result(futures)

    for future in futures:
        future.add_done_callback(one_more)
    if not futures:
        result.set_result(futures)
    return result


def wait_all(futures: list[Future[Any]]) -> list[Any]:
    """The values of all futures, when they are there."""
    return [future.wait() for future in futures]
