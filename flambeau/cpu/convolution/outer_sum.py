"""Weight gradient with vectors along the outputs: a sum over positions of outer products of taps and outputs."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.kernel import Call, Operand
from ..gemm.pack import transpose
from ..ir import LANES, Builder, Module, vector
from ..kernel import Kernel
from ..vectors import ITEM_BYTES, load_vector, store_vector, suffix
from .arguments import Layout
from .micro_kernel import fused_multiply_add
from .patch import emit_offsets, emit_pack, round_up
from .problem import Gather
from .tile import Registers, RegisterTile, host_registers
from .weight_gradient import (
    TILE_ARGUMENTS,
    Cut,
    TilePlace,
    emit_sums_address,
    emit_tile_place,
    emit_unit,
    tile_arguments,
)

LAYOUT = Layout(
    ("grad_y", "x", "sums"),
    (*TILE_ARGUMENTS, "table_at", "panel_at", "transposed_at", "totals_at", "transposed_pitch", "totals_rows"),
)

PANEL_POSITIONS = 256
PANEL_PITCH = PANEL_POSITIONS + LANES
OUTPUTS_PER_VECTOR = 96
"""Packing pays if a tile has more outputs than this for each vector of a row of positions."""

MICRO_PARAMETERS = (
    ("ptr", "source"),
    ("ptr", "places"),
    ("i64", "terms"),
    ("i64", "images"),
    ("i64", "image_pitch"),
    ("i64", "rows"),
    ("i64", "row_pitch"),
    ("i64", "columns"),
    ("ptr", "factors"),
    ("ptr", "totals"),
)


def outer_tile(registers: Registers, item_bytes: int, outputs: int) -> RegisterTile:
    """Rows are (channel, tap) pairs, broadcast; vectors are outputs, in blocks of sixteen or thirty-two.

    Ten rows at most, because each takes a general register for its address.
    """
    lanes = registers.lanes(item_bytes)
    block = 32 if lanes == LANES and outputs > LANES else LANES
    vectors = block // lanes
    rows = max(1, min(10, registers.count * 3 // 4 // vectors))
    return RegisterTile(rows, vectors, lanes)


def lower_outer_sum(
    gather: Gather, cut: Cut, grad_y: Operand, x: Operand, sums: Operand, registers: Registers | None = None
) -> Call:
    """A call that writes the parts' sums, laid out as :func:`.weight_gradient.emit_sums_address` says."""
    item, taps = gather.item_bytes, len(gather.taps)
    tile = outer_tile(registers or host_registers(), item, gather.outputs)
    width = tile.vectors * tile.lanes
    values, tables = tile_arguments(gather, cut, LAYOUT.end)
    terms = cut.channels * taps
    totals_rows = max(round_up(terms, tile.rows), cut.sum_pitch)
    transposed_pitch = cut.images * cut.band * gather.columns + LANES
    blocks = -(-cut.outputs // width)
    packed = cut.outputs > OUTPUTS_PER_VECTOR * -(-gather.columns // LANES)
    table_at = round_up((cut.channels * values["channel_pitch"] + LANES) * item, 64)
    panel_at = round_up(table_at + terms * 8, 64)
    transposed_at = panel_at + (terms * PANEL_PITCH * item if packed else 0)
    totals_at = transposed_at + blocks * transposed_pitch * width * item
    arguments = LAYOUT.pack(
        {
            "grad_y": grad_y,
            "x": x,
            "sums": sums,
            **values,
            "table_at": table_at,
            "panel_at": panel_at,
            "transposed_at": transposed_at,
            "totals_at": totals_at,
            "transposed_pitch": transposed_pitch,
            "totals_rows": totals_rows,
        }
    )
    stride = gather.stride[1] if gather.stride[1] <= 2 else 0
    code = OuterSumKernel(gather.dtype, tile, stride, packed)
    group_tiles = -(-gather.groups // cut.groups)
    return Call(
        Kernel(code.key, code.emit),
        [*arguments, *tables],
        cut.parts * group_tiles * cut.output_tiles * cut.channel_tiles,
        scratch=totals_at + blocks * totals_rows * width * item,
        reads=(grad_y, x),
        writes=(sums,),
        flops=gather.flops,
        label="convolution weight gradient",
    )


@dataclass(frozen=True)
class OuterSumKernel:
    """The code of the kernel. If ``packed``, the micro-kernel reads a panel without gaps, else the patch in place."""

    dtype: str
    tile: RegisterTile
    stride: int
    packed: bool

    @property
    def key(self) -> str:
        how = "packed" if self.packed else "direct"
        return f"convolution_outer_sum {self.dtype} {self.tile.key} stride{self.stride} {how}"

    def emit(self, module: Module, name: str) -> None:
        dtype = self.dtype
        b = Builder(module, name)
        a = LAYOUT.load(b)
        at = {part: b.offset("i8", "%scratch", a[f"{part}_at"]) for part in ("table", "panel", "transposed", "totals")}
        place = emit_tile_place(b, a)
        emit_offsets(b, at["table"], place.channels, a)
        terms = b.mul(place.channels, a["taps"])
        width = self.tile.vectors * self.tile.lanes
        blocks = b.divide(b.add(place.outputs, str(width - 1)), str(width))
        with b.loop(place.first_group, place.last_group) as group:
            cells = b.mul(b.mul(blocks, a["totals_rows"]), str(width))
            with b.loop("0", cells, str(LANES)) as cell:
                store_vector(b, dtype, "zeroinitializer", b.offset(dtype, at["totals"], cell))
            with b.loop(place.first_unit, place.last_unit) as unit:
                first_image, images, first_row, rows = emit_unit(b, dtype, self.stride, a, place, group, unit)
                self._transpose_grad_y(b, a, at["transposed"], place, group, first_image, images, first_row, rows)
                if not self.packed:
                    extents = (images, b.mul(a["patch_rows"], a["patch_pitch"]), rows, a["patch_pitch"], a["columns"])
                    self._add_products(b, a, at, "%scratch", blocks, terms, "0", extents)
                else:
                    self._pack_and_add_products(b, a, at, blocks, terms, b.mul(images, rows), rows)
            self._store_sums(b, a, at["totals"], place, group, terms)
        b.finish()

    def _transpose_grad_y(
        self,
        b: Builder,
        a: dict[str, str],
        transposed: str,
        place: TilePlace,
        group: str,
        first_image: str,
        images: str,
        first_row: str,
        rows: str,
    ) -> None:
        """``transposed[block of outputs][position][output in block]``; outputs that do not exist repeat the last."""
        dtype, width = self.dtype, self.tile.vectors * self.tile.lanes
        plane = b.mul(a["rows"], a["columns"])
        length = b.mul(rows, a["columns"])
        callee = transpose_function(b.module, dtype)
        with b.loop("0", images) as image, b.loop("0", place.outputs, str(LANES)) as output:
            channel = b.add(b.mul(group, a["outputs"]), b.add(place.first_output, output))
            channel = b.add(b.mul(b.add(first_image, image), b.mul(a["groups"], a["outputs"])), channel)
            start = b.add(b.mul(channel, plane), b.mul(first_row, a["columns"]))
            source = b.offset(dtype, a["grad_y"], start)
            existing = b.minimum(b.sub(place.outputs, output), str(LANES))
            block = b.mul(b.divide(output, str(width)), a["transposed_pitch"])
            target_row = b.mul(b.add(block, b.mul(image, length)), str(width))
            target = b.offset(dtype, transposed, b.add(target_row, b.remainder(output, str(width))))
            with b.loop("0", length, str(LANES)) as position:
                columns = b.minimum(b.sub(length, position), str(LANES))
                b.do(
                    f"call void {callee}(ptr {b.offset(dtype, source, position)}, i64 {plane}, ptr "
                    f"{b.offset(dtype, target, b.mul(position, str(width)))}, i64 {width}, i64 {existing}, "
                    f"i64 {columns})"
                )

    def _pack_and_add_products(
        self, b: Builder, a: dict[str, str], at: dict[str, str], blocks: str, terms: str, lines: str, rows: str
    ) -> None:
        positions = b.mul(lines, a["columns"])
        with b.loop("0", positions, str(PANEL_POSITIONS)) as position:
            count = b.minimum(str(PANEL_POSITIONS), b.sub(positions, position))
            emit_pack(
                b, self.dtype, "%scratch", at["table"], at["panel"], PANEL_POSITIONS, a,
                terms=terms, first=position, count=count, rows=rows,
            )  # fmt: skip
            self._add_products(b, a, at, at["panel"], blocks, terms, position, ("1", "0", "1", "0", count))

    def _add_products(
        self,
        b: Builder,
        a: dict[str, str],
        at: dict[str, str],
        source: str,
        blocks: str,
        terms: str,
        position: str,
        extents: tuple[str, str, str, str, str],
    ) -> None:
        """Add the products at the positions that ``extents`` (images, their pitch, rows, their pitch, columns) of
        ``source`` describe, of which the first is number ``position`` of the unit."""
        dtype, width = self.dtype, self.tile.vectors * self.tile.lanes
        callee = outer_micro_kernel(b.module, dtype, self.tile, self.packed)
        with b.loop("0", blocks) as block, b.loop("0", terms, str(self.tile.rows)) as term:
            row = b.add(b.mul(block, a["transposed_pitch"]), position)
            factors = b.offset(dtype, at["transposed"], b.mul(row, str(width)))
            total = b.mul(b.add(b.mul(block, a["totals_rows"]), term), str(width))
            first = b.offset(dtype, source, b.mul(term, str(PANEL_PITCH))) if self.packed else source
            places = b.offset("i64", at["table"], term)
            totals = b.offset(dtype, at["totals"], total)
            values = (first, places, b.sub(terms, term), *extents, factors, totals)
            spelled = (f"{type} {value}" for (type, _), value in zip(MICRO_PARAMETERS, values, strict=True))
            b.do(f"call void {callee}({', '.join(spelled)})")

    def _store_sums(self, b: Builder, a: dict[str, str], totals: str, place: TilePlace, group: str, terms: str) -> None:
        dtype, width = self.dtype, self.tile.vectors * self.tile.lanes
        callee = transpose_function(b.module, dtype)
        target = emit_sums_address(b, dtype, a, place, group)
        with b.loop("0", place.outputs, str(LANES)) as output, b.loop("0", terms, str(LANES)) as term:
            row = b.add(b.mul(b.divide(output, str(width)), a["totals_rows"]), term)
            source = b.offset(dtype, totals, b.add(b.mul(row, str(width)), b.remainder(output, str(width))))
            goal = b.offset(dtype, target, b.add(b.mul(output, a["sum_pitch"]), term))
            b.do(
                f"call void {callee}(ptr {source}, i64 {width}, ptr {goal}, i64 {a['sum_pitch']}, "
                f"i64 {LANES}, i64 {LANES})"
            )


def outer_micro_kernel(module: Module, dtype: str, tile: RegisterTile, packed: bool) -> str:
    """``totals[i][j] += sum over position of source[place(i) + position] * factors[position][j]``, a tile of i and j.

    The place of row i is ``i * PANEL_PITCH`` if ``packed``, else ``places[i]``; rows that do not exist (there are
    ``terms``) repeat the last. Positions go through images, rows and columns with the pitches given; factors lie
    without gaps. Returns ``@name``; see ``MICRO_PARAMETERS``.
    """
    name = f"convolution_outer_{tile.key}_{suffix(dtype)}_{'packed' if packed else 'direct'}"
    if module.has_function(name):
        return "@" + name
    b = Builder(module, name, MICRO_PARAMETERS, internal=True, attributes="nounwind noinline")
    whole, align, width = vector(dtype, tile.lanes), ITEM_BYTES[dtype], tile.vectors * tile.lanes
    last = b.sub("%terms", "1")
    sources = []
    for i in range(tile.rows):
        index = b.minimum(str(i), last)
        place = b.mul(index, str(PANEL_PITCH)) if packed else b.load("i64", b.offset("i64", "%places", index), 8)
        sources.append(b.offset(dtype, "%source", place))

    def total_address(i: int, j: int) -> str:
        return b.offset(dtype, "%totals", str(i * width + j * tile.lanes))

    sums = [[b.variable(whole, "zeroinitializer") for _ in range(tile.vectors)] for _ in range(tile.rows)]
    factors = b.variable("ptr", "%factors")
    with b.loop("0", "%images") as image, b.loop("0", "%rows") as row:
        first = b.add(b.mul(image, "%image_pitch"), b.mul(row, "%row_pitch"))
        with b.loop(first, b.add(first, "%columns")) as place:
            start = b.load("ptr", factors)
            right = [b.load(whole, b.offset(dtype, start, str(j * tile.lanes)), align) for j in range(tile.vectors)]
            b.store("ptr", b.offset(dtype, start, str(width)), factors)
            for i in range(tile.rows):
                value = b.broadcast(dtype, b.load(dtype, b.offset(dtype, sources[i], place), align), tile.lanes)
                for j in range(tile.vectors):
                    total = b.load(whole, sums[i][j])
                    b.store(whole, fused_multiply_add(b, dtype, tile.lanes, value, right[j], total), sums[i][j])
    for i in range(tile.rows):
        for j in range(tile.vectors):
            before = b.load(whole, total_address(i, j), align)
            b.store(whole, b.op(f"fadd {whole} {before}, {b.load(whole, sums[i][j])}"), total_address(i, j), align)
    b.finish()
    return "@" + name


def transpose_function(module: Module, dtype: str) -> str:
    """Transpose up to sixteen by sixteen elements; returns ``@name`` of the function ``(ptr source, i64 source_pitch,
    ptr target, i64 target_pitch, i64 rows, i64 columns)``.

    Rows that do not exist repeat the last, so that ``columns`` target rows of sixteen elements are written.
    """
    name = f"convolution_transpose_{suffix(dtype)}"
    if module.has_function(name):
        return "@" + name
    parameters = (
        ("ptr", "source"),
        ("i64", "source_pitch"),
        ("ptr", "target"),
        ("i64", "target_pitch"),
        ("i64", "rows"),
        ("i64", "columns"),
    )
    b = Builder(module, name, parameters, internal=True, attributes="nounwind noinline")
    align, last = ITEM_BYTES[dtype], b.sub("%rows", "1")
    whole, part, done = b.label("whole"), b.label("part"), b.label("done")
    b.branch(b.op(f"icmp eq i64 %columns, {LANES}"), whole, part)
    b.place(whole)
    rows = [b.offset(dtype, "%source", b.mul(b.minimum(str(row), last), "%source_pitch")) for row in range(LANES)]
    columns = transpose(b, vector(dtype, LANES), [load_vector(b, dtype, row) for row in rows])
    for index, column in enumerate(columns):
        store_vector(b, dtype, column, b.offset(dtype, "%target", b.mul("%target_pitch", str(index))))
    b.jump(done)
    b.place(part)
    with b.loop("0", "%columns") as column, b.loop("0", str(LANES)) as row:
        source = b.add(b.mul(b.minimum(row, last), "%source_pitch"), column)
        value = b.load(dtype, b.offset(dtype, "%source", source), align)
        target = b.offset(dtype, "%target", b.add(b.mul(column, "%target_pitch"), row))
        b.store(dtype, value, target, align)
    b.jump(done)
    b.place(done)
    b.finish()
    return "@" + name
