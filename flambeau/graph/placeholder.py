"""Python numbers whose value must not be looked at: they stand for what is given anew at each run."""

from __future__ import annotations

import operator
from typing import Any, NoReturn


class ValueNeeded(Exception):
    """Something needs a number that is given anew at each run, or a value that depends on one."""

    def __init__(self) -> None:
        super().__init__("a value that is given anew at each run was looked at")


class Hidden:
    """A number that is not to be looked at, of ``kind`` "f", "i" or "b" (:func:`~flambeau.graph.trace.number_kind`)."""

    __slots__ = ()

    kind: str
    #: Whether it is an integer all the same, with which shapes are computed.
    symbolic = False


def is_integer(value: Any) -> bool:
    """Whether it is an integer, symbolic or not."""
    return type(value) is int or isinstance(value, Hidden) and value.symbolic


def as_integer(number: Any) -> Any:
    """A number as an integer (``TypeError`` if it is none); symbolic ones as they are."""
    return number if is_integer(number) else int(operator.index(number))  # of a truth value, too


def as_count(number: Any) -> Any:
    """:func:`as_integer` of what may not be a truth value."""
    if isinstance(number, bool):
        raise TypeError("an integer is wanted, not bool")
    return as_integer(number)


class Placeholder(Hidden):
    """A number (or a view's offset) while a composite is recorded for the first time.

    Recording hands it on as it is, which tells where it goes. Whatever needs its value (arithmetic, a comparison, a look-up)
    raises :class:`ValueNeeded`, so that no result of today's value can be taken for what holds always.
    """

    __slots__ = ("kind", "number")

    def __init__(self, kind: str, number: int) -> None:
        #: ``"f"``, ``"i"`` or ``"b"``, as :func:`~flambeau.graph.trace.number_kind` says of what it stands for.
        self.kind = kind
        #: Which of the given numbers it is.
        self.number = number

    # A view's offset that is given anew is never zero: a view without offset is another view.

    def __gt__(self, other: Any) -> bool:
        return self._beyond_zero(other)

    def __le__(self, other: Any) -> bool:
        return not self._beyond_zero(other)

    def _beyond_zero(self, other: Any) -> bool:
        if self.kind != "offset" or other != 0:
            raise ValueNeeded
        return True

    def __bool__(self) -> bool:
        if self.kind != "offset":
            raise ValueNeeded
        return True


def _look(*_: Any) -> NoReturn:
    raise ValueNeeded


for _name in (
    "lt", "ge", "eq", "ne", "hash", "int", "float", "complex", "index", "round", "trunc", "floor", "ceil", "str", "repr",
    "format", "array", "len", "iter", "getitem", "contains", "neg", "pos", "abs", "invert",
    *(side + name for side in ("", "r") for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow",
                                                     "lshift", "rshift", "and", "or", "xor", "matmul")),
):  # fmt: skip
    setattr(Placeholder, f"__{_name}__", _look)
