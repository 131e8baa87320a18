"""Tests of a class that are written once and made for each of several values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ...core.device import device
from ...graph.dtypes import dtype


class subtest:
    """The values of one test, with its name and decorators of its own."""

    __slots__ = ("arg_values", "name", "decorators")

    def __init__(self, arg_values: Any, name: str | None = None, decorators: Sequence[Callable] | None = None) -> None:
        self.arg_values = arg_values
        self.name = name
        self.decorators = decorators or []


class _Case(NamedTuple):
    name: str
    arguments: dict[str, Any]
    decorators: Sequence[Callable]


class parametrize:
    """A decorator: one test for each of ``arg_values``, which are given to the parameters that ``arg_str`` names.

    :func:`instantiate_parametrized_tests` makes the tests. Several decorators give all combinations.
    """

    def __init__(self, arg_str: str, arg_values: Iterable[Any], name_fn: Callable[..., str] | None = None) -> None:
        self.arg_names = [name.strip() for name in arg_str.split(",") if name]
        self.arg_values = arg_values
        self.name_fn = name_fn

    def __call__(self, function: Callable) -> Callable:
        inner = getattr(function, "parametrize_fn", lambda: [_Case("", {}, [])])
        function.parametrize_fn = lambda: self._combined(list(self._cases(function)), inner())  # type: ignore[attr-defined]
        return function

    @staticmethod
    def _combined(own: list[_Case], inner: Iterable[_Case]) -> Iterator[_Case]:
        for case in inner:
            for new in own:
                repeated = case.arguments.keys() & new.arguments.keys()
                if repeated:
                    raise RuntimeError(f"Parametrization by decorators that use the same names: {sorted(repeated)}")
                name = "_".join(filter(None, (case.name, new.name)))
                yield _Case(name, {**case.arguments, **new.arguments}, [*case.decorators, *new.decorators])

    def _cases(self, function: Callable) -> Iterator[_Case]:
        index = -1
        for index, given in enumerate(self.arg_values):
            special = given if isinstance(given, subtest) else subtest(given)
            values = list(special.arg_values) if len(self.arg_names) > 1 else [special.arg_values]
            if len(values) != len(self.arg_names):
                raise RuntimeError(
                    f"Expected # values == # arg names, but got: {len(values)} values and {len(self.arg_names)} names "
                    f'for test "{function.__name__}"'
                )
            name = special.name or (self.name_fn(*values) if self.name_fn else self._name(index, values))
            yield _Case(name, dict(zip(self.arg_names, values)), special.decorators)
        if index < 0:
            raise ValueError(f"{function}: An empty arg_values was passed to @parametrize.")

    def _name(self, index: int, values: list[Any]) -> str:
        def shown(name: str, value: Any) -> str:
            if isinstance(value, dtype):
                return value.name
            if isinstance(value, device):
                return str(value)
            if isinstance(value, int | float | str):
                return f"{name}_{value}".replace(".", "_")
            return f"{name}{index}"

        return "_".join(map(shown, self.arg_names, values))


def instantiate_parametrized_tests(generic_cls: type) -> type:
    """Put the tests that :class:`parametrize` asks for into a class, in place of those that it decorates."""
    for name in dir(generic_cls):
        generic = getattr(generic_cls, name)
        if not hasattr(generic, "parametrize_fn"):
            continue
        delattr(generic_cls, name)
        for case in generic.parametrize_fn():
            full_name = f"{generic.__name__}_{case.name}"
            if hasattr(generic_cls, full_name):
                raise AssertionError(f"Redefinition of test {full_name}")
            setattr(generic_cls, full_name, _made(generic, case))
    return generic_cls


def _made(generic: Callable, case: _Case) -> Callable:
    @functools.wraps(generic)
    def test(self: Any, *args: Any, **kwargs: Any) -> Any:
        return generic(self, *args, **case.arguments, **kwargs)

    del test.parametrize_fn  # type: ignore[attr-defined]
    for decorate in case.decorators:
        test = decorate(test)
    return test
