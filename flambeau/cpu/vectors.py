"""Sixteen elements at a time between memory and registers; lanes may lie outside the memory of an operand.

Element types are LLVM's: ``float``, ``double``, ``half`` and the integers. What a mask leaves out is not touched.
"""

from __future__ import annotations

from .ir import LANES, Builder, splat, vector

ITEM_BYTES = {"float": 4, "double": 8, "half": 2, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
MASK = vector("i1", LANES)

_SUFFIXES = {"float": "f32", "double": "f64", "half": "f16"}
_EVERY = splat("i1", "true", LANES)
_POINTERS = vector("ptr", LANES)


def suffix(type: str) -> str:
    """How the names of intrinsics spell an element type."""
    return _SUFFIXES.get(type, type)


def lane_numbers(type: str = "i64", lanes: int = LANES) -> str:
    """The constant <0, 1, 2, ...>."""
    return "<" + ", ".join(f"{type} {lane}" for lane in range(lanes)) + ">"


def lanes_below(b: Builder, count: str, lanes: int = LANES) -> str:
    """The mask of the first ``count`` (i64, may exceed the lanes) lanes."""
    return b.op(f"icmp slt <{lanes} x i64> {lane_numbers('i64', lanes)}, {b.broadcast('i64', count, lanes)}")


def tail_mask(b: Builder, remaining: str) -> str:
    """The same for a ``remaining`` that is known to be less than the number of lanes, in narrower registers."""
    narrow = b.op(f"trunc i64 {b.minimum(remaining, str(LANES))} to i32")
    return b.op(f"icmp ult {vector('i32', LANES)} {lane_numbers('i32')}, {b.broadcast('i32', narrow, LANES)}")


def load_vector(
    b: Builder, type: str, address: str, mask: str | None = None, otherwise: str = "zeroinitializer", lanes: int = LANES
) -> str:
    """Neighbouring elements from an address aligned to one element only; lanes outside the mask are ``otherwise``."""
    whole, which, align = vector(type, lanes), vector("i1", lanes), ITEM_BYTES[type]
    if mask is None:
        return b.load(whole, address, align)
    callee = b.module.declare(f"llvm.masked.load.v{lanes}{suffix(type)}.p0", whole, "ptr", which, whole)
    return b.op(f"call {whole} {callee}(ptr align {align} {address}, {which} {mask}, {whole} {otherwise})")


def store_vector(
    b: Builder, type: str, value: str, address: str, mask: str | None = None, lanes: int = LANES
) -> None:
    """Store to neighbouring elements, from an address aligned to one element only."""
    whole, align = vector(type, lanes), ITEM_BYTES[type]
    if mask is None:
        b.store(whole, value, address, align)
        return
    callee = b.module.declare(f"llvm.masked.store.v{LANES}{suffix(type)}.p0", "void", whole, "ptr", MASK)
    b.do(f"call void {callee}({whole} {value}, ptr align {align} {address}, {MASK} {mask})")


def gather_vector(
    b: Builder, type: str, base: str, positions: str, mask: str | None = None, otherwise: str = "zeroinitializer"
) -> str:
    """Elements ``base[positions]`` (i64 lanes); lanes outside the mask are ``otherwise``."""
    whole, where = vector(type, LANES), _addresses(b, type, base, positions)
    name = f"llvm.masked.gather.v{LANES}{suffix(type)}.v{LANES}p0"
    callee = b.module.declare(name, whole, _POINTERS, MASK, whole)
    return b.op(f"call {whole} {callee}({where}, {MASK} {mask or _EVERY}, {whole} {otherwise})")


def scatter_vector(b: Builder, type: str, value: str, base: str, positions: str, mask: str | None = None) -> None:
    """Store to ``base[positions]`` (i64 lanes), in the order of the lanes."""
    whole, where = vector(type, LANES), _addresses(b, type, base, positions)
    name = f"llvm.masked.scatter.v{LANES}{suffix(type)}.v{LANES}p0"
    callee = b.module.declare(name, "void", whole, _POINTERS, MASK)
    b.do(f"call void {callee}({whole} {value}, {where}, {MASK} {mask or _EVERY})")


def _addresses(b: Builder, type: str, base: str, positions: str) -> str:
    """The addresses of ``base[positions]``, as an operand."""
    addresses = b.op(f"getelementptr {type}, ptr {base}, {vector('i64', LANES)} {positions}")
    return f"{_POINTERS} align {ITEM_BYTES[type]} {addresses}"
