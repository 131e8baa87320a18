"""What the kernels forwards and backwards have in common: a tile's sequences, and the steps that these take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ...kernels.kernel import Recurrent, Strided
from ...kernels.symbols import computed
from ..attention.matrix import Matrix
from ..attention.panels import PADDING_ROWS, Panels
from ..ir import KernelBuilder
from ..values import LANES, Pointer, Type, Value

SEQUENCES = 4
"""Sequences of a tile are a multiple of this, which a register tile has at least."""
MOST_SEQUENCES = 48
FEWEST_TILES = 4

CACHE_LINE = 64

INDICES = Type.of("i64")
FIELDS = "&sizes steps sequences block rows hidden pitch panels first by back"


def sequences_a_tile(sequences: int) -> int:
    (number,) = computed(_sequences_a_tile, sequences)
    return number


def _sequences_a_tile(sequences: int) -> tuple[int]:
    each = -(-sequences // FEWEST_TILES)
    return (min(MOST_SEQUENCES, -(-each // SEQUENCES) * SEQUENCES),)


def walk_arguments(problem: Recurrent, type: Type, columns: int, reverse: bool) -> dict[str, Any]:
    """The arguments of a walk whose products are ``columns`` wide; ``reverse`` if it begins with the last step."""
    panels = -(-columns // Panels(type).width)
    return {
        "sizes": problem.sizes, "steps": problem.steps, "sequences": problem.sequences,
        "block": sequences_a_tile(problem.sequences), "rows": problem.rows, "hidden": problem.hidden,
        "pitch": panels * Panels(type).width, "panels": panels,
        "first": problem.steps - 1 if reverse else 0, "by": -1 if reverse else 1, "back": int(reverse),
    }  # fmt: skip


def scratch_bytes(problem: Recurrent, type: Type, columns: int) -> int:
    """A tile's scratch memory: the results of a step's products."""
    width = Panels(type).width
    return (sequences_a_tile(problem.sequences) + PADDING_ROWS) * (-(-columns // width) * width) * type.bytes


class Rows(NamedTuple):
    """Rows of elements that adjoin, in memory: those of all steps, or of all sequences."""

    start: Pointer
    pitch: Value

    def row(self, number: Value) -> Pointer:
        return self.start + number * self.pitch

    def behind(self, number: Value) -> Rows:
        """The rows from one on."""
        return Rows(self.row(number), self.pitch)


def strided_arguments(**accesses: Strided) -> dict[str, Any]:
    """The values of arguments ``&name name_pitch``, of matrices whose elements adjoin along rows."""
    values: dict[str, Any] = {}
    for name, access in accesses.items():
        values |= {name: access.base, f"{name}_pitch": access.strides[0]}
    return values


class Walk:
    """The steps of a tile's sequences, ``first`` being the first one."""

    def __init__(self, b: KernelBuilder, a: Any, type: Type) -> None:
        self.b, self.a = b, a
        self.panels = Panels(type)
        self.first: Value = b.tile * a.block
        self.products: Pointer = b.scratch.of(type)

    def all(self) -> Iterator[tuple[Value, Value, Value | None]]:
        """For every element of the states, sixteen at a time: the sequence, the column, and a mask."""
        b, a = self.b, self.a
        with b.loop(self.first, (self.first + a.block).at_most(a.sequences)) as sequence:
            for column, mask in b.vectors(0, a.hidden):
                yield sequence, column, mask

    @contextmanager
    def steps(self) -> Iterator[tuple[Value, Value]]:
        """Each step that there are sequences for: the row of the first sequence, and how many there are. ``following`` is then
        the row of the first one at the next step, if as many sequences have that."""
        b, a = self.b, self.a
        position = b.variable(a.rows * a.back)
        sizes = a.sizes.of(INDICES)
        with b.loop(0, a.steps) as number:
            size = sizes[a.first + number * a.by].as_index()
            begin = position.value - size * a.back
            position.value = begin + size * (1 - a.back)
            count = (size - self.first).at_most(a.block)
            self.following: Value = begin + self.first + size * a.by
            with b.when(count > 0):
                yield begin + self.first, count

    def multiply(
        self, rows: Pointer, pitch: Value, count: Value, weight: Pointer, k: Value, ahead: Sequence[Rows]
    ) -> None:
        """The products of so many rows with the packed weight, into scratch memory. Meanwhile so many rows of each matrix of
        ``ahead`` are fetched into the cache, in equal shares: no processor foresees where a step will go on."""
        b, a, width = self.b, self.a, self.panels.width
        shares = [matrix.pitch // a.panels for matrix in ahead]
        with b.loop(0, a.panels) as panel:
            for matrix, share in zip(ahead, shares):
                with b.loop(0, count) as row, b.loop(0, share, CACHE_LINE // matrix.start.to.bytes) as column:
                    (matrix.row(row) + (panel * share + column)).prefetch(level=2)
            self.panels.multiply(
                b, count, k, Matrix(rows, pitch), Matrix(weight + panel * width * k, width),
                Matrix(self.products + panel * width, a.pitch), 1,
            )  # fmt: skip

    def product(self, row: Value, place: Value, mask: Value | None) -> Value:
        """Results of a product: in padded rows, so that no mask is needed."""
        found: Value = (self.products + (row * self.a.pitch + place)).load(LANES, mask)
        return found
