"""The kernel of products in blocked order: tiles of the result, computed by micro-kernels and passed to an epilogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ..arguments import Arguments
from ..epilogue import EpilogueCode
from ..ir import KernelBuilder, Module
from ..register_tile import RegisterTile, multiply_function
from ..values import LANES, Pointer, Type, Value, placed, unraveled, where
from .pack import pack_function


@dataclass(frozen=True)
class ProductCode:
    """What the code of a product kernel depends on.

    ``row_sizes`` are the heights of the micro-kernels, descending; the last also takes fewer rows. ``vectors`` times
    sixteen is their width. ``a_packed``: rows of ``a`` lie in panels of the first height. ``rank`` counts batch
    dimensions; when ``split``, the last of them counts K blocks, each of which is a product of its own.

    ``source`` tells how ``b`` is read: ``direct`` (its columns adjoin, and there is at least one panel of them), ``narrow``
    (columns adjoin, fewer than sixteen) or, where it lies in panels, the way of packing (see :func:`.pack.packing`): each
    tile packs those that it needs, unless they are ``shared`` and have been packed for all.
    """

    type: Type
    row_sizes: tuple[int, ...]
    vectors: int
    a_packed: bool
    source: str
    rank: int
    split: bool

    @property
    def packs(self) -> bool:
        """Whether ``b`` is read from packed panels."""
        return self.source in ("columns", "k", "any")

    @property
    def key(self) -> str:
        rows = "-".join(map(str, self.row_sizes))
        flags = f"{'-packed' if self.a_packed else ''}{'-split' if self.split else ''}"
        return f"product/{self.type}/{rows}x{self.vectors}/{self.source}/{self.rank}{flags}"

    @property
    def arguments(self) -> Arguments:
        """``matrices`` of the batch are one tile's; ``column_limit`` is where the last panel starts at most;
        ``sums_step`` is the distance between the sums of two micro-tiles (0 when one K block is all) and
        ``panels`` where a tile's packed panels start, both in elements of the scratch memory. If they are ``shared``, they
        lie at ``shared_b``, each complete in k."""
        return Arguments(
            f"&a a_offset a_row a_k a_batch[{self.rank}]",
            f"&b b_offset b_k b_column b_batch[{self.rank}]",
            f"extents[{self.rank}] count matrices m n k block",
            "tile_rows tile_columns row_tiles column_tiles column_limit sums_step panels",
            f"shared &shared_b shared_batch[{self.rank}]" if self.packs else "",
        )

    def emit(self, module: Module, name: str, epilogue: EpilogueCode) -> None:
        _Writer(self, module, name, epilogue).write()


@dataclass(frozen=True)
class _Panel:
    """A panel of ``b``: its first column, the column at which it is read (before the first at the edge of the matrix),
    whether all its columns are results, where it lies, how far apart its k's are, and how far behind it the next panel
    follows."""

    column: Value
    start: Value
    whole: Value
    address: Pointer
    k_step: Value | int
    next: Value | int


class _Writer:
    """Writes the function, from the loop over matrices inwards."""

    def __init__(self, code: ProductCode, module: Module, name: str, epilogue: EpilogueCode) -> None:
        self.code = code
        self.width = code.vectors * LANES
        self.epilogue = epilogue
        #: The micro-kernels, the lowest first.
        self.multiply = [
            multiply_function(
                module, code.type, RegisterTile(rows, code.vectors, LANES),
                panel=code.row_sizes[0] if code.a_packed else 0, clamped=rows == code.row_sizes[-1] and not code.a_packed,
                narrow=code.source == "narrow", ahead=True,
            )
            for rows in reversed(code.row_sizes)
        ]  # fmt: skip
        if code.packs:
            self.pack = pack_function(module, code.type, self.width, code.source)
        self.b = KernelBuilder(module, name)
        self.scratch = self.b.scratch.of(code.type)

    def write(self) -> None:
        b = self.b
        self.epilogue.begin(b, self.code.arguments.end)
        self.given = a = self.code.arguments.load(b, self.code.type)
        row_tile, rest = b.tile % a.row_tiles, b.tile // a.row_tiles
        column_tile, group = rest % a.column_tiles, rest // a.column_tiles
        self.first_row = row_tile * a.tile_rows
        self.end_row = (self.first_row + a.tile_rows).at_most(a.m)
        self.first_column = column_tile * a.tile_columns
        self.end_column = (self.first_column + a.tile_columns).at_most(a.n)
        first_matrix = group * a.matrices
        with b.loop(first_matrix, (first_matrix + a.matrices).at_most(a.count)) as matrix:
            self._matrix(unraveled(matrix, a.extents))
        b.finish()

    def _matrix(self, batch: Sequence[Value]) -> None:
        """This tile of one matrix: all K blocks in order."""
        a = self.given
        self.batch = batch
        self.a_matrix = a.a + placed(batch, a.a_batch, a.a_offset)
        self.b_matrix = a.b + placed(batch, a.b_batch, a.b_offset)
        if self.code.packs:
            self.shared_matrix = a.shared_b + placed(batch, a.shared_batch, 0)
        k = a.k
        if self.code.split:
            k = (k - batch[-1] * a.block).at_most(a.block)
        # Without any k there is still one (empty) block, whose sums are zeros.
        with self.b.loop(0, k.at_least(1), a.block) as first_k:
            self.first_k = first_k
            self.k = (k - first_k).at_most(a.block)
            self.is_first = first_k.equals(0)
            self.is_last = first_k + a.block >= k
            self._block()

    def _block(self) -> None:
        """One K block of the tile: pack, then all micro-tiles, of which each has its place for sums."""
        b, a = self.b, self.given
        if self.code.packs:
            start = where(a.shared.equals(0), self.first_column, self.end_column)
            with b.loop(start, self.end_column, self.width) as column:
                self.pack(
                    b,
                    panel=self._packed(column),
                    source=self.b_matrix + (column * a.b_column + self.first_k * a.b_k),
                    column_stride=a.b_column,
                    k_stride=a.b_k,
                    columns=(self.end_column - column).at_most(self.width),
                    k=self.k,
                    ahead=self.k * a.b_k,
                )
        sums = b.variable(self.scratch)
        # Columns outside: a panel stays in the first-level cache while all strips of rows pass by.
        with b.loop(self.first_column, self.end_column, self.width) as column:
            panel = self._panel(column)
            with self._strips() as (row, rows, multiply):
                place = sums.value
                self._micro_tile(row, rows, multiply, panel, place)
                sums.value = place + a.sums_step

    @contextmanager
    def _strips(self) -> Iterator[tuple[Value, Value, Pointer]]:
        """Loop over strips of rows; yields the first row, how many there are, and the micro-kernel for so many."""
        b, sizes = self.b, self.code.row_sizes[::-1]
        next_row = b.variable(self.first_row)
        with b.repeat() as proceed:
            row = next_row.value
            proceed(row < self.end_row)
            left = self.end_row - row
            rows, multiply = left.at_most(sizes[0]), self.multiply[0].address(b)
            for size, function in zip(sizes[1:], self.multiply[1:]):
                fits = left >= size
                rows = where(fits, size, rows)
                multiply = where(fits, function.address(b), multiply)
            yield row, rows, multiply
            next_row.value = row + rows

    def _packed(self, column: Value) -> Pointer:
        """Where this tile keeps the packed panel that starts at ``column``."""
        return self.scratch + self.given.panels + (column - self.first_column) * self.given.block

    def _panel(self, column: Value) -> _Panel:
        a = self.given
        whole = column + self.width <= self.end_column
        if self.code.packs:
            shared = a.shared.differs(0)
            there = self.shared_matrix + (column * a.k + self.first_k * self.width)
            address = where(shared, there, self._packed(column))
            return _Panel(column, column, whole, address, self.width, where(shared, a.k * self.width, 0))
        # The last panel starts early rather than reach over the edge; its first columns are computed twice.
        start = column.at_most(a.column_limit)
        address = self.b_matrix + (start * a.b_column + self.first_k * a.b_k)
        return _Panel(column, start, whole, address, a.b_k, a.b_column * self.width)

    def _micro_tile(self, row: Value, rows: Value, multiply: Pointer, panel: _Panel, sums: Pointer) -> None:
        """One call of a micro-kernel and, after the last K block, the epilogue of its sums."""
        b, a = self.b, self.given
        a_place = row * a.a_row
        if self.code.a_packed:
            within = row % self.code.row_sizes[0]
            a_place = (row - within) * a.a_row + within
        # The lowest one has all parameters that any of them needs.
        self.multiply[0](
            b,
            at=multiply,
            left=self.a_matrix + (a_place + self.first_k * a.a_k),
            left_row=a.a_row,
            left_k=a.a_k,
            right=panel.address,
            right_k=panel.k_step,
            k=self.k,
            results=sums,
            first=self.is_first,
            rows=rows,
            columns=a.n,
            left_ahead=rows * a.a_row,
            right_ahead=self._ahead(row, panel),
        )
        with b.when(self.is_last):
            for whole in b.either(panel.whole):
                if whole:
                    self._epilogue(row, rows, sums, panel.column, None)
                else:
                    self._epilogue(row, rows, sums, panel.start, panel.column)

    def _ahead(self, row: Value, panel: _Panel) -> Value:
        """How far behind each place of a panel what it fetches ahead lies: of a tile's own panels, which are in the cache, that
        place itself."""
        ahead = self._line_of_strip(row) + panel.next
        if self.code.packs:
            ahead = where(self.given.shared.differs(0), ahead, 0)
        return ahead

    def _line_of_strip(self, row: Value) -> Value:
        """Which of a panel's cache lines, in elements from the start of each k, a strip of rows fetches ahead: they
        take turns, so that some strips fetch the whole of the next panel while this one is multiplied."""
        line = 64 // self.code.type.bytes
        strip = (row - self.first_row) // self.code.row_sizes[0]
        return strip % max(1, self.width // line) * line

    def _epilogue(self, row: Value, rows: Value, sums: Pointer, start: Value, valid: Value | None) -> None:
        """Pass a micro-tile's sums on, row by row; only columns from ``valid`` to the edge if given, else all."""
        b = self.b
        columns: list[tuple[Value, Value | None]] = []
        for v in range(self.code.vectors):
            column, mask = start + v * LANES, None
            if valid is not None:
                numbers = b.lane_numbers() + column
                mask = (numbers < self.end_column) & (numbers >= valid)
            columns.append((column, mask))
        with b.loop(0, rows) as r:
            line = sums + r * self.width
            for v, (column, mask) in enumerate(columns):
                self.epilogue.emit((line + v * LANES).load(LANES), self.batch, row + r, column, mask)
