"""Naming the static arguments of a kernel, so that the code that loads them and the call that sets them agree."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..kernels.kernel import Number, Operand
from .ir import KernelBuilder
from .values import Type


class Arguments:
    """The order of a kernel's static arguments.

    A field is a plain name (one integer, or a number given at each run), ``name[3]`` (three integers) or ``&name`` (an operand,
    two places: the slot of its address and bytes behind that). What has no name, an epilogue's arguments or a table of any
    length, follows from ``end`` on.
    """

    def __init__(self, *fields: str) -> None:
        self._fields: list[tuple[str, int, int | None, bool]] = []
        #: The number of places taken.
        self.end = 0
        for field in " ".join(fields).split():
            name, _, count = field.strip("&]").partition("[")
            operand = field[0] == "&"
            self._fields.append((name, self.end, int(count) if count else None, operand))
            self.end += 2 if operand else int(count or 1)

    def values(self, **values: int | Number | Operand | tuple[int, ...]) -> list[Any]:
        """The arguments of a call, in order; every field must be given."""
        result: list[Any] = []
        for name, *_ in self._fields:
            value = values.pop(name)
            if isinstance(value, tuple):
                result.extend(value)
            else:
                result.append(value)
        assert not values, f"no such arguments: {sorted(values)}"
        return result

    def load(self, b: KernelBuilder, to: Type, first: int = 0) -> Any:
        """The arguments from the kernel's number ``first`` on, as attributes: integers, lists of them, and the addresses of
        operands, which hold elements of the type ``to``."""
        loaded: dict[str, Any] = {}
        for name, place, count, operand in self._fields:
            place += first
            if operand:
                loaded[name] = b.operand(place, to)
            elif count is None:
                loaded[name] = b.arguments[place]
            else:
                loaded[name] = [b.arguments[place + i] for i in range(count)]
        return SimpleNamespace(**loaded)
