"""Context managers that are decorators too, of generators as well."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..core.modes import generator_within
from ..graph.notices import warn


def context_decorator(ctx: Any, func: Callable[..., Any]) -> Callable[..., Any]:
    """A function that runs within a context manager, or within a new one that a function makes for each call.

    What a generator does is within it too; what its caller does meanwhile is not.
    """
    if callable(ctx) and hasattr(ctx, "__enter__"):
        raise AssertionError(
            f"Passed in {ctx} is both callable and also a valid context manager (has __enter__), making it ambiguous which "
            "interface to use: give a function that makes it, or one that gives it"
        )
    contexts = ctx if callable(ctx) else lambda: ctx
    if inspect.isclass(func):
        raise RuntimeError(
            "Cannot decorate classes; it is ambiguous whether or not only the constructor or all methods should have the "
            "context manager applied. To specify which methods to decorate, decorate each of them individually."
        )
    if inspect.isgeneratorfunction(func):
        return generator_within(contexts, func)

    @functools.wraps(func)
    def within(*args: Any, **kwargs: Any) -> Any:
        with contexts():
            return func(*args, **kwargs)

    return within


class _DecoratorContextManager:
    """A context manager that decorates functions: each call runs within a clone of it."""

    def __call__(self, orig_func: Any) -> Any:
        func = orig_func
        if inspect.isclass(orig_func):
            warn(
                "Decorating classes is deprecated and will be disabled in future versions. You should only decorate functions or "
                "methods. To preserve the current behavior of class decoration, you can directly decorate the `__init__` method "
                "and nothing else.",
                FutureWarning,
            )

            def func(*args: Any, **kwargs: Any) -> Any:
                return orig_func(*args, **kwargs)

        return context_decorator(self.clone, func)

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> Any:
        raise NotImplementedError

    def clone(self) -> Any:
        """Another of the kind; to be overridden by those whose constructor has parameters."""
        return type(self)()


class _NoParamDecoratorContextManager(_DecoratorContextManager):
    """One that decorates functions with or without parentheses."""

    def __new__(cls, orig_func: Any = None) -> Any:
        made = super().__new__(cls)
        return made if orig_func is None else cls()(orig_func)


__all__ = ["context_decorator"]
