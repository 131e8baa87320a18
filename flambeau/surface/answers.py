"""Functions made of tables: how one is called, and what it answers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import MethodType
from typing import Any, NamedTuple, NoReturn


class Refusal(NamedTuple):
    """The answer that is an error."""

    error: type[Exception]
    words: str

    def __call__(self, **given: Any) -> NoReturn:
        raise self.error(self.words)


NO_CUDA, NO_MPS, NO_XPU = (Refusal(AssertionError, f"Torch not compiled with {name} enabled") for name in ("CUDA", "MPS", "XPU"))
NO_ACCELERATOR = Refusal(RuntimeError, "Cannot access accelerator device when none is available.")

def given_back(**given: Any) -> Any:
    """The answer of a decorator that does nothing, with arguments or without: the function that it was given."""
    function = next(iter(given.values()))
    return (lambda function: function) if function is None or not callable(function) else function


def decorator(**given: Any) -> Any:
    """The answer of what makes a decorator that does nothing."""
    return lambda function: function


class Context(contextlib.ContextDecorator):
    """A context, or a decorator, in which nothing is otherwise."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exception: object) -> None:
        pass


def context(**given: Any) -> Context:
    """The answer that is a context in which nothing is otherwise."""
    return Context()


def functions(module: str, answers: dict[str, Any]) -> dict[str, Any]:
    """The functions of a module that answer so: what a function among the answers returns, or else the same whatever is given.

    ``answers`` has how a function is called, and what it answers.
    """
    names = {call.partition("(")[0]: answer for call, answer in answers.items()}
    space: dict[str, Any] = {"__name__": module, "_answer": {name: _giving(a) for name, a in names.items()}}
    exec("\n".join(f"def {call}: return _answer[{name!r}](**locals())" for name, call in zip(names, answers)), space)
    for name, answer in names.items():
        said = f"raises ``{answer.error.__name__}``" if isinstance(answer, Refusal) else f"``{answer!r}``"
        space[name].__doc__ = answer.__doc__ if isinstance(answer, MethodType) else f"Where there is none: {said}."
    return {name: space[name] for name in names}


def _giving(answer: Any) -> Callable[..., Any]:
    """A function that gives the answer, or each time a new one if it can be changed."""
    if callable(answer):
        return answer  # type: ignore[no-any-return]
    return lambda **given: answer.copy() if isinstance(answer, (list, dict)) else answer
