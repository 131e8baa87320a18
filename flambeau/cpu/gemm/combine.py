"""Adding up the K blocks of a product that were computed as products of their own, to have enough tiles."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...kernels.kernel import Call, MatrixAccess, Operand
from ..ir import LANES, Builder, Module
from ..kernel import Kernel
from .access import Product
from .arguments import Arguments
from .arithmetic import Element, lanes_between
from .batches import split_index
from .epilogue import Epilogue


@dataclass(frozen=True)
class CombineCode:
    """The code of the kernel that adds blocks in order and passes the totals to the epilogue.

    ``parts`` is contiguous: (matrices of the batch, blocks, m, n). ``column``: n is 1. A tile is one row of one matrix,
    or the whole column.
    """

    element: Element
    column: bool
    rank: int

    @property
    def key(self) -> str:
        return f"combine/{self.element.type}/{'column' if self.column else 'row'}/{self.rank}"

    @property
    def arguments(self) -> Arguments:
        return Arguments("&parts", f"extents[{self.rank}]", "m", "n", "blocks")

    def emit(self, module: Module, name: str, epilogue: Epilogue) -> None:
        element, arguments = self.element, self.arguments
        b = Builder(module, name)
        epilogue.begin(b, arguments.length)
        m, n, blocks = (arguments.load(b, field) for field in ("m", "n", "blocks"))
        matrix, row = ("%tile", "0") if self.column else (b.divide("%tile", m), b.remainder("%tile", m))
        batch = split_index(b, matrix, arguments.load_all(b, "extents"))
        size = b.mul(m, n)
        place = b.add(b.mul(b.mul(matrix, blocks), size), b.mul(row, n))
        parts = b.offset(element.type, arguments.load(b, "parts"), place)

        def total(index: str, lanes: int, mask: str | None) -> str:
            def part(block: str) -> str:
                address = b.offset(element.type, parts, b.add(index, b.mul(block, size)))
                return element.load_vector(b, address, mask) if lanes > 1 else element.load(b, address)

            type = element.vector if lanes > 1 else element.type
            sum = b.variable(type, part("0"))
            with b.loop("1", blocks) as block:
                b.store(type, element.add(b, b.load(type, sum), part(block), lanes), sum)
            return b.load(type, sum)

        if self.column:
            with b.loop("0", m) as i:
                epilogue.emit(b, total(i, 1, None), 1, batch, i, "0", None)
        else:
            whole = b.mul(b.divide(n, str(LANES)), str(LANES))
            with b.loop("0", whole, str(LANES)) as j:
                epilogue.emit(b, total(j, LANES, None), LANES, batch, row, j, None)
            with b.when(b.op(f"icmp slt i64 {whole}, {n}")):
                mask = lanes_between(b, whole, None, n)
                epilogue.emit(b, total(whole, LANES, mask), LANES, batch, row, whole, mask)
        b.finish()


def sums_of_blocks(product: Product) -> MatrixAccess:
    """A contiguous temporary for the results of a split product."""
    size = product.m * product.n
    operand = Operand(product.matrices * size * product.element.bytes, "sums of blocks")
    strides = tuple(prod(product.batch[i + 1 :]) * size for i in range(len(product.batch)))
    return MatrixAccess(operand, 0, strides, product.n, 1)


def lower_combine(product: Product, blocks: int, parts: MatrixAccess, epilogue: Epilogue) -> Call:
    """The call that adds the blocks of a product; ``product`` itself is the one that is not split."""
    m, n, batch = product.m, product.n, product.batch
    code = CombineCode(product.element, n == 1, len(batch))
    arguments = code.arguments.values(parts=parts.operand, extents=batch, m=m, n=n, blocks=blocks)
    return Call(
        Kernel(f"{code.key}/{epilogue.key}", lambda module, name: code.emit(module, name, epilogue)),
        [*arguments, *epilogue.arguments],
        tiles=product.matrices * (1 if n == 1 else m),
        reads=(parts.operand, *epilogue.reads),
        writes=epilogue.writes,
    )
