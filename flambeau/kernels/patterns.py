"""What holds for integers of a pattern: which of them are symbols, which are equal to each other, and which are fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

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


class Holding(Protocol):
    """What may hold for some integers."""

    def at(self, integers: tuple[int, ...], /) -> Any:
        """What it gives for these integers, or None if it does not hold for them."""


class Variants:
    """Several that hold for different integers, those that were used last at the beginning.

    Their list is replaced, never changed: another thread may be looking through it. Guards that are independent of each other
    have very many combinations: so many variants as ``at_once`` are made as they are needed, each further one only when twice
    as often one was wanted as for the one before.
    """

    __slots__ = ("known", "_most", "_at_once", "_wanted")

    def __init__(self, most: int, at_once: int = 1) -> None:
        self.known: list[Any] = []
        self._most = most
        self._at_once = at_once
        #: How often none held since the last one was made.
        self._wanted = 0

    def at(self, integers: tuple[int, ...]) -> Any:
        """What the first gives that holds for these integers, or None."""
        known = self.known
        for number, variant in enumerate(known):
            found = variant.at(integers)
            if found is not None:
                if number:
                    self.known = [variant, *known[:number], *known[number + 1 :]]
                return found
        return None

    def wanted(self) -> bool:
        """Note that none holds; whether one is to be made."""
        self._wanted += 1
        return self._wanted >= 1 << max(0, len(self.known) - self._at_once + 1)

    def add(self, variant: Holding) -> None:
        """Put a new one at the beginning; the one that was used longest ago leaves if there are too many."""
        self._wanted = 0
        self.known = [variant, *self.known][: self._most]
