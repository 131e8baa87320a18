"""Panels: rows of as many elements as the register tile is wide. Their columns are rows of matrices, and products go there."""

from __future__ import annotations

from typing import Any

from ..gemm.pack import pack_function
from ..gemm.tiling import row_sizes
from ..ir import Builder, Function, Module, parameters
from ..lanes import transposed
from ..register_tile import RegisterTile, host_registers, multiply_function
from ..values import LANES, Pointer, Type, Value
from .matrix import Matrix

PADDING_ROWS = LANES
"""So many rows behind its last one a panel may be read and written."""


class Panels:
    """How a machine's registers are used for products of a type."""

    def __init__(self, type: Type) -> None:
        registers = host_registers()
        self.type = type
        self.vectors = 2 if LANES * type.bytes <= registers.bytes else 1
        #: Elements of a row of a panel.
        self.width = self.vectors * LANES
        #: Heights of register tiles, descending.
        self.heights = row_sizes(type, self.vectors, registers)

    @property
    def key(self) -> str:
        return f"{'-'.join(map(str, self.heights))}x{self.vectors}"

    def multiply(
        self, b: Builder, rows: Value, k: Value, left: Matrix, right: Matrix, results: Matrix, first: Value | int
    ) -> None:
        """``results[row] (+)= sum over k of left[row][k] * right[k]``, rows of results and of ``right`` being as wide as a panel.
        Sums are added to what is there unless ``first``."""
        start: Value = b.index(0)
        for height in self.heights:
            last = height == self.heights[-1]
            tile = RegisterTile(height, self.vectors, LANES)
            function = multiply_function(b.module, self.type, tile, clamped=last, pitched=True)
            stop = rows if last else start + (rows - start) // height * height
            with b.loop(start, stop, height) as row:
                function(
                    b, first=first, left=left.from_row(row).start, left_row=left.row, left_k=left.element, rows=rows - row,
                    right=right.start, right_k=right.row, results=results.from_row(row).start, results_row=results.row, k=k,
                )  # fmt: skip
            start = stop

    def pack(self, b: Builder, way: str, matrix: Matrix, rows: Value, width: Value, panel: Pointer) -> None:
        """Write up to a panel's width of rows, each of ``width`` elements, as columns of a ``panel`` of the matrix's elements."""
        pack_function(b.module, panel.to, self.width, way)(
            b, panel=panel, source=matrix.start, column_stride=matrix.row, k_stride=matrix.element, columns=rows, k=width, ahead=0
        )


def unpack_function(module: Module, type: Type, width: int) -> Function:
    """An internal function that writes ``rows`` rows of ``columns`` elements from a ``panel`` that has them as columns. Rows
    are ``target_row`` apart, their elements adjoin."""

    def write(b: Builder, given: Any) -> None:
        block = b.array(type, LANES * LANES)
        with b.loop(0, given.columns, LANES) as column, b.loop(0, given.rows, LANES) as row:
            source = given.panel + (column * width + row)
            for number, line in enumerate(transposed([(source + width * k).load(LANES) for k in range(LANES)])):
                block[number * LANES] = line
            target = given.target + (row * given.target_row + column)
            for whole in b.either(given.columns - column >= LANES):
                mask = None if whole else b.first_lanes(given.columns - column)
                with b.loop(0, (given.rows - row).at_most(LANES)) as place:
                    (target + place * given.target_row).store((block + place * LANES).load(LANES), mask)

    given = parameters(type, "panel target", "target_row rows columns")
    return module.function(f"unpack_{type}_{width}", given, write)


def scale_rows(b: Builder, panel: Pointer, rows: Value, width: int, factors: list[Value]) -> None:
    """Multiply each row of a panel by ``factors``, one vector after the other."""
    with b.loop(0, rows) as row:
        for vector, factor in enumerate(factors):
            place = panel + (row * width + vector * LANES)
            place.store(place.load(LANES) * factor)
