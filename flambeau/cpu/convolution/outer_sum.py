"""Weight gradient with vectors along the outputs: a sum over positions of outer products of taps and outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...kernels.kernel import Call, Operand
from ...kernels.symbols import largest
from ..arguments import Arguments
from ..ir import Builder, Function, Kernel, KernelBuilder, Module, parameters
from ..lanes import transposed
from ..register_tile import Registers, RegisterTile, Sums, host_registers
from ..values import INDEX, LANES, Pointer, Type, Value
from ..zeros import emit_zero
from .patch import Unit, emit_copy, emit_pack, emit_places, round_up, unit_of
from .problem import Gather
from .weight_gradient import TILE_ARGUMENTS, Cut, TilePlace, tile_arguments

ARGUMENTS = Arguments(
    "&grad_y &x &sums", TILE_ARGUMENTS, "table_at panel_at transposed_at totals_at transposed_pitch totals_rows"
)

PANEL_POSITIONS = 256
PANEL_PITCH = PANEL_POSITIONS + LANES
OUTPUTS_PER_VECTOR = 96
"""Packing pays if a tile has more outputs than this for each vector of a row of positions."""


def outer_tile(registers: Registers, type: Type, outputs: int) -> RegisterTile:
    """Rows are (channel, tap) pairs, repeated in all lanes; vectors are outputs, in blocks of sixteen or thirty-two.

    Ten rows at most, because each takes a general register for its address.
    """
    lanes = registers.lanes(type)
    block = 32 if lanes == LANES and outputs > LANES else LANES
    vectors = block // lanes
    rows = max(1, min(10, registers.count * 3 // 4 // vectors))
    return RegisterTile(rows, vectors, lanes)


def lower_outer_sum(
    gather: Gather, cut: Cut, grad_y: Operand, x: Operand, sums: Operand, registers: Registers | None = None
) -> Call:
    """A call that writes the parts' sums, laid out as :meth:`.TilePlace.sums` says."""
    type = gather.type
    item, terms = type.bytes, cut.channels * len(gather.taps)
    tile = outer_tile(registers or host_registers(), type, gather.outputs)
    values, tables = tile_arguments(gather, cut, ARGUMENTS.end)
    totals_rows = largest([round_up(terms, tile.rows), cut.sum_pitch])
    transposed_pitch = cut.images * cut.band * gather.columns + LANES
    blocks = -(-cut.outputs // tile.width)
    packed = cut.outputs > OUTPUTS_PER_VECTOR * -(-gather.columns // LANES)
    table_at = round_up((cut.channels * values["channel_pitch"] + LANES) * item, 64)
    panel_at = round_up(table_at + terms * 8, 64)
    transposed_at = panel_at + (terms * PANEL_PITCH * item if packed else 0)
    totals_at = transposed_at + blocks * transposed_pitch * tile.width * item
    arguments = ARGUMENTS.values(
        grad_y=grad_y, x=x, sums=sums, **values,
        table_at=table_at, panel_at=panel_at, transposed_at=transposed_at, totals_at=totals_at,
        transposed_pitch=transposed_pitch, totals_rows=totals_rows,
    )  # fmt: skip
    stride = gather.stride[1] if gather.stride[1] <= 2 else 0
    code = OuterSumCode(type, tile, stride, packed)
    return Call(
        Kernel(code.key, code.emit),
        [*arguments, *tables],
        cut.tiles(gather.groups),
        scratch=totals_at + blocks * totals_rows * tile.width * item,
        reads=(grad_y, x),
        writes=(sums,),
        flops=gather.flops,
        label="convolution weight gradient",
    )


@dataclass(frozen=True)
class OuterSumCode:
    """The code of the kernel. If ``packed``, the micro-kernel reads a panel without gaps, else the patch in place."""

    type: Type
    tile: RegisterTile
    stride: int
    packed: bool

    @property
    def key(self) -> str:
        how = "packed" if self.packed else "direct"
        return f"convolution_outer_sum {self.type} {self.tile.key} stride{self.stride} {how}"

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Writer:
    """Writes the function, from the loop over groups inwards."""

    def __init__(self, code: OuterSumCode, b: KernelBuilder) -> None:
        self.code = code
        self.width = code.tile.width
        self.b = b
        self.a: Any = ARGUMENTS.load(b, code.type)
        self.transpose = transpose_function(b.module, code.type)
        self.add_products = outer_function(b.module, code.type, code.tile, code.packed)
        self.patch = b.scratch.of(code.type)
        self.table = (b.scratch + self.a.table_at).of(INDEX)
        self.panel, self.transposed, self.totals = (
            (b.scratch + at).of(code.type) for at in (self.a.panel_at, self.a.transposed_at, self.a.totals_at)
        )

    def write(self) -> None:
        b, a = self.b, self.a
        self.place = place = TilePlace(b, a)
        emit_places(b, self.table, place.channels, a)
        self.terms = place.channels * a.taps
        self.blocks = (place.outputs + (self.width - 1)) // self.width
        with b.loop(place.first_group, place.last_group) as group:
            emit_zero(b, self.totals, self.blocks * a.totals_rows * self.width)
            with b.loop(place.first_unit, place.last_unit) as number:
                unit = unit_of(number, a)
                emit_copy(b, self.code.stride, a, self.patch, unit, place.channel(group), place.channels)
                self._transpose_grad_y(group, unit)
                if self.code.packed:
                    self._pack_and_add(unit)
                else:
                    image_pitch = a.patch_rows * a.patch_pitch
                    self._add(self.patch, b.index(0), unit.images, image_pitch, unit.rows, a.patch_pitch, a.columns)
            self._store_sums(group)
        b.finish()

    def _transpose_grad_y(self, group: Value, unit: Unit) -> None:
        """``transposed[block of outputs][position][output in block]``; outputs that do not exist repeat the last."""
        b, a, place, width = self.b, self.a, self.place, self.width
        plane, length = a.rows * a.columns, unit.rows * a.columns
        with b.loop(0, unit.images) as image, b.loop(0, place.outputs, LANES) as output:
            channel = group * a.outputs + (place.first_output + output)
            channel = (unit.first_image + image) * (a.groups * a.outputs) + channel
            source = a.grad_y + (channel * plane + unit.first_row * a.columns)
            row = output // width * a.transposed_pitch + image * length
            target = self.transposed + (row * width + output % width)
            with b.loop(0, length, LANES) as position:
                self.transpose(
                    b,
                    source=source + position,
                    source_pitch=plane,
                    target=target + position * width,
                    target_pitch=width,
                    rows=(place.outputs - output).at_most(LANES),
                    columns=(length - position).at_most(LANES),
                )

    def _pack_and_add(self, unit: Unit) -> None:
        b = self.b
        positions = unit.images * unit.rows * self.a.columns
        with b.loop(0, positions, PANEL_POSITIONS) as position:
            count = (positions - position).at_most(PANEL_POSITIONS)
            emit_pack(
                b, self.patch, self.table, self.panel, PANEL_POSITIONS, self.a,
                terms=self.terms, first=position, count=count, rows=unit.rows,
            )  # fmt: skip
            self._add(self.panel, position, 1, 0, 1, 0, count)

    def _add(
        self,
        source: Pointer,
        position: Value,
        images: Value | int,
        image_pitch: Value | int,
        rows: Value | int,
        row_pitch: Value | int,
        columns: Value,
    ) -> None:
        """Add the products at the positions of ``source`` described, of which the first is number ``position`` of the
        unit."""
        b, a, tile = self.b, self.a, self.code.tile
        with b.loop(0, self.blocks) as block, b.loop(0, self.terms, tile.rows) as term:
            self.add_products(
                b,
                source=source + term * PANEL_PITCH if self.code.packed else source,
                places=self.table + term,
                terms=self.terms - term,
                images=images,
                image_pitch=image_pitch,
                rows=rows,
                row_pitch=row_pitch,
                columns=columns,
                factors=self.transposed + (block * a.transposed_pitch + position) * tile.width,
                totals=self.totals + (block * a.totals_rows + term) * tile.width,
            )

    def _store_sums(self, group: Value) -> None:
        b, a, width = self.b, self.a, self.width
        target = self.place.sums(group)
        with b.loop(0, self.place.outputs, LANES) as output, b.loop(0, self.terms, LANES) as term:
            row = output // width * a.totals_rows + term
            self.transpose(
                b,
                source=self.totals + (row * width + output % width),
                source_pitch=width,
                target=target + (output * a.sum_pitch + term),
                target_pitch=a.sum_pitch,
                rows=LANES,
                columns=LANES,
            )


def outer_function(module: Module, type: Type, tile: RegisterTile, packed: bool) -> Function:
    """An internal function for ``totals[i][j] += sum over position of source[place(i) + position] * factors[position][j]``,
    a tile of i and j.

    The place of row i is ``i * PANEL_PITCH`` if ``packed``, else ``places[i]``; rows that do not exist (there are
    ``terms``) repeat the last. Positions go through images, rows and columns with the pitches given; factors lie
    without gaps.
    """

    def write(b: Builder, given: Any) -> None:
        last = given.terms - 1
        indices = [last.at_most(i) for i in range(tile.rows)]
        sources = [given.source + (i * PANEL_PITCH if packed else given.places[i]) for i in indices]
        sums = Sums(b, tile.rows, tile.vectors, type.vector(tile.lanes))
        factors = b.variable(given.factors)
        with b.loop(0, given.images) as image, b.loop(0, given.rows) as row:
            first = image * given.image_pitch + row * given.row_pitch
            with b.loop(first, first + given.columns) as place:
                start = factors.value
                vectors = [(start + j * tile.lanes).load(tile.lanes) for j in range(tile.vectors)]
                factors.value = start + tile.width
                sums.add((source[place].broadcast(tile.lanes) for source in sources), vectors)
        sums.write(lambda i, j: given.totals + (i * tile.width + j * tile.lanes), adding=True)

    indices = "terms images image_pitch rows row_pitch columns"
    given = parameters(type, "source factors totals", indices, places=INDEX.pointer)
    return module.function(f"convolution_outer_{tile.key}_{type}_{'packed' if packed else 'direct'}", given, write)


def transpose_function(module: Module, type: Type) -> Function:
    """An internal function that transposes up to sixteen by sixteen elements, rows of which are pitches apart.

    Rows that do not exist repeat the last, so that ``columns`` target rows of sixteen elements are written.
    """

    def write(b: Builder, given: Any) -> None:
        last = given.rows - 1
        for whole in b.either(given.columns.equals(LANES)):
            if whole:
                rows = [given.source + last.at_most(row) * given.source_pitch for row in range(LANES)]
                for index, column in enumerate(transposed([row.load(LANES) for row in rows])):
                    given.target[given.target_pitch * index] = column
            else:
                with b.loop(0, given.columns) as column, b.loop(0, LANES) as row:
                    value = given.source[row.at_most(last) * given.source_pitch + column]
                    given.target[column * given.target_pitch + row] = value

    given = parameters(type, "source target", "source_pitch target_pitch rows columns")
    return module.function(f"convolution_transpose_{type}", given, write)
