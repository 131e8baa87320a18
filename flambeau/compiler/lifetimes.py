"""The memory of what is put together from parts: who needs it from when to when, and where it lies."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..kernels.contract import ALIGNMENT, PADDING
from .arrays import packed
from .memory import FreePlaces


class Lifetimes:
    """Pieces of memory, by number: first those of the leaves, then those that the parts need.

    Such a piece is an output's, which outlives the run; or it has a place in an arena from the ``first`` part that needs it to
    the ``last``; or it takes the memory of an earlier piece, which is then needed as long as either, and as large as either:
    ``within`` is which piece each lies in, its own number if it is none of these. Parts run one after the other, so places
    change hands between them.
    """

    __slots__ = ("within", "first", "last", "bytes", "output", "outputs", "offsets", "arena_bytes", "_leaves", "_inner")

    def __init__(self, leaves: int, within: Any, first: Any, last: Any, sizes: Any) -> None:
        while True:  # a piece that takes the memory of one that does so too
            further = within[within]
            if (further == within).all():
                break
            within = further
        inner = (within != np.arange(len(within))).nonzero()[0]
        np.maximum.at(last, within[inner], last[inner])
        np.maximum.at(sizes, within[inner], sizes[inner])
        self.within, self.first, self.last, self.bytes = within, first, last, sizes
        self._leaves = leaves

    def lay_out(self, outputs: Any) -> None:
        """Find the pieces' places in the arena, and its size, when these pieces are known to be in outputs' memory."""
        within = self.within
        #: The pieces that are outputs; and which output each piece is, -1 for none.
        held = np.zeros(len(within), np.bool_)
        held[within[outputs]] = True
        self.outputs: Any = held.nonzero()[0]
        self.output: Any = np.array([-1]).repeat(len(within))
        self.output[self.outputs] = np.arange(len(self.outputs))
        placed = ~held & (self.bytes > 0) & (within == np.arange(len(within)))
        placed[: self._leaves] = False
        self._inner: Any = placed.nonzero()[0]
        self.offsets: Any = np.zeros(len(within), np.int64)
        self.offsets[self._inner], end = _places(self.first[placed], self.last[placed], self.bytes[placed])
        self.offsets = self.offsets[within]
        self.output = self.output[within]
        self.arena_bytes = end + PADDING

    def slots(self) -> Any:
        """The slot of each piece in a plan's table: the arena's, a leaf's or an output's."""
        slots = np.where(self.output >= 0, self.output + 2 + self._leaves, 1)
        slots[: self._leaves] = np.arange(2, 2 + self._leaves)
        return slots

    def check(self) -> None:
        """``AssertionError`` if pieces at one place are needed at once, or one lies beyond the arena."""
        inner = sorted(self._inner.tolist(), key=self.offsets.__getitem__)
        for number, one in enumerate(inner):
            end = self.offsets[one] + self.bytes[one]
            assert 0 <= self.offsets[one] and end <= self.arena_bytes, "a value beyond the arena"
            for other in inner[number + 1 :]:
                if self.offsets[other] >= end:
                    break
                apart = self.last[one] < self.first[other] or self.last[other] < self.first[one]
                assert apart, "a value where another still is"


def _places(first: Any, last: Any, sizes: Any) -> tuple[Any, int]:
    """Places for pieces that are needed from the first to the last of some parts: their offsets, and where all ends.

    Pieces that are needed by the same parts lie together: most values of a turn come and go with it, and what is looked for is
    one place for all of them.
    """
    count = len(first)
    if not count:
        return first, 0
    order = np.lexsort((last, first))
    first, last, sizes = first[order], last[order], -(-sizes[order] // ALIGNMENT) * ALIGNMENT + ALIGNMENT
    begins = np.ones(count, bool)
    begins[1:] = (first[1:] != first[:-1]) | (last[1:] != last[:-1])
    starts = begins.nonzero()[0]
    ends = sizes.cumsum()
    before = ends[starts] - sizes[starts]
    together = np.append(before[1:], ends[-1]) - before
    free = FreePlaces()
    # Places that turns of a loop have left, by size: the next ones take them as they are, and others when there is enough.
    left: dict[int, list[int]] = {}
    bytes_left = 0
    leaving: dict[int, list[tuple[int, int]]] = {}
    offsets: list[int] = []
    now = 0
    for begin, end, size in zip(first[starts].tolist(), last[starts].tolist(), together.tolist()):
        while now < begin:
            for offset, left_size in leaving.pop(now, ()):
                left.setdefault(left_size, []).append(offset)
                bytes_left += left_size
            now += 1
        same = left.get(size)
        if same:
            offset = same.pop()
            bytes_left -= size
        else:
            if bytes_left >= size:
                for left_size, places in left.items():
                    for offset in places:
                        free.give(offset, left_size)
                left.clear()
                bytes_left = 0
            offset = free.take(size)
        offsets.append(offset)
        leaving.setdefault(end, []).append((offset, size))
    of_block = begins.cumsum() - 1
    found = np.empty(count, np.int64)
    found[order] = packed(offsets)[of_block] + ends - sizes - before[of_block]
    return found, free.end
