"""Naming the static arguments of a kernel, so that the code that loads them and the call that sets them agree."""

from __future__ import annotations

from ...kernels.kernel import Operand
from ..ir import Builder


class Arguments:
    """The order of a kernel's static arguments.

    A field is a plain name (one integer), ``"name[3]"`` (three integers) or ``"&name"`` (an operand, two places).
    """

    def __init__(self, *fields: str) -> None:
        self._index: dict[str, tuple[int, int | None]] = {}
        self._operands: set[str] = set()
        self.length = 0
        """Number of places taken; an epilogue's arguments follow."""
        for field in fields:
            if field.startswith("&"):
                field = field[1:]
                self._operands.add(field)
                self._index[field] = (self.length, None)
                self.length += 2
            elif field.endswith("]"):
                field, _, count = field[:-1].partition("[")
                self._index[field] = (self.length, int(count))
                self.length += int(count)
            else:
                self._index[field] = (self.length, None)
                self.length += 1

    def values(self, **values: int | Operand | tuple[int, ...]) -> list[int | Operand]:
        """The arguments of a call, in order; every field must be given."""
        result: list[int | Operand] = []
        for name in self._index:
            value = values.pop(name)
            if isinstance(value, tuple):
                result.extend(value)
            else:
                result.append(value)
        assert not values, f"no such arguments: {sorted(values)}"
        return result

    def load(self, b: Builder, name: str) -> str:
        """Load one integer, or the address of an operand."""
        index, _ = self._index[name]
        return b.operand(index) if name in self._operands else b.argument(index)

    def load_all(self, b: Builder, name: str) -> list[str]:
        """Load the integers of a ``name[count]`` field."""
        index, count = self._index[name]
        return [b.argument(index + i) for i in range(count or 0)]
