"""The memory of what is put together from parts: who needs it from when to when, and where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels.contract import ALIGNMENT, PADDING
from .memory import FreePlaces


class Lifetimes:
    """Pieces of memory, by number: first those of the leaves, then those that the parts need.

    Such a piece is an output's, which outlives the run, or it has a place in an arena from its first part to its last. Parts
    run one after the other, so places change hands between them.
    """

    __slots__ = ("leaves", "first", "last", "bytes", "output", "outputs", "offsets", "arena_bytes")

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        nothing = [0] * leaves
        #: The first and the last part that needs each, and its bytes (of leaves it says nothing).
        self.first, self.last, self.bytes = nothing, [*nothing], [*nothing]
        #: Which output each is, -1 for none; and the other way round.
        self.output = [-1] * leaves
        self.outputs: list[int] = []
        self.offsets: list[int] = []
        self.arena_bytes = 0

    def new(self, first: int, last: int, size: int) -> int:
        """A piece of so many bytes."""
        self.first.append(first)
        self.last.append(last)
        self.bytes.append(size)
        self.output.append(-1)
        return len(self.first) - 1

    def extend(self, firsts: Sequence[int], lasts: Sequence[int], sizes: Sequence[int]) -> None:
        """Several new pieces, in the order of their first parts."""
        self.first += firsts
        self.last += lasts
        self.bytes += sizes
        self.output += [-1] * len(firsts)

    def share(self, number: int, last: int, size: int) -> None:
        """Another value lies in a piece, till part ``last``."""
        self.last[number] = max(self.last[number], last)
        self.bytes[number] = max(self.bytes[number], size)

    def own(self, number: int) -> int:
        """Have a piece be an output's; returns which."""
        output = self.output[number]
        if output < 0:
            output = self.output[number] = len(self.outputs)
            self.outputs.append(number)
        return output

    def lay_out(self) -> None:
        """Find the pieces' places in the arena, and its size."""
        ends: dict[int, list[tuple[int, int]]] = {}
        free = FreePlaces()
        now = 0
        self.offsets = [0] * len(self.first)
        for number in range(self.leaves, len(self.first)):
            size = self.bytes[number]
            if self.output[number] >= 0 or not size:
                continue
            first = self.first[number]
            while now < first:
                for place in ends.pop(now, ()):
                    free.give(*place)
                now += 1
            size = -(-size // ALIGNMENT) * ALIGNMENT + ALIGNMENT
            offset = self.offsets[number] = free.take(size)
            ends.setdefault(self.last[number], []).append((offset, size))
        self.arena_bytes = free.end + PADDING

    def slots(self) -> Any:
        """The slot of each piece in a plan's table: the arena's, a leaf's or an output's."""
        output = np.array(self.output, np.int64)
        slots = np.where(output >= 0, output + 2 + self.leaves, 1)
        slots[: self.leaves] = np.arange(2, 2 + self.leaves)
        return slots

    def check(self) -> None:
        """``AssertionError`` if pieces at one place are needed at once, or one lies beyond the arena."""
        inner = [n for n in range(self.leaves, len(self.first)) if self.output[n] < 0 and self.bytes[n]]
        inner.sort(key=self.offsets.__getitem__)
        for number, one in enumerate(inner):
            end = self.offsets[one] + self.bytes[one]
            assert 0 <= self.offsets[one] and end <= self.arena_bytes, "a value beyond the arena"
            for other in inner[number + 1 :]:
                if self.offsets[other] >= end:
                    break
                apart = self.last[one] < self.first[other] or self.last[other] < self.first[one]
                assert apart, "a value where another still is"
