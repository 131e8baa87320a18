"""What programs need that have their own say in the package's functions: the protocol ``__torch_function__``, and modes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

from .core.tensor import Tensor
from .ops import overriding
from .ops.overriding import has_own_say, overloaded, pop_mode, push_mode, state


def is_tensor_like(inp: Any) -> bool:
    """Whether something is a tensor, or of a class that has ``__torch_function__``."""
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether a class of the arguments, or a mode, is to be asked."""
    return bool(state.modes and not state.silent) or any(has_own_say(value) for value in relevant_args)


def has_torch_function_unary(tensor: Any) -> bool:
    """:func:`has_torch_function` of one argument."""
    return has_torch_function((tensor,))


def has_torch_function_variadic(*args: Any) -> bool:
    """:func:`has_torch_function` of several arguments."""
    return has_torch_function(args)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the classes of the relevant arguments, or a mode, give for a call of ``public_api``. ``TypeError`` if none does."""
    return overriding.handled(public_api, overloaded(relevant_args), args, kwargs)


def wrap_torch_function(dispatcher: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the function asks the arguments that ``dispatcher`` gives for its arguments."""

    def decorate(func: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = tuple(dispatcher(*args, **kwargs))
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return wrapped

    return decorate


class TorchFunctionMode:
    """Subclasses define ``__torch_function__(self, func, types, args, kwargs)``, which sees what is called while it is entered.

    While it runs the mode is not entered, so it may call ``func``. It sees functions, methods and operators of tensors.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Any:
        push_mode(self)
        return self

    def __exit__(self, *exception: object) -> None:
        pop_mode()

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> Any:
        """The mode itself, to be entered by ``with``."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return func(*args, **(kwargs or {}))


def _get_current_function_mode() -> Any:
    return state.modes[-1] if state.modes else None


def _get_current_function_mode_stack() -> list[Any]:
    return list(state.modes)


@contextmanager
def _pop_mode_temporarily() -> Iterator[Any]:
    mode = pop_mode()
    try:
        yield mode
    finally:
        push_mode(mode)


@contextmanager
def enable_reentrant_dispatch() -> Iterator[None]:
    """Nothing is different inside: functions ask wherever they are called."""
    yield


# --- names ------------------------------------------------------------------------------------------------------------


def get_default_nowrap_functions() -> set[Any]:
    """What gives, on a subclass, tensors that are not made instances of it."""
    return overriding.not_wrapped()


_SPACES = ("", "nn.functional", "linalg", "special", "fft", "functional")


@functools.cache
def _spaces() -> tuple[Any, ...]:
    import importlib

    package = __package__ or "flambeau"
    found = []
    for name in _SPACES:
        try:
            found.append(importlib.import_module(f"{package}.{name}".rstrip(".")))
        except ImportError:
            continue
    return (*found, Tensor)


@functools.cache
def _overridable() -> tuple[dict[Any, list[Any]], dict[Any, str]]:
    functions: dict[Any, list[Any]] = {}
    names: dict[Any, str] = {}
    for space in _spaces():
        module = isinstance(space, ModuleType)
        title = space.__name__.replace("flambeau", "torch") if module else "torch.Tensor"
        for name in dir(space):
            value = getattr(space, name, None)
            if module and not hasattr(value, "__checked__"):
                continue
            if not module and (name.startswith("_") and not name.startswith("__") or name in overriding._KEPT):
                continue
            if isinstance(value, property):
                names.setdefault(value.__get__, f"{title}.{name}.__get__")
                functions.setdefault(space, []).append(value.__get__)
            elif isinstance(value, FunctionType):
                names.setdefault(value, f"{title}.{name}")
                functions.setdefault(space, []).append(value)
    return functions, names


def get_overridable_functions() -> dict[Any, list[Any]]:
    """The functions that ask classes with ``__torch_function__``, by the module (or class) that has them."""
    return {space: list(functions) for space, functions in _overridable()[0].items()}


def resolve_name(f: Any) -> str | None:
    """The name of a function that can be overridden, as ``"torch.Tensor.add"``; None for others."""
    return _overridable()[1].get(f)


def is_tensor_method_or_property(func: Any) -> bool:
    """Whether a function is a method of tensors, or gets one of their properties."""
    name = resolve_name(func)
    return (name is not None and name.startswith("torch.Tensor.")) or getattr(func, "__name__", None) == "__get__"


def get_ignored_functions() -> set[Any]:
    """Functions of the package that do not ask anybody."""
    package = sys.modules[__package__ or "flambeau"]
    values = [getattr(package, name, None) for name in dir(package) if name in vars(package)]
    return {value for value in values if isinstance(value, FunctionType) and not hasattr(value, "__checked__")}


def get_testing_overrides() -> dict[Any, Callable[..., Any]]:
    """A function with the signature of each that can be overridden, which gives -1."""

    def like(function: Any) -> Callable[..., Any]:
        @functools.wraps(function)
        def answer(*args: Any, **kwargs: Any) -> int:
            return -1

        return answer

    functions = [function for each in get_overridable_functions().values() for function in each]
    return {function: like(function) if isinstance(function, FunctionType) else lambda self: -1 for function in functions}


__all__ = [
    "BaseTorchFunctionMode", "TorchFunctionMode", "enable_reentrant_dispatch", "get_default_nowrap_functions",
    "get_ignored_functions", "get_overridable_functions", "get_testing_overrides", "handle_torch_function", "has_torch_function",
    "is_tensor_like", "is_tensor_method_or_property", "resolve_name", "wrap_torch_function",
]  # fmt: skip
