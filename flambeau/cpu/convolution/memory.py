"""Vector loads and stores whose lanes may lie outside the memory that belongs to an operand."""

from __future__ import annotations

from ..ir import LANES, Builder, vector

ITEM_BYTES = {"float": 4, "double": 8, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
SHORT = {"float": "f32", "double": "f64"}


def lane_numbers(type: str = "i64", lanes: int = LANES) -> str:
    """The constant <0, 1, 2, ...>."""
    return "<" + ", ".join(f"{type} {lane}" for lane in range(lanes)) + ">"


def lanes_below(b: Builder, count: str) -> str:
    """The mask of the first ``count`` (i64, may exceed the lanes) lanes."""
    return b.op(f"icmp slt <{LANES} x i64> {lane_numbers()}, {b.broadcast('i64', count, LANES)}")


def masked_load(b: Builder, type: str, address: str, mask: str, otherwise: str = "zeroinitializer") -> str:
    """Sixteen elements; only those whose mask is set are touched, the rest are ``otherwise``."""
    whole, mask_type = vector(type, LANES), f"<{LANES} x i1>"
    callee = b.module.declare(f"llvm.masked.load.v{LANES}{SHORT.get(type, type)}.p0", whole, "ptr", mask_type, whole)
    align = ITEM_BYTES[type]
    return b.op(f"call {whole} {callee}(ptr align {align} {address}, {mask_type} {mask}, {whole} {otherwise})")


def masked_store(b: Builder, type: str, value: str, address: str, mask: str) -> None:
    """Store those of sixteen elements whose mask is set."""
    whole, mask_type = vector(type, LANES), f"<{LANES} x i1>"
    callee = b.module.declare(f"llvm.masked.store.v{LANES}{SHORT.get(type, type)}.p0", "void", whole, "ptr", mask_type)
    b.do(f"call void {callee}({whole} {value}, ptr align {ITEM_BYTES[type]} {address}, {mask_type} {mask})")


def masked_gather(b: Builder, type: str, base: str, indices: str, mask: str, otherwise: str = "zeroinitializer") -> str:
    """Elements ``base[indices]`` (i64 lanes) where the mask is set."""
    whole, mask_type, addresses_type = vector(type, LANES), f"<{LANES} x i1>", f"<{LANES} x ptr>"
    addresses = b.op(f"getelementptr {type}, ptr {base}, <{LANES} x i64> {indices}")
    name = f"llvm.masked.gather.v{LANES}{SHORT.get(type, type)}.v{LANES}p0"
    callee = b.module.declare(name, whole, addresses_type, mask_type, whole)
    operands = f"{addresses_type} align {ITEM_BYTES[type]} {addresses}, {mask_type} {mask}, {whole} {otherwise}"
    return b.op(f"call {whole} {callee}({operands})")


def masked_scatter(b: Builder, type: str, value: str, base: str, indices: str, mask: str) -> None:
    """Store to ``base[indices]`` (i64 lanes, all different) where the mask is set."""
    whole, mask_type, addresses_type = vector(type, LANES), f"<{LANES} x i1>", f"<{LANES} x ptr>"
    addresses = b.op(f"getelementptr {type}, ptr {base}, <{LANES} x i64> {indices}")
    name = f"llvm.masked.scatter.v{LANES}{SHORT.get(type, type)}.v{LANES}p0"
    callee = b.module.declare(name, "void", whole, addresses_type, mask_type)
    align = ITEM_BYTES[type]
    b.do(f"call void {callee}({whole} {value}, {addresses_type} align {align} {addresses}, {mask_type} {mask})")


def load_vector(b: Builder, type: str, address: str) -> str:
    """Sixteen elements from an address aligned to one element only."""
    return b.load(vector(type, LANES), address, ITEM_BYTES[type])


def store_vector(b: Builder, type: str, value: str, address: str) -> None:
    """Sixteen elements to an address aligned to one element only."""
    b.store(vector(type, LANES), value, address, ITEM_BYTES[type])


def even_elements(b: Builder, type: str, first: str, second: str) -> str:
    """Every other element, from the first on, of two consecutive vectors."""
    whole, picks = vector(type, LANES), ", ".join(f"i32 {2 * lane}" for lane in range(LANES))
    return b.op(f"shufflevector {whole} {first}, {whole} {second}, <{LANES} x i32> <{picks}>")
