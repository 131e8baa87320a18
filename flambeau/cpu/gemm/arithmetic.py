"""The element types of a product and what is done with them."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir import LANES, Builder, vector
from ..vectors import ITEM_BYTES, MASK, gather_vector, lane_numbers, load_vector, scatter_vector, store_vector, suffix


@dataclass(frozen=True)
class Element:
    """An element type by its LLVM name: ``float``, ``double``, or an integer ``i8`` to ``i64``, which wraps."""

    type: str

    @property
    def bytes(self) -> int:
        return ITEM_BYTES[self.type]

    @property
    def suffix(self) -> str:
        """How intrinsics spell the type."""
        return suffix(self.type)

    @property
    def floating(self) -> bool:
        return self.type in ("float", "double")

    @property
    def zero(self) -> str:
        """Zero of the scalar type (``zeroinitializer`` is that of the vector types)."""
        return "0.0" if self.floating else "0"

    @property
    def vector(self) -> str:
        """The type of sixteen elements."""
        return vector(self.type, LANES)

    def multiply_add(self, b: Builder, x: str, y: str, sum: str) -> str:
        """``x * y + sum`` for sixteen lanes, rounded once."""
        if self.floating:
            whole = self.vector
            return b.call(f"llvm.fma.v{LANES}{self.suffix}", whole, (whole, x), (whole, y), (whole, sum))
        return b.op(f"add {self.vector} {b.op(f'mul {self.vector} {x}, {y}')}, {sum}")

    def add(self, b: Builder, x: str, y: str, lanes: int = LANES) -> str:
        return b.op(f"{'fadd' if self.floating else 'add'} {vector(self.type, lanes)} {x}, {y}")

    def load(self, b: Builder, address: str) -> str:
        """One element."""
        return b.load(self.type, address, self.bytes)

    def store(self, b: Builder, value: str, address: str) -> None:
        """One element."""
        b.store(self.type, value, address, self.bytes)

    def load_vector(self, b: Builder, address: str, mask: str | None = None) -> str:
        """Sixteen consecutive elements; memory whose mask is false is not touched and its lanes are zero."""
        return load_vector(b, self.type, address, mask)

    def store_vector(self, b: Builder, value: str, address: str, mask: str | None = None) -> None:
        """Sixteen consecutive elements; memory whose mask is false is not touched."""
        store_vector(b, self.type, value, address, mask)

    def gather(self, b: Builder, address: str, stride: str, mask: str) -> str:
        """Sixteen elements ``stride`` (i64) elements apart; masked lanes are zero."""
        return gather_vector(b, self.type, address, _multiples(b, stride), mask)

    def scatter(self, b: Builder, value: str, address: str, stride: str, mask: str) -> None:
        """Store sixteen lanes ``stride`` (i64) elements apart where the mask is true."""
        scatter_vector(b, self.type, value, address, _multiples(b, stride), mask)


def _multiples(b: Builder, stride: str) -> str:
    """0, 1, ... times ``stride``."""
    return b.op(f"mul <{LANES} x i64> {lane_numbers()}, {b.broadcast('i64', stride, LANES)}")


def lanes_between(b: Builder, first: str, low: str | None, high: str) -> str:
    """Mask of the lanes whose number ``first + lane`` lies in [``low``, ``high``) (all i64; no ``low``: below only)."""
    whole = f"<{LANES} x i64>"
    numbers = b.op(f"add {whole} {lane_numbers()}, {b.broadcast('i64', first, LANES)}")
    below = b.op(f"icmp slt {whole} {numbers}, {b.broadcast('i64', high, LANES)}")
    if low is None:
        return below
    above = b.op(f"icmp sge {whole} {numbers}, {b.broadcast('i64', low, LANES)}")
    return b.op(f"and {MASK} {below}, {above}")
