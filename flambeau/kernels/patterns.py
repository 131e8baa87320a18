"""Which of the integers of something are symbols, which are equal to each other, and which are fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .symbols import LEAST, Symbols, picker


class Pattern:
    """A way of reading a sequence of integers: each is the value of a symbol, of which several may have the same, or fixed.

    What differs from any of the ``samples`` (sequences of the same length) is a symbol, or with ``all_vary`` everything; but
    what is less than a symbol can be is fixed. Integers that are equal to each other in each of the sequences share one.
    """

    __slots__ = ("_symbols", "_order", "_fixed")

    def __init__(self, integers: Sequence[int], samples: Sequence[Sequence[int]], all_vary: bool = False) -> None:
        symbols: dict[Any, int] = {}
        first: list[int] = []
        fixed: list[int] = []
        order: list[tuple[bool, int]] = []
        for position, seen in enumerate(zip(integers, *samples)):
            value = seen[0]
            if value < LEAST or not all_vary and all(other == value for other in seen):
                order.append((False, len(fixed)))
                fixed.append(value)
                continue
            if seen not in symbols:
                symbols[seen] = len(first)
                first.append(position)
            order.append((True, symbols[seen]))
        #: Picks the symbols' values from the integers.
        self._symbols = picker(first)
        #: Makes the integers again of the values and of what is fixed.
        self._order = picker([number if symbolic else len(first) + number for symbolic, number in order])
        self._fixed = tuple(fixed)

    def values(self, integers: tuple[int, ...]) -> tuple[int, ...] | None:
        """The symbols' values for these integers, if they have the pattern."""
        values = self._symbols(integers)
        if self._order(values + self._fixed) != integers or values and min(values) < LEAST:
            return None
        return values

    def symbolic(self, symbols: Symbols, integers: tuple[int, ...]) -> Iterator[Any]:
        """The integers with new symbols among them, of which these are the example."""
        values = tuple(map(symbols.symbol, self._symbols(integers)))
        return iter(self._order(values + self._fixed))
