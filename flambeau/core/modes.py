"""Switching the recording of gradients on and off: context managers that are decorators too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Self, TypeVar, cast, overload

from ..graph.notices import warn
from ..graph.trace import local

_F = TypeVar("_F", bound=Callable[..., Any])
_T = TypeVar("_T")


def generator_within(contexts: Callable[[], Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """A generator's function that runs within a context of its own from each ``yield`` to the next, and not in between."""

    @functools.wraps(function)
    def generator(*arguments: Any, **keywords: Any) -> Any:
        inner = function(*arguments, **keywords)
        advance: Callable[[], Any] = functools.partial(inner.send, None)
        while True:
            with contexts():
                try:
                    value = advance()
                except StopIteration as end:
                    return end.value
            try:
                advance = functools.partial(inner.send, (yield value))
            except GeneratorExit:
                with contexts():
                    inner.close()
                raise
            except BaseException as error:
                advance = functools.partial(inner.throw, error)

    return generator


class _Mode:
    """Sets a thread's modes on entering and restores them on leaving; wraps functions and generators.

    Both are done without calls in between, where a signal could come in and leave them half done.
    """

    def _modes(self) -> tuple[bool, bool]:
        """Whether to record gradients, and whether in inference mode."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        modes = self._modes()
        self._previous = [*getattr(self, "_previous", ()), (local.grad, local.inference)]
        local.grad, local.inference = modes
        return self

    def __exit__(self, *exception: object) -> None:
        *self._previous, (local.grad, local.inference) = self._previous

    def clone(self) -> _Mode:
        return type(self)()

    def __call__(self, function: _F) -> _F:
        if inspect.isclass(function):
            warn(
                "Decorating classes is deprecated and will be disabled in future versions. You should only decorate functions or "
                "methods. To preserve the current behavior of class decoration, you can directly decorate the `__init__` method "
                "and nothing else.",
                FutureWarning,
            )
            made = function
            function = cast(_F, lambda *arguments, **keywords: made(*arguments, **keywords))
        if inspect.isgeneratorfunction(function):
            return cast(_F, generator_within(self.clone, function))

        @functools.wraps(function)
        def wrapper(*arguments: Any, **keywords: Any) -> Any:
            modes = self._modes()
            before = local.grad, local.inference
            try:
                local.grad, local.inference = modes
                return function(*arguments, **keywords)
            finally:  # at once: a signal could come in where a context manager's method is called
                local.grad, local.inference = before

        return cast(_F, wrapper)


def without_history(function: Callable[[], _T]) -> _T:
    """What a function gives when it is called while no history is recorded.

    ``with no_grad():`` does the same, but where a signal's handler raises an exception as the context manager is left, before
    its first line, it is not left: nothing inside the package may go on without history for that.
    """
    before = local.grad
    try:
        local.grad = False
        return function()
    finally:
        local.grad = before


class _BareDecorator(_Mode):
    """A mode that decorates functions with or without parentheses."""

    @overload
    def __new__(cls) -> Self: ...
    @overload
    def __new__(cls, orig_func: _F) -> _F: ...  # type: ignore[misc]
    def __new__(cls, orig_func: Callable[..., Any] | None = None) -> Any:
        made = object.__new__(cls)
        return made if orig_func is None else made(orig_func)


class no_grad(_BareDecorator):
    """Operations inside record no history, but for forward mode, which goes by it."""

    def _modes(self) -> tuple[bool, bool]:
        return local.grad and local.forward > 0, local.inference


class enable_grad(_BareDecorator):
    """Operations inside record history, also within :class:`no_grad`."""

    def _modes(self) -> tuple[bool, bool]:
        return True, local.inference


class inference_mode(_Mode):
    """As :class:`no_grad`; tensors made inside may never require grad."""

    def __new__(cls, mode: Any = True) -> Any:
        made = object.__new__(cls)
        if callable(mode):
            made.mode = True
            return made(mode)
        made.mode = bool(mode)
        return made

    def __init__(self, mode: Any = True) -> None:
        pass

    mode: bool

    def clone(self) -> inference_mode:
        return inference_mode(self.mode)  # type: ignore[no-any-return]

    def _modes(self) -> tuple[bool, bool]:
        return not self.mode or local.grad and local.forward > 0, self.mode


class set_grad_enabled(_Mode):
    """Switch recording on or off; takes effect at once, and is undone when used as a context manager."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not {type(mode).__name__}")
        self._previous = [(local.grad, local.inference)]
        self.mode = mode
        local.grad, _ = self._modes()

    def _modes(self) -> tuple[bool, bool]:
        return self.mode or local.grad and local.forward > 0, local.inference

    def __enter__(self) -> Any:
        local.grad, _ = self._modes()
        return self

    def __exit__(self, *exception: object) -> None:
        local.grad, local.inference = self._previous[-1]

    def clone(self) -> set_grad_enabled:
        return set_grad_enabled(self.mode)

    def __call__(self, function: _F) -> _F:
        local.grad, local.inference = self._previous[-1]
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether operations record history now."""
    return local.grad


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on."""
    return local.inference


class detect_anomaly:
    """Errors in backward name the line that recorded the operation; gradients that are NaN raise (``check_nan``)."""

    def __init__(self, check_nan: bool = True) -> None:
        self.check_nan = check_nan
        if type(self) is detect_anomaly:
            warn(
                "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
                "debugging."
            )

    def __enter__(self) -> None:
        self._previous = (local.anomaly, local.check_nan)
        _set_anomaly(True, self.check_nan)

    def __exit__(self, *exception: object) -> None:
        _set_anomaly(*self._previous)


class set_detect_anomaly(detect_anomaly):
    """Switch anomaly detection on or off, at once or as a context manager."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self._previous = (local.anomaly, local.check_nan)
        _set_anomaly(bool(mode), check_nan)

    def __enter__(self) -> None:
        pass


def _set_anomaly(mode: bool, check_nan: bool) -> None:
    local.anomaly, local.check_nan = mode, check_nan
    local.watched = mode or bool(local.pack_hooks)


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return local.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection looks for NaN in gradients."""
    return local.check_nan
