"""The kernel of products in blocked order: tiles of the result, computed by micro-kernels and passed to an epilogue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..ir import LANES, Builder, Module
from .arguments import Arguments
from .arithmetic import Element, lanes_between
from .batches import element_offset, split_index
from .epilogue import Epilogue
from .micro_kernel import MICRO_PARAMETERS, micro_function
from .pack import call_pack, pack_function


@dataclass(frozen=True)
class ProductCode:
    """What the code of a product kernel depends on.

    ``row_sizes`` are the heights of the micro-kernels, descending; the last also takes fewer rows. ``vectors`` times
    sixteen is their width. ``a_packed``: rows of ``a`` lie in panels of the first height. ``rank`` counts batch
    dimensions; when ``split``, the last of them counts K blocks, each of which is a product of its own.

    ``source`` tells how ``b`` is read: ``direct`` (its columns adjoin, and there is at least one panel of them),
    ``packed`` (it lies in panels), ``narrow`` (columns adjoin, fewer than sixteen) or, when each tile packs the panels
    it needs, the way of packing (see :func:`.pack.packing`).
    """

    element: Element
    row_sizes: tuple[int, ...]
    vectors: int
    a_packed: bool
    source: str
    rank: int
    split: bool

    @property
    def packs(self) -> bool:
        """Whether each tile packs the panels it needs."""
        return self.source in ("columns", "k", "any")

    @property
    def key(self) -> str:
        rows = "-".join(map(str, self.row_sizes))
        flags = f"{'-packed' if self.a_packed else ''}{'-split' if self.split else ''}"
        source = "direct" if self.source == "packed" else self.source  # the same code
        return f"product/{self.element.type}/{rows}x{self.vectors}/{source}/{self.rank}{flags}"

    @property
    def arguments(self) -> Arguments:
        """``matrices`` of the batch are one tile's; ``column_limit`` is where the last panel starts at most;
        ``sums_step`` is the distance between the sums of two micro-tiles (0 when one K block is all) and
        ``panels`` where packed panels start, both in elements of the scratch memory."""
        return Arguments(
            "&a", "a_offset", "a_row", "a_k", f"a_batch[{self.rank}]",
            "&b", "b_offset", "b_k", "b_column", f"b_batch[{self.rank}]",
            f"extents[{self.rank}]", "count", "matrices",
            "m", "n", "k", "block",
            "tile_rows", "tile_columns", "row_tiles", "column_tiles",
            "column_limit", "sums_step", "panels",
        )  # fmt: skip

    def emit(self, module: Module, name: str, epilogue: Epilogue) -> None:
        _Writer(self, module, name, epilogue).write()


@dataclass(frozen=True)
class _Panel:
    """A panel of ``b``, as values: its first column, the column at which it is read (before the first at the edge of
    the matrix), whether all its columns are results, where it lies, how far apart its k's are, and how far behind it
    the next panel follows."""

    column: str
    start: str
    whole: str
    address: str
    k_step: str
    next: str


class _Writer:
    """Writes the function, from the loop over matrices inwards."""

    def __init__(self, code: ProductCode, module: Module, name: str, epilogue: Epilogue) -> None:
        self.code = code
        self.element = code.element
        self.width = code.vectors * LANES
        self.epilogue = epilogue
        narrow = code.source == "narrow"
        panel = code.row_sizes[0] if code.a_packed else 0
        self.multiply = []
        for rows in code.row_sizes:
            clamped = rows == code.row_sizes[-1] and not code.a_packed
            self.multiply.append("@" + micro_function(module, code.element, rows, code.vectors, panel, clamped, narrow))
        if code.packs:
            self.pack = pack_function(module, code.element, self.width, code.source)
        self.b = Builder(module, name)
        self.arguments = code.arguments

    def write(self) -> None:
        b = self.b
        self.epilogue.begin(b, self.arguments.length)
        names = "a a_offset a_row a_k b b_offset b_k b_column count matrices m n k block tile_rows tile_columns "
        names += "row_tiles column_tiles column_limit sums_step panels"
        self.value = {name: self.arguments.load(b, name) for name in names.split()}
        self.a_batch = self.arguments.load_all(b, "a_batch")
        self.b_batch = self.arguments.load_all(b, "b_batch")
        extents = self.arguments.load_all(b, "extents")
        value = self.value
        self.panels = b.offset(self.element.type, "%scratch", value["panels"])

        row_tile, rest = b.remainder("%tile", value["row_tiles"]), b.divide("%tile", value["row_tiles"])
        column_tile, group = b.remainder(rest, value["column_tiles"]), b.divide(rest, value["column_tiles"])
        self.first_row = b.mul(row_tile, value["tile_rows"])
        self.end_row = b.minimum(b.add(self.first_row, value["tile_rows"]), value["m"])
        self.first_column = b.mul(column_tile, value["tile_columns"])
        self.end_column = b.minimum(b.add(self.first_column, value["tile_columns"]), value["n"])
        first_matrix = b.mul(group, value["matrices"])
        with b.loop(first_matrix, b.minimum(b.add(first_matrix, value["matrices"]), value["count"])) as matrix:
            self._matrix(split_index(b, matrix, extents))
        b.finish()

    def _matrix(self, batch: list[str]) -> None:
        """This tile of one matrix: all K blocks in order."""
        b, value = self.b, self.value
        self.batch = batch
        self.a = b.offset(self.element.type, value["a"], element_offset(b, value["a_offset"], batch, self.a_batch))
        self.b_matrix = b.offset(
            self.element.type, value["b"], element_offset(b, value["b_offset"], batch, self.b_batch)
        )
        k = value["k"]
        if self.code.split:
            k = b.minimum(value["block"], b.sub(k, b.mul(batch[-1], value["block"])))
        # Without any k there is still one (empty) block, whose sums are zeros.
        with b.loop("0", b.maximum(k, "1"), value["block"]) as first_k:
            self.first_k = first_k
            self.k = b.minimum(value["block"], b.sub(k, first_k))
            self.is_first = b.op(f"icmp eq i64 {first_k}, 0")
            self.is_last = b.op(f"icmp sge i64 {b.add(first_k, value['block'])}, {k}")
            self._block()

    def _block(self) -> None:
        """One K block of the tile: pack, then all micro-tiles, of which each has its place for sums."""
        b, value = self.b, self.value
        if self.code.packs:
            with b.loop(self.first_column, self.end_column, str(self.width)) as column:
                source = b.add(b.mul(column, value["b_column"]), b.mul(self.first_k, value["b_k"]))
                call_pack(
                    b,
                    self.pack,
                    self._packed(column),
                    b.offset(self.element.type, self.b_matrix, source),
                    value["b_column"],
                    value["b_k"],
                    b.minimum(b.sub(self.end_column, column), str(self.width)),
                    self.k,
                    b.mul(self.k, value["b_k"]),
                )
        sums = b.variable("ptr", "%scratch")
        # Columns outside: a panel stays in the first-level cache while all strips of rows pass by.
        with b.loop(self.first_column, self.end_column, str(self.width)) as column:
            panel = self._panel(column)
            with self._strips() as (row, rows, multiply):
                place = b.load("ptr", sums)
                self._micro_tile(row, rows, multiply, panel, place)
                b.store("ptr", b.offset(self.element.type, place, value["sums_step"]), sums)

    @contextmanager
    def _strips(self) -> Iterator[tuple[str, str, str]]:
        """Loop over strips of rows; yields the first row, how many there are, and the micro-kernel for so many."""
        b = self.b
        place = b.variable("i64", self.first_row)
        head, body, end = b.label("strips"), b.label("strip"), b.label("end")
        b.jump(head)
        b.place(head)
        row = b.load("i64", place)
        b.branch(b.op(f"icmp slt i64 {row}, {self.end_row}"), body, end)
        b.place(body)
        left = b.sub(self.end_row, row)
        rows, multiply = b.minimum(left, str(self.code.row_sizes[-1])), self.multiply[-1]
        for size, function in list(zip(self.code.row_sizes, self.multiply, strict=True))[-2::-1]:
            fits = b.op(f"icmp sge i64 {left}, {size}")
            rows = b.op(f"select i1 {fits}, i64 {size}, i64 {rows}")
            multiply = b.op(f"select i1 {fits}, ptr {function}, ptr {multiply}")
        yield row, rows, multiply
        b.store("i64", b.add(row, rows), place)
        b.jump(head)
        b.place(end)

    def _packed(self, column: str) -> str:
        """Where this tile keeps the packed panel that starts at ``column``."""
        place = self.b.mul(self.b.sub(column, self.first_column), self.value["block"])
        return self.b.offset(self.element.type, self.panels, place)

    def _panel(self, column: str) -> _Panel:
        b, value = self.b, self.value
        whole = b.op(f"icmp sle i64 {b.add(column, str(self.width))}, {self.end_column}")
        if self.code.packs:
            return _Panel(column, column, whole, self._packed(column), str(self.width), "0")
        # The last panel starts early rather than reach over the edge; its first columns are computed twice.
        start = b.minimum(column, value["column_limit"])
        place = b.add(b.mul(start, value["b_column"]), b.mul(self.first_k, value["b_k"]))
        address = b.offset(self.element.type, self.b_matrix, place)
        return _Panel(column, start, whole, address, value["b_k"], b.mul(value["b_column"], str(self.width)))

    def _micro_tile(self, row: str, rows: str, multiply: str, panel: _Panel, sums: str) -> None:
        """One call of a micro-kernel and, after the last K block, the epilogue of its sums."""
        b, value, element = self.b, self.value, self.element
        a_place = b.mul(row, value["a_row"])
        if self.code.a_packed:
            within = b.remainder(row, str(self.code.row_sizes[0]))
            a_place = b.add(b.mul(b.sub(row, within), value["a_row"]), within)
        a = b.offset(element.type, self.a, b.add(a_place, b.mul(self.first_k, value["a_k"])))
        b_ahead = "0" if self.code.packs else b.add(panel.next, self._line_of_strip(row))
        values = (
            a, value["a_row"], value["a_k"], panel.address, panel.k_step, self.k,
            sums, self.is_first, rows, value["n"], b.mul(rows, value["a_row"]), b_ahead,
        )  # fmt: skip
        passed = ", ".join(f"{type} {x}" for (type, _), x in zip(MICRO_PARAMETERS, values, strict=True))
        b.do(f"call void {multiply}({passed})")
        with b.when(self.is_last):
            whole, edge, end = b.label("whole"), b.label("edge"), b.label("stored")
            b.branch(panel.whole, whole, edge)
            b.place(whole)
            self._epilogue(row, rows, sums, panel.column, None)
            b.jump(end)
            b.place(edge)
            self._epilogue(row, rows, sums, panel.start, panel.column)
            b.jump(end)
            b.place(end)

    def _line_of_strip(self, row: str) -> str:
        """Which of a panel's cache lines, in elements from the start of each k, a strip of rows fetches ahead: they
        take turns, so that some strips fetch the whole of the next panel while this one is multiplied."""
        line = 64 // self.element.bytes
        lines = max(1, self.width // line)
        strip = self.b.divide(self.b.sub(row, self.first_row), str(self.code.row_sizes[0]))
        return self.b.mul(self.b.remainder(strip, str(lines)), str(line))

    def _epilogue(self, row: str, rows: str, sums: str, start: str, valid: str | None) -> None:
        """Pass a micro-tile's sums on, row by row; only columns from ``valid`` to the edge if given, else all."""
        b = self.b
        columns = [b.add(start, str(v * LANES)) for v in range(self.code.vectors)]
        masks = [lanes_between(b, column, valid, self.end_column) if valid else None for column in columns]
        with b.loop("0", rows) as r:
            line = b.offset(self.element.type, sums, b.mul(r, str(self.width)))
            for v, (column, mask) in enumerate(zip(columns, masks, strict=True)):
                result = b.load(self.element.vector, b.offset(self.element.type, line, str(v * LANES)), 64)
                self.epilogue.emit(b, result, LANES, self.batch, b.add(row, r), column, mask)
