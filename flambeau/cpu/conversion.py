"""Values between memory and registers, and from one dtype to another.

In registers booleans are ``i1`` and the half types are ``float`` (rounded to half after every primitive).
"""

from __future__ import annotations

from ..graph.dtypes import bfloat16, dtype, float16, float64, uint8
from .ir import Builder, float_constant, splat, vector


def register_type(d: dtype, lanes: int) -> str:
    """LLVM type of ``lanes`` values of dtype ``d`` in registers."""
    return vector(d.llvm, lanes)


def from_storage(b: Builder, d: dtype, lanes: int, x: str) -> str:
    """A value as loaded from memory, brought into register form."""
    if d.kind == "bool":
        return b.op(f"icmp ne {vector('i8', lanes)} {x}, {splat('i8', '0', lanes) if lanes > 1 else '0'}")
    if d is float16:
        return b.op(f"fpext {vector('half', lanes)} {x} to {vector('float', lanes)}")
    if d is bfloat16:
        wide = b.op(f"zext {vector('i16', lanes)} {x} to {vector('i32', lanes)}")
        bits = b.op(f"shl {vector('i32', lanes)} {wide}, {splat('i32', '16', lanes)}")
        return b.op(f"bitcast {vector('i32', lanes)} {bits} to {vector('float', lanes)}")
    return x


def to_storage(b: Builder, d: dtype, lanes: int, x: str) -> str:
    """A register value in the form that memory holds."""
    if d.kind == "bool":
        return b.op(f"zext {vector('i1', lanes)} {x} to {vector('i8', lanes)}")
    if d is float16:
        return b.op(f"fptrunc {vector('float', lanes)} {x} to {vector('half', lanes)}")
    if d is bfloat16:
        bits = b.op(f"bitcast {vector('float', lanes)} {x} to {vector('i32', lanes)}")
        high = b.op(f"lshr {vector('i32', lanes)} {bits}, {splat('i32', '16', lanes)}")
        return b.op(f"trunc {vector('i32', lanes)} {high} to {vector('i16', lanes)}")
    return x


def round_to(b: Builder, d: dtype, lanes: int, x: str) -> str:
    """Round a ``float`` register value to a half type's precision (nothing for other dtypes)."""
    if d is float16:
        narrow = b.op(f"fptrunc {vector('float', lanes)} {x} to {vector('half', lanes)}")
        return b.op(f"fpext {vector('half', lanes)} {narrow} to {vector('float', lanes)}")
    if d is bfloat16:
        ints, floats = vector("i32", lanes), vector("float", lanes)
        bits = b.op(f"bitcast {floats} {x} to {ints}")
        low = b.op(f"lshr {ints} {bits}, {splat('i32', '16', lanes)}")
        odd = b.op(f"and {ints} {low}, {splat('i32', '1', lanes)}")
        half = b.op(f"add {ints} {odd}, {splat('i32', '32767', lanes)}")
        rounded = b.op(f"add {ints} {bits}, {half}")
        kept = b.op(f"and {ints} {rounded}, {splat('i32', '-65536', lanes)}")
        nan = b.op(f"fcmp uno {floats} {x}, {x}")
        quiet = splat("i32", str(0x7FC00000), lanes)
        chosen = b.op(f"select {vector('i1', lanes)} {nan}, {ints} {quiet}, {ints} {kept}")
        return b.op(f"bitcast {ints} {chosen} to {floats}")
    return x


def convert(b: Builder, source: dtype, target: dtype, lanes: int, x: str) -> str:
    """Convert a register value between dtypes."""
    if source is target:
        return x
    have, want = register_type(source, lanes), register_type(target, lanes)
    if target.kind == "bool":
        if source.kind == "float":
            return b.op(f"fcmp une {have} {x}, zeroinitializer" if lanes > 1 else f"fcmp une {have} {x}, 0.0")
        return b.op(f"icmp ne {have} {x}, {'zeroinitializer' if lanes > 1 else '0'}")
    if source.kind == "bool":
        if target.kind == "float":
            return b.op(f"uitofp {have} {x} to {want}")
        return b.op(f"zext {have} {x} to {want}")
    if source.kind == "integer" and target.kind == "integer":
        if source.itemsize == target.itemsize:
            return x
        if source.itemsize > target.itemsize:
            return b.op(f"trunc {have} {x} to {want}")
        return b.op(f"{'sext' if source.signed else 'zext'} {have} {x} to {want}")
    if source.kind == "integer":
        wide = b.op(f"{'sitofp' if source.signed else 'uitofp'} {have} {x} to {want}")
        return round_to(b, target, lanes, wide)
    if target.kind == "integer":
        return _to_integer(b, source, target, lanes, x)
    if source.llvm == target.llvm:
        return round_to(b, target, lanes, x)
    if target.llvm == "double":
        return b.op(f"fpext {have} {x} to {want}")
    return round_to(b, target, lanes, b.op(f"fptrunc {have} {x} to {want}"))


def _to_integer(b: Builder, source: dtype, target: dtype, lanes: int, x: str) -> str:
    """A float as an integer, rounded towards zero, by way of int64 for that and of int32 for narrower integers (but for
    bytes, which PyTorch has take the low bits of int64; of a float they are the same).

    NaN and what those two cannot hold become their least number, which is what x86's conversions give and PyTorch's
    programs see there; narrower integers take its low bits.
    """
    bits = 64 if target.itemsize == 8 or target is uint8 and source is float64 else 32
    have, whole = register_type(source, lanes), vector(f"i{bits}", lanes)
    least, beyond = (splat(source.llvm, float_constant(v * 2.0 ** (bits - 1), source.llvm), lanes) for v in (-1.0, 1.0))
    low, high = b.op(f"fcmp oge {have} {x}, {least}"), b.op(f"fcmp olt {have} {x}, {beyond}")
    fits = b.op(f"and {vector('i1', lanes)} {low}, {high}")
    held = b.op(f"select {vector('i1', lanes)} {fits}, {have} {x}, {have} {least}")
    value = b.op(f"fptosi {have} {held} to {whole}")
    return value if 8 * target.itemsize == bits else b.op(f"trunc {whole} {value} to {register_type(target, lanes)}")
