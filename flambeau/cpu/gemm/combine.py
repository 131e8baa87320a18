"""Adding up the K blocks of a product that were computed as products of their own, to have enough tiles."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...kernels.kernel import Call, Operand
from ..arguments import Arguments
from ..epilogue import EpilogueCode, StoreResults
from ..ir import Kernel, KernelBuilder, Module
from ..values import LANES, Type, Value, unraveled
from .problem import Product


@dataclass(frozen=True)
class CombineCode:
    """The code of the kernel that adds blocks in order and passes the totals to the epilogue.

    ``parts`` is contiguous: (matrices of the batch, blocks, m, n). ``column``: n is 1. A tile is one row of one matrix,
    or the whole column.
    """

    type: Type
    column: bool
    rank: int

    @property
    def key(self) -> str:
        return f"combine/{self.type}/{'column' if self.column else 'row'}/{self.rank}"

    @property
    def arguments(self) -> Arguments:
        return Arguments("&parts", f"extents[{self.rank}]", "m n blocks")

    def emit(self, module: Module, name: str, epilogue: EpilogueCode) -> None:
        b = KernelBuilder(module, name)
        epilogue.begin(b, self.arguments.end)
        a = self.arguments.load(b, self.type)
        matrix, row = (b.tile, b.index(0)) if self.column else (b.tile // a.m, b.tile % a.m)
        batch, size = unraveled(matrix, a.extents), a.m * a.n
        parts = a.parts + (matrix * a.blocks * size + row * a.n)

        def total(index: Value, lanes: int, mask: Value | None = None) -> Value:
            first = parts + index
            sum = b.variable(first.load(lanes, mask))
            with b.loop(1, a.blocks) as block:
                sum.value = sum.value + (first + block * size).load(lanes, mask)
            result: Value = sum.value
            return result

        if self.column:
            with b.loop(0, a.m) as i:
                epilogue.emit(total(i, 1), batch, i, b.index(0))
        else:
            for j, mask in b.vectors(0, a.n):
                epilogue.emit(total(j, LANES, mask), batch, row, j, mask)
        b.finish()


def sums_of_blocks(product: Product) -> tuple[Operand, StoreResults]:
    """A contiguous temporary for the results of a split product, and the epilogue that stores them there."""
    size = product.m * product.n
    operand = Operand(product.matrices * size * product.type.bytes, "sums of blocks")
    strides = tuple(prod(product.batch[i + 1 :]) * size for i in range(len(product.batch)))
    return operand, StoreResults(product.type, operand, 0, strides, product.n)


def lower_combine(product: Product, blocks: int, parts: Operand, epilogue: EpilogueCode) -> Call:
    """The call that adds the blocks of a product; ``product`` itself is the one that is not split."""
    m, n, batch = product.m, product.n, product.batch
    code = CombineCode(product.type, n == 1, len(batch))
    arguments = code.arguments.values(parts=parts, extents=batch, m=m, n=n, blocks=blocks)
    return Call(
        Kernel(f"{code.key}/{epilogue.key}", lambda module, name: code.emit(module, name, epilogue)),
        [*arguments, *epilogue.arguments],
        tiles=product.matrices * (1 if n == 1 else m),
        reads=(parts, *epilogue.reads),
        writes=epilogue.writes,
    )
