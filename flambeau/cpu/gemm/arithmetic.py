"""The element types of a product and what is done with them."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir import LANES, Builder, vector

_BYTES = {"float": 4, "double": 8, "i64": 8, "i32": 4, "i16": 2, "i8": 1}
_SUFFIX = {"float": "f32", "double": "f64"}

MASK = f"<{LANES} x i1>"
LANE_NUMBERS = "<" + ", ".join(f"i64 {lane}" for lane in range(LANES)) + ">"


@dataclass(frozen=True)
class Element:
    """An element type by its LLVM name: ``float``, ``double``, or an integer ``i8`` to ``i64``, which wraps."""

    type: str

    @property
    def bytes(self) -> int:
        return _BYTES[self.type]

    @property
    def suffix(self) -> str:
        """How intrinsics spell the type."""
        return _SUFFIX.get(self.type, self.type)

    @property
    def floating(self) -> bool:
        return self.type in _SUFFIX

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
        if mask is None:
            return b.load(self.vector, address, self.bytes)
        name, zero = f"llvm.masked.load.v{LANES}{self.suffix}.p0", "zeroinitializer"
        callee = b.module.declare(name, self.vector, "ptr", MASK, self.vector)
        where = f"ptr align {self.bytes} {address}"
        return b.op(f"call {self.vector} {callee}({where}, {MASK} {mask}, {self.vector} {zero})")

    def store_vector(self, b: Builder, value: str, address: str, mask: str | None = None) -> None:
        """Sixteen consecutive elements; memory whose mask is false is not touched."""
        if mask is None:
            b.store(self.vector, value, address, self.bytes)
            return
        callee = b.module.declare(f"llvm.masked.store.v{LANES}{self.suffix}.p0", "void", self.vector, "ptr", MASK)
        b.do(f"call void {callee}({self.vector} {value}, ptr align {self.bytes} {address}, {MASK} {mask})")

    def gather(self, b: Builder, address: str, stride: str, mask: str) -> str:
        """Sixteen elements ``stride`` (i64) elements apart; masked lanes are zero."""
        pointers = self._addresses(b, address, stride)
        name, zero = f"llvm.masked.gather.v{LANES}{self.suffix}.v{LANES}p0", "zeroinitializer"
        callee = b.module.declare(name, self.vector, f"<{LANES} x ptr>", MASK, self.vector)
        where = f"<{LANES} x ptr> align {self.bytes} {pointers}"
        return b.op(f"call {self.vector} {callee}({where}, {MASK} {mask}, {self.vector} {zero})")

    def scatter(self, b: Builder, value: str, address: str, stride: str, mask: str) -> None:
        """Store sixteen lanes ``stride`` (i64) elements apart where the mask is true."""
        pointers = self._addresses(b, address, stride)
        name = f"llvm.masked.scatter.v{LANES}{self.suffix}.v{LANES}p0"
        callee = b.module.declare(name, "void", self.vector, f"<{LANES} x ptr>", MASK)
        where = f"<{LANES} x ptr> align {self.bytes} {pointers}"
        b.do(f"call void {callee}({self.vector} {value}, {where}, {MASK} {mask})")

    def _addresses(self, b: Builder, address: str, stride: str) -> str:
        steps = b.op(f"mul <{LANES} x i64> {LANE_NUMBERS}, {b.broadcast('i64', stride, LANES)}")
        return b.op(f"getelementptr {self.type}, ptr {address}, <{LANES} x i64> {steps}")


def lanes_between(b: Builder, first: str, low: str | None, high: str) -> str:
    """Mask of the lanes whose number ``first + lane`` lies in [``low``, ``high``) (all i64; no ``low``: below only)."""
    whole = f"<{LANES} x i64>"
    numbers = b.op(f"add {whole} {LANE_NUMBERS}, {b.broadcast('i64', first, LANES)}")
    below = b.op(f"icmp slt {whole} {numbers}, {b.broadcast('i64', high, LANES)}")
    if low is None:
        return below
    above = b.op(f"icmp sge {whole} {numbers}, {b.broadcast('i64', low, LANES)}")
    return b.op(f"and {MASK} {below}, {above}")
