"""The machine's vector registers, and tiles of sums that are kept in them while products are added."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from .ir import Builder
from .target import host
from .values import Pointer, Type, Value, fma, where


@dataclass(frozen=True, slots=True)
class Registers:
    """A machine's vector registers: how many, and of how many bytes each."""

    count: int
    bytes: int

    @property
    def masked_loads(self) -> bool:
        """Whether a load can leave out lanes cheaply."""
        return self.bytes >= 32

    def lanes(self, type: Type) -> int:
        """Elements of a register."""
        return self.bytes // type.bytes


@cache
def host_registers() -> Registers:
    """The registers of the machine this runs on."""
    target = host()
    many = target.vector_bits == 512 or target.triple.startswith(("aarch64", "arm64"))
    return Registers(32 if many else 16, target.vector_bits // 8)


@dataclass(frozen=True, slots=True)
class RegisterTile:
    """``rows`` factors, each repeated in all lanes, times ``vectors`` vectors of ``lanes`` elements."""

    rows: int
    vectors: int
    lanes: int

    @property
    def key(self) -> str:
        return f"{self.rows}x{self.vectors}x{self.lanes}"

    @property
    def width(self) -> int:
        """Elements of a row."""
        return self.vectors * self.lanes


class Sums:
    """The sums of products of some rows and some vectors, in registers; zeros at first."""

    def __init__(self, b: Builder, rows: int, vectors: int, type: Type) -> None:
        zero = b.constant(type, 0)
        self._sums = [[b.variable(zero) for _ in range(vectors)] for _ in range(rows)]

    def add(self, rows: Iterable[Value], vectors: Sequence[Value], mask: Value | None = None) -> None:
        """Add the products of each row's factor and each vector, rounding each sum once. Lanes outside the mask stay as they
        are, be they a negative zero."""
        for sums, row in zip(self._sums, rows):
            for sum, vector in zip(sums, vectors):
                before = sum.value
                after = fma(row, vector, before)
                sum.value = after if mask is None else where(mask, after, before)

    def write(self, place: Callable[[int, int], Pointer], adding: bool) -> None:
        """Store each sum at the place of its row and vector, or add it to what is there."""
        for i, sums in enumerate(self._sums):
            for j, sum in enumerate(sums):
                at, value = place(i, j), sum.value
                at.store(at.load(value.lanes) + value if adding else value)

    def row(self, number: int) -> list[Value]:
        """The sums of one row."""
        return [sum.value for sum in self._sums[number]]
