"""The extent of a ragged dimension: a size that is no number, for it is another one in each sample."""

from __future__ import annotations

from itertools import count
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from ...core.tensor import Tensor

_numbers = count(1)
_known: WeakValueDictionary[int, SymInt] = WeakValueDictionary()


class Ragged(NamedTuple):
    """What a size that is no number stands for: the ``factor``-fold of how many rows the samples have."""

    #: The offsets or lengths, or the size that it is a multiple of: held, so that its identity stays theirs.
    source: Any
    number: int
    factor: int = 1


class SymInt:
    """A size that is no number, or a multiple of it; it equals itself alone, and is at least 2 where numbers are compared."""

    __slots__ = ("node", "__weakref__")

    def __init__(self, node: Ragged) -> None:
        self.node = node

    @property
    def _number(self) -> int:
        return self.node.number

    @property
    def _factor(self) -> int:
        return self.node.factor

    def __repr__(self) -> str:
        return f"j{self._number}" if self._factor == 1 else f"{self._factor}*j{self._number}"

    def _is(self, other: Any) -> bool:
        return isinstance(other, SymInt) and (self._number, self._factor) == (other._number, other._factor)

    def __eq__(self, other: object) -> bool:
        return self._is(other)

    def __ne__(self, other: object) -> bool:
        return not self._is(other)

    def __hash__(self) -> int:
        return hash((SymInt, self._number, self._factor))

    def __mul__(self, other: Any) -> SymInt:
        if not isinstance(other, int):
            raise RuntimeError("not yet supported: a ragged size can only be multiplied by a number")
        return SymInt(Ragged(self, self._number, self._factor * other))

    __rmul__ = __mul__

    def _at_least(self, other: Any) -> bool:
        if isinstance(other, SymInt) and other._number == self._number:
            return self._factor >= other._factor
        if isinstance(other, int) and other <= 2:
            return True
        raise ValueError("ge: relation is indeterminate")

    def _at_most(self, other: Any) -> bool:
        if isinstance(other, SymInt) and other._number == self._number:
            return self._factor <= other._factor
        if isinstance(other, int) and other < 2:
            return False
        raise ValueError("ge: relation is indeterminate")

    def __ge__(self, other: Any) -> bool:
        return self._at_least(other)

    def __le__(self, other: Any) -> bool:
        return self._at_most(other)

    def __gt__(self, other: Any) -> bool:
        return not self._at_most(other)

    def __lt__(self, other: Any) -> bool:
        return not self._at_least(other)

    def __bool__(self) -> bool:
        return True

    def __int__(self) -> int:
        raise TypeError(
            f"Cannot convert the size {self!r} of a ragged dimension to a number: it differs between samples"
        )

    __index__ = __int__


def ragged_size(source: Tensor) -> SymInt:
    """The size of a ragged dimension with these offsets, or lengths: the same one for the same tensor."""
    found = _known.get(id(source))
    if found is None:
        found = _known[id(source)] = SymInt(Ragged(source, next(_numbers)))
    return found
