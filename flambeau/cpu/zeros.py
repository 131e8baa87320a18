"""Setting memory to zero."""

from __future__ import annotations

from ..kernels.kernel import Call, Operand
from .arguments import Arguments
from .ir import Builder, Kernel, KernelBuilder, Module
from .values import LANES, Pointer, Type, Value

ARGUMENTS = Arguments("&target count")
COUNT_A_TILE = 1 << 18


def lower_zero(count: int, target: Operand) -> list[Call]:
    """Calls that zero the first ``count`` words of four bytes."""
    tiles = -(-count // COUNT_A_TILE)
    arguments = ARGUMENTS.values(target=target, count=count)
    return [Call(Kernel("zero", _emit), arguments, tiles, writes=(target,), label="zero")] if tiles else []


def _emit(module: Module, name: str) -> None:
    b = KernelBuilder(module, name)
    a = ARGUMENTS.load(b, Type.of("i32"))
    start = b.tile * COUNT_A_TILE
    emit_zero(b, a.target + start, (a.count - start).at_most(COUNT_A_TILE))
    b.finish()


def emit_zero(b: Builder, address: Pointer, count: Value) -> None:
    """Set ``count`` elements to zero."""
    whole = count & -LANES
    with b.loop(0, whole, LANES) as place:
        address[place] = b.constant(address.to.vector(), 0)
    with b.loop(whole, count) as place:
        address[place] = 0
