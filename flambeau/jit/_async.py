"""``fork`` and ``wait``: a call that is made at once, and a future that has its result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Future:
    """The result of a call, or the error that it raised."""

    def __init__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._value: Any = None
        self._error: Exception | None = None
        try:
            self._value = func(*args, **kwargs)
        except Exception as error:
            self._error = error

    def done(self) -> bool:
        """True: the call was made when the future was."""
        return True

    def wait(self) -> Any:
        """The result; raises what the call raised."""
        if self._error is not None:
            raise self._error
        return self._value

    value = wait

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """The future of a call with this one."""
        return Future(callback, self)


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Future:
    """Call ``func``. As outside TorchScript in PyTorch, that is done before ``fork`` returns."""
    return Future(func, *args, **kwargs)


def wait(future: Future) -> Any:
    """The result of what was forked; raises what it raised."""
    return future.wait()
