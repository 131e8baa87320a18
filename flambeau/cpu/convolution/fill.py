"""Setting memory to zero."""

from __future__ import annotations

from ...kernels.kernel import Call, Operand
from ..ir import Builder, Module
from ..kernel import Kernel
from .arguments import Layout

LAYOUT = Layout(("target",), ("bytes",))
BYTES_A_TILE = 1 << 20


def lower_zero(bytes: int, target: Operand) -> list[Call]:
    """Calls that zero the first ``bytes`` (a multiple of 4) bytes of target."""
    tiles = -(-bytes // BYTES_A_TILE)
    arguments = LAYOUT.pack({"target": target, "bytes": bytes})
    return [Call(Kernel("zero", _emit), arguments, tiles, writes=(target,), label="zero")] if tiles else []


def _emit(module: Module, name: str) -> None:
    b = Builder(module, name)
    a = LAYOUT.load(b)
    start = b.mul("%tile", str(BYTES_A_TILE))
    stop = b.minimum(b.add(start, str(BYTES_A_TILE)), a["bytes"])
    whole = b.add(start, b.op(f"and i64 {b.sub(stop, start)}, -64"))
    with b.loop(start, whole, "64") as place:
        b.store("<16 x i32>", "zeroinitializer", b.offset("i8", a["target"], place), 4)
    with b.loop(whole, stop, "4") as place:
        b.store("i32", "0", b.offset("i8", a["target"], place), 4)
    b.finish()
