"""Values between memory and registers, and from one dtype to another.

In registers booleans are ``i1``, and floats of two bytes or one are ``float`` (rounded after every primitive).
"""

from __future__ import annotations

from ..graph.dtypes import bfloat16, bool_, dtype, float16, float64, int32, int64, uint8, uint32, uint64
from .byte_floats import BYTE_FLOATS
from .values import Pointer, Type, Value, where


def register_element(d: dtype) -> str:
    """LLVM's name for a value of a dtype in registers."""
    if d.kind == "float":
        return "double" if d.itemsize == 8 else "float"
    return "i1" if d.kind == "bool" else f"i{8 * d.itemsize}"


def register_type(d: dtype, lanes: int = 1) -> Type:
    """The type of ``lanes`` values of a dtype in registers."""
    return Type.of(register_element(d), lanes)


_IN_MEMORY = {float16: "half", bfloat16: "i16", bool_: "i8", **dict.fromkeys(BYTE_FLOATS, "i8")}


def storage_type(d: dtype) -> Type:
    """The type of one value of a dtype in memory."""
    return Type.of(_IN_MEMORY.get(d) or register_element(d))


def load(d: dtype, address: Pointer, lanes: int = 1, mask: Value | None = None) -> Value:
    """Values of a dtype, from memory aligned to one element; zero outside the mask."""
    return from_storage(d, address.load(lanes, mask))


def store(d: dtype, value: Value, address: Pointer, mask: Value | None = None) -> None:
    """Write values of a dtype, to memory aligned to one element."""
    address.store(to_storage(d, value), mask)


def from_storage(d: dtype, x: Value) -> Value:
    """A value as loaded from memory, brought into register form."""
    if d.kind == "bool":
        return x.differs(0)
    if d is float16:
        return x.cast("fpext", "float")
    if d is bfloat16:
        return (x.cast("zext", "i32") << 16).bitcast("float")
    if d in BYTE_FLOATS:
        return BYTE_FLOATS[d].decoded(x.cast("zext", "i32"))
    return x


def to_storage(d: dtype, x: Value) -> Value:
    """A register value in the form that memory holds."""
    if d.kind == "bool":
        return x.cast("zext", "i8")
    if d is float16:
        return x.cast("fptrunc", "half")
    if d is bfloat16:
        return (x.bits() >> 16).truncate("i16")
    if d in BYTE_FLOATS:
        return BYTE_FLOATS[d].encoded(x).truncate("i8")
    return x


def round_to(d: dtype, x: Value) -> Value:
    """Round a ``float`` register value to the precision of a dtype of two bytes or one (nothing for other dtypes)."""
    if d is float16:
        return x.cast("fptrunc", "half").cast("fpext", "float")
    if d is bfloat16:
        bits = x.bits()
        rounded = bits + (((bits >> 16) & 1) + 0x7FFF)
        return where(x.is_nan(), 0x7FC00000, rounded & -0x10000).bitcast("float")
    if d in BYTE_FLOATS:
        return BYTE_FLOATS[d].decoded(BYTE_FLOATS[d].encoded(x))
    return x


def convert(source: dtype, target: dtype, x: Value) -> Value:
    """Convert a register value between dtypes."""
    if source is target:
        return x
    if target.kind == "bool":
        return x.differs(0)
    wanted = register_element(target)
    if source.kind == "bool":
        return x.cast("uitofp" if target.kind == "float" else "zext", wanted)
    if source.kind == "integer" and target.kind == "integer":
        if source.itemsize == target.itemsize:
            return x
        if source.itemsize > target.itemsize:
            return x.truncate(wanted)
        return x.cast("sext" if source.signed else "zext", wanted)
    if source.kind == "integer":
        return round_to(target, x.cast("sitofp" if source.signed else "uitofp", wanted))
    if target.kind == "integer":
        return _to_integer(source, target, x)
    if register_element(source) == wanted:
        return round_to(target, x)
    return x.widen() if wanted == "double" else round_to(target, x.narrow())


def _to_integer(source: dtype, target: dtype, x: Value) -> Value:
    """A float as an integer, rounded towards zero, by way of int64 for that and of int32 for narrower integers (but for
    bytes, which PyTorch has take the low bits of int64; of a float they are the same).

    NaN and what those two cannot hold become their least number, which is what x86's conversions give and PyTorch's
    programs see there; narrower integers take its low bits.
    """
    if target is uint32 or target is uint64:  # the upper half by way of the lower one
        half = 2.0 ** (8 * target.itemsize - 1)
        upper = x >= half
        value = _to_integer(source, int32 if target is uint32 else int64, where(upper, x - half, x))
        return where(upper, value ^ -int(half), value)
    bits = 64 if target.itemsize == 8 or target is uint8 and source is float64 else 32
    beyond = 2.0 ** (bits - 1)
    value = where((x >= -beyond) & (x < beyond), x, -beyond).cast("fptosi", f"i{bits}")
    return value if 8 * target.itemsize == bits else value.truncate(register_element(target))
