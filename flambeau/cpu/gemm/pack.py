"""Copying columns of ``b`` (or rows of ``a``) into panels: strips as wide as the register tile, one k after another.

A panel of width W holds element (k, column) at ``k * W + column``. The micro-kernel then reads vectors whatever the
strides of ``b`` are, and in the order in which they lie. Columns past the edge of the matrix repeat the last one:
their products are computed and never stored. Rows of ``a`` are packed as the columns of its transpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from ...kernels.kernel import Call, MatrixAccess, Operand
from ...kernels.symbols import value_of
from ..arguments import Arguments
from ..ir import Builder, Function, Kernel, KernelBuilder, Module, parameters
from ..lanes import transposed
from ..values import LANES, Type, Value, placed, unraveled, where
from .problem import contiguous_strides

_AHEAD = 64
"""How many k ahead the packing of a whole matrix has its source fetched."""


def packing(access: MatrixAccess) -> str:
    """Which way of packing suits the strides of ``b``: ``columns`` (consecutive columns adjoin in memory), ``k``
    (consecutive k do), or ``any``."""
    if access.column_stride == 1:
        return "columns"
    return "k" if access.row_stride == 1 else "any"


def pack_function(module: Module, type: Type, width: int, way: str) -> Function:
    """An internal function that writes one ``panel`` of ``width`` columns, of which only the first ``columns`` exist, from a
    ``source`` with a ``column_stride`` and a ``k_stride``.

    What lies ``ahead`` elements behind each place it reads is fetched into the second-level cache: rows may be pages
    apart, which no processor foresees by itself.
    """

    def write(b: Builder, given: Any) -> None:
        if way == "k":
            _transpose_panel(b, given, width)
        elif way == "columns":
            for whole in b.either(given.columns.equals(width)):
                (_copy_panel if whole else _gather_panel)(b, given, width)
        else:
            _gather_panel(b, given, width)

    given = parameters(type, "panel source", "column_stride k_stride columns k ahead")
    return module.function(f"pack_{way}_{type}_{width}", given, write)


def _pieces(width: int) -> list[tuple[int, int]]:
    """First column and length of the vectors that make up a row of a panel."""
    return [(first, min(LANES, width - first)) for first in range(0, width, LANES)]


def _copy_panel(b: Builder, given: Any, width: int) -> None:
    """All columns exist and adjoin: copy a row of vectors for each k."""
    with b.loop(0, given.k) as k:
        source = given.source + k * given.k_stride
        ahead, target = source + given.ahead, given.panel + k * width
        for first, lanes in _pieces(width):
            (ahead + first).prefetch(level=2)
            target[first] = (source + first).load(lanes)


def _gather_panel(b: Builder, given: Any, width: int, first_k: Value | int = 0) -> None:
    """Any strides: one element at a time, from ``first_k`` on."""
    last = given.columns - 1
    with b.loop(first_k, given.k) as k, b.loop(0, width) as column:
        value = given.source[k * given.k_stride + column.at_most(last) * given.column_stride]
        given.panel[k * width + column] = value


def _transpose_panel(b: Builder, given: Any, width: int) -> None:
    """Consecutive k adjoin: transpose blocks of sixteen columns by sixteen k in registers."""
    whole_blocks = given.k & -LANES
    last = given.columns - 1
    # Blocks of equal length share the code of a loop.
    lengths = sorted({lanes for _, lanes in _pieces(width)}, reverse=True)
    for length in lengths:
        starts = [first for first, lanes in _pieces(width) if lanes == length]
        with b.loop(starts[0], starts[-1] + 1, LANES) as first_column:
            columns = [given.source + (first_column + i).at_most(last) * given.column_stride for i in range(length)]
            columns += columns[:1] * (LANES - length)
            target = given.panel + first_column
            with b.loop(0, whole_blocks, LANES) as k:
                places = [column + k for column in columns]
                for place in places[:length]:
                    (place + given.ahead).prefetch(level=2)
                line = target + k * width
                for i, row in enumerate(transposed([place.load(LANES) for place in places])):
                    line[i * width] = row if length == LANES else row.pick(range(length)) if length > 1 else row.lane(0)
    _gather_panel(b, given, width, whole_blocks)


@dataclass(frozen=True)
class PackCode:
    """The code of a kernel that packs all columns of a batch of matrices, one panel after another, each of them
    complete in k: panel p of a matrix starts at ``p * width * k``, matrices follow one another."""

    type: Type
    width: int
    way: str
    rank: int

    @property
    def key(self) -> str:
        return f"pack/{self.type}/{self.width}/{self.way}/{self.rank}"

    @property
    def arguments(self) -> Arguments:
        batch = f"batch[{self.rank}] extents[{self.rank}]"
        return Arguments("&source offset k_stride column_stride", batch, "&target n k panels")

    def emit(self, module: Module, name: str) -> None:
        pack = pack_function(module, self.type, self.width, self.way)
        b = KernelBuilder(module, name)
        a = self.arguments.load(b, self.type)
        panel, matrix = b.tile % a.panels, b.tile // a.panels
        column = panel * self.width
        place = placed(unraveled(matrix, a.extents), a.batch, a.offset)
        pack(
            b,
            panel=a.target + b.tile * (a.k * self.width),
            source=a.source + (place + column * a.column_stride),
            column_stride=a.column_stride,
            k_stride=a.k_stride,
            columns=(a.n - column).at_most(self.width),
            k=a.k,
            ahead=where(a.k < 4 * _AHEAD, a.column_stride * LANES, a.k_stride * _AHEAD),
        )
        b.finish()


def lower_pack(
    type: Type, width: int, batch: tuple[int, ...], n: int, k: int, source: MatrixAccess, wanted: int = 1
) -> tuple[Call, MatrixAccess]:
    """A call that packs the matrices of ``source`` (k, n), each different one once, into a new operand; and how the
    panels are addressed: ``column_stride`` holds for the first columns of panels. Unless it is ``wanted`` (0 or 1, which
    planning may not know yet) it has nothing to do."""
    panels = -(-n // width)
    extents = tuple(extent if stride else 1 for extent, stride in zip(batch, source.batch_strides, strict=True))
    copied_strides = contiguous_strides(extents, panels * width * k)
    target = Operand(prod(extents) * panels * width * k * type.bytes * wanted, "packed columns")
    code = PackCode(type, width, packing(source), len(batch))
    arguments = code.arguments.values(
        source=source.operand, offset=source.offset, k_stride=source.row_stride, column_stride=source.column_stride,
        batch=source.batch_strides, extents=extents, target=target, n=n, k=k, panels=panels,
    )  # fmt: skip
    call = Call(
        Kernel(code.key, code.emit),
        arguments,
        tiles=prod(extents) * panels * wanted,
        reads=(source.operand,),
        writes=(target,),
        label=f"pack {value_of(k)}x{value_of(n)}",
    )
    return call, MatrixAccess(target, 0, copied_strides, width, k)
