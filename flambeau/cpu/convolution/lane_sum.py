"""Weight gradient with vectors along the rows of positions: dot products in sixteen lanes, for few outputs."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.kernel import Call, Operand
from ..ir import LANES, Builder, Module, vector
from ..kernel import Kernel
from ..vectors import ITEM_BYTES, lanes_below, load_vector, store_vector, suffix
from .arguments import Layout
from .micro_kernel import fused_multiply_add
from .patch import emit_offsets, round_up
from .problem import Gather
from .tile import Registers, host_registers
from .weight_gradient import (
    TILE_ARGUMENTS,
    Cut,
    TilePlace,
    emit_sums_address,
    emit_tile_place,
    emit_unit,
    tile_arguments,
)

LAYOUT = Layout(("grad_y", "x", "sums"), (*TILE_ARGUMENTS, "table_at", "totals_at", "totals_terms"))

MICRO_PARAMETERS = (
    ("ptr", "grad_y"),
    ("i64", "grad_y_plane"),
    ("i64", "grad_y_image"),
    ("i64", "outputs"),
    ("ptr", "patch"),
    ("i64", "patch_image"),
    ("i64", "patch_pitch"),
    ("ptr", "places"),
    ("i64", "terms"),
    ("i64", "images"),
    ("i64", "rows"),
    ("i64", "columns"),
    ("i64", "lane"),
    ("ptr", "totals"),
    ("i64", "totals_pitch"),
)


@dataclass(frozen=True)
class LaneTile:
    """So many outputs by so many (channel, tap) terms, held in registers of so many of the sixteen lanes."""

    outputs: int
    terms: int
    lanes: int


def lane_tile(registers: Registers, item_bytes: int, outputs: int, terms: int) -> LaneTile:
    """The tile that takes least time: two multiplications or one and a half loads (which do not lie on a multiple of the
    vector's size) at once."""
    lanes = min(LANES, registers.lanes(item_bytes))
    accumulators = registers.count * 3 // 4

    def shape(rows: int) -> tuple[int, int]:
        most = max(1, min(accumulators // rows, 9))
        return rows, -(-terms // -(-terms // most))

    def cost(tile: tuple[int, int]) -> tuple[float, int]:
        rows, columns = tile
        calls = -(-outputs // rows) * -(-terms // columns)
        return calls * max(rows * columns / 2, (rows + columns) / 1.5), rows + columns

    best = min((shape(rows) for rows in range(1, min(outputs, 6, accumulators) + 1)), key=cost)
    return LaneTile(*best, lanes)


def lower_lane_sum(
    gather: Gather, cut: Cut, grad_y: Operand, x: Operand, sums: Operand, registers: Registers | None = None
) -> Call:
    """A call that writes the parts' sums, laid out as :func:`.weight_gradient.emit_sums_address` says."""
    item, terms = gather.item_bytes, cut.channels * len(gather.taps)
    tile = lane_tile(registers or host_registers(), item, gather.outputs, terms)
    values, tables = tile_arguments(gather, cut, LAYOUT.end)
    totals_terms = round_up(terms, tile.terms)
    table_at = round_up((cut.channels * values["channel_pitch"] + LANES) * item, 64)
    totals_at = round_up(table_at + terms * 8, 64)
    arguments = LAYOUT.pack(
        {
            "grad_y": grad_y,
            "x": x,
            "sums": sums,
            **values,
            "table_at": table_at,
            "totals_at": totals_at,
            "totals_terms": totals_terms,
        }
    )
    stride = gather.stride[1] if gather.stride[1] <= 2 else 0
    code = LaneSumKernel(gather.dtype, tile, stride)
    group_tiles = -(-gather.groups // cut.groups)
    return Call(
        Kernel(code.key, code.emit),
        [*arguments, *tables],
        cut.parts * group_tiles * cut.output_tiles * cut.channel_tiles,
        scratch=totals_at + round_up(cut.outputs, tile.outputs) * totals_terms * LANES * item,
        reads=(grad_y, x),
        writes=(sums,),
        flops=gather.flops,
        label="convolution weight gradient",
    )


@dataclass(frozen=True)
class LaneSumKernel:
    dtype: str
    tile: LaneTile
    stride: int

    @property
    def key(self) -> str:
        tile = self.tile
        return f"convolution_lane_sum {self.dtype} {tile.outputs}x{tile.terms}x{tile.lanes} stride{self.stride}"

    def emit(self, module: Module, name: str) -> None:
        dtype, tile = self.dtype, self.tile
        b = Builder(module, name)
        a = LAYOUT.load(b)
        at = {part: b.offset("i8", "%scratch", a[f"{part}_at"]) for part in ("table", "totals")}
        place = emit_tile_place(b, a)
        emit_offsets(b, at["table"], place.channels, a)
        terms = b.mul(place.channels, a["taps"])
        totals_pitch = b.mul(a["totals_terms"], str(LANES))
        callee = lane_micro_kernel(b.module, dtype, tile)
        plane = b.mul(a["rows"], a["columns"])
        grad_y_image = b.mul(b.mul(a["groups"], a["outputs"]), plane)
        with b.loop(place.first_group, place.last_group) as group:
            rounded = b.mul(b.divide(b.add(place.outputs, str(tile.outputs - 1)), str(tile.outputs)), str(tile.outputs))
            with b.loop("0", b.mul(rounded, totals_pitch), str(LANES)) as cell:
                store_vector(b, dtype, "zeroinitializer", b.offset(dtype, at["totals"], cell))
            with b.loop(place.first_unit, place.last_unit) as unit:
                first_image, images, first_row, rows = emit_unit(b, dtype, self.stride, a, place, group, unit)
                first_output = b.add(b.mul(group, a["outputs"]), place.first_output)
                start = b.add(b.mul(first_image, grad_y_image), b.mul(first_output, plane))
                grad_y = b.offset(dtype, a["grad_y"], b.add(start, b.mul(first_row, a["columns"])))
                with (
                    b.loop("0", place.outputs, str(tile.outputs)) as output,
                    b.loop("0", terms, str(tile.terms)) as term,
                    b.loop("0", str(LANES), str(tile.lanes)) as lane,
                ):
                    total = b.add(b.add(b.mul(output, totals_pitch), b.mul(term, str(LANES))), lane)
                    values = (
                        b.offset(dtype, grad_y, b.mul(output, plane)),
                        plane,
                        grad_y_image,
                        b.sub(place.outputs, output),
                        "%scratch",
                        b.mul(a["patch_rows"], a["patch_pitch"]),
                        a["patch_pitch"],
                        b.offset("i64", at["table"], term),
                        b.sub(terms, term),
                        images,
                        rows,
                        a["columns"],
                        lane,
                        b.offset(dtype, at["totals"], total),
                        totals_pitch,
                    )
                    spelled = (f"{type} {value}" for (type, _), value in zip(MICRO_PARAMETERS, values, strict=True))
                    b.do(f"call void {callee}({', '.join(spelled)})")
            self._store_sums(b, a, at["totals"], totals_pitch, place, group, terms)
        b.finish()

    def _store_sums(
        self, b: Builder, a: dict[str, str], totals: str, totals_pitch: str, place: TilePlace, group: str, terms: str
    ) -> None:
        dtype = self.dtype
        target = emit_sums_address(b, dtype, a, place, group)
        with b.loop("0", place.outputs) as output, b.loop("0", terms) as term:
            lanes = load_vector(
                b, dtype, b.offset(dtype, totals, b.add(b.mul(output, totals_pitch), b.mul(term, str(LANES))))
            )
            goal = b.offset(dtype, target, b.add(b.mul(output, a["sum_pitch"]), term))
            b.store(dtype, sum_of_lanes(b, dtype, lanes), goal, ITEM_BYTES[dtype])


def sum_of_lanes(b: Builder, dtype: str, lanes: str) -> str:
    """The sum of sixteen lanes, l and l + 8 added first, then l + 4, + 2, + 1."""
    count = LANES
    while count > 1:
        half, whole = count // 2, vector(dtype, count)
        picks = [", ".join(f"i32 {start + lane}" for lane in range(half)) for start in (0, half)]
        low, high = (b.op(f"shufflevector {whole} {lanes}, {whole} poison, <{half} x i32> <{pick}>") for pick in picks)
        lanes, count = b.op(f"fadd <{half} x {dtype}> {low}, {high}"), half
    return b.op(f"extractelement <1 x {dtype}> {lanes}, i64 0")


def lane_micro_kernel(module: Module, dtype: str, tile: LaneTile) -> str:
    """``totals[k][term][lane] += grad_y[k][position] * patch[places[term] + position]`` over all positions of a unit,
    column by column modulo sixteen, for a tile of outputs k and terms and the tile's lanes from ``lane`` on.

    Outputs and terms that do not exist repeat the last that does. Returns ``@name``; see ``MICRO_PARAMETERS``.
    """
    name = f"convolution_lane_{tile.outputs}x{tile.terms}x{tile.lanes}_{suffix(dtype)}"
    if module.has_function(name):
        return "@" + name
    b = Builder(module, name, MICRO_PARAMETERS, internal=True, attributes="nounwind noinline")
    lanes = tile.lanes
    whole = vector(dtype, lanes)
    last_output, last_term = b.sub("%outputs", "1"), b.sub("%terms", "1")
    outputs = [b.mul(b.minimum(str(k), last_output), "%grad_y_plane") for k in range(tile.outputs)]
    places = [
        b.load("i64", b.offset("i64", "%places", b.minimum(str(term), last_term)), 8) for term in range(tile.terms)
    ]

    def total_address(k: int, term: int) -> str:
        return b.offset(dtype, "%totals", b.add(b.mul("%totals_pitch", str(k)), str(term * LANES)))

    sums = [[b.variable(whole, "zeroinitializer") for _ in range(tile.terms)] for _ in range(tile.outputs)]
    whole_columns = b.maximum(b.sub("%columns", str(lanes - 1)), "0")
    steps = b.divide(b.add(b.maximum(b.sub(whole_columns, "%lane"), "0"), str(LANES - 1)), str(LANES))
    rest = b.add("%lane", b.mul(steps, str(LANES)))
    rest_mask = lanes_below(b, b.sub("%columns", rest), lanes)

    def add_products(grad_y: str, patch: str, mask: str | None) -> None:
        def load(address: str) -> str:
            return load_vector(b, dtype, address, mask, lanes=lanes)

        gradients = [load(b.offset(dtype, grad_y, output)) for output in outputs]
        for term, place in enumerate(places):
            value = load(b.offset(dtype, patch, place))
            for k, gradient in enumerate(gradients):
                total = b.load(whole, sums[k][term])
                b.store(whole, fused_multiply_add(b, dtype, lanes, gradient, value, total), sums[k][term])

    with b.loop("0", "%images") as image:
        grad_y_image = b.offset(dtype, "%grad_y", b.mul(image, "%grad_y_image"))
        patch_image = b.offset(dtype, "%patch", b.mul(image, "%patch_image"))
        with b.loop("0", "%rows") as row:
            grad_y_row = b.offset(dtype, grad_y_image, b.mul(row, "%columns"))
            patch_row = b.offset(dtype, patch_image, b.mul(row, "%patch_pitch"))
            with b.loop("%lane", whole_columns, str(LANES)) as column:
                add_products(b.offset(dtype, grad_y_row, column), b.offset(dtype, patch_row, column), None)
            with b.when(b.op(f"icmp slt i64 {rest}, %columns")):
                add_products(b.offset(dtype, grad_y_row, rest), b.offset(dtype, patch_row, rest), rest_mask)
    for k in range(tile.outputs):
        for term in range(tile.terms):
            before = load_vector(b, dtype, total_address(k, term), lanes=lanes)
            total = b.op(f"fadd {whole} {before}, {b.load(whole, sums[k][term])}")
            store_vector(b, dtype, total, total_address(k, term), lanes=lanes)
    b.finish()
    return "@" + name
