"""Weight gradient with vectors along the rows of positions: dot products in sixteen lanes, for few outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...kernels.kernel import Call, Operand
from ...kernels.symbols import computed, definite
from ..arguments import Arguments
from ..ir import Builder, Function, Kernel, KernelBuilder, Module, parameters
from ..lanes import sum_of_lanes
from ..register_tile import Registers, Sums, host_registers
from ..values import INDEX, LANES, Pointer, Type, Value
from ..zeros import emit_zero
from .patch import emit_copy, emit_places, round_up, unit_of
from .problem import Gather
from .weight_gradient import TILE_ARGUMENTS, Cut, TilePlace, tile_arguments

ARGUMENTS = Arguments("&grad_y &x &sums", TILE_ARGUMENTS, "table_at totals_at totals_terms")


@dataclass(frozen=True)
class LaneTile:
    """So many outputs by so many (channel, tap) terms, held in registers of so many of the sixteen lanes."""

    outputs: int
    terms: int
    lanes: int


def lane_tile(registers: Registers, type: Type, outputs: int, terms: int) -> LaneTile:
    """The tile that takes least time: two multiplications or one and a half loads (which do not lie on a multiple of the
    vector's size) at once."""
    rows, columns = definite(computed(_lane_tile, registers.count * 3 // 4, outputs, terms))
    return LaneTile(rows, columns, min(LANES, registers.lanes(type)))


def _lane_tile(accumulators: int, outputs: int, terms: int) -> tuple[int, int]:
    def shape(rows: int) -> tuple[int, int]:
        most = max(1, min(accumulators // rows, 9))
        return rows, -(-terms // -(-terms // most))

    def cost(tile: tuple[int, int]) -> tuple[float, int]:
        rows, columns = tile
        calls = -(-outputs // rows) * -(-terms // columns)
        return calls * max(rows * columns / 2, (rows + columns) / 1.5), rows + columns

    return min((shape(rows) for rows in range(1, min(outputs, 6, accumulators) + 1)), key=cost)


def lower_lane_sum(
    gather: Gather, cut: Cut, grad_y: Operand, x: Operand, sums: Operand, registers: Registers | None = None
) -> Call:
    """A call that writes the parts' sums, laid out as :meth:`.TilePlace.sums` says."""
    type, terms = gather.type, cut.channels * len(gather.taps)
    tile = lane_tile(registers or host_registers(), type, gather.outputs, terms)
    values, tables = tile_arguments(gather, cut, ARGUMENTS.end)
    totals_terms = round_up(terms, tile.terms)
    table_at = round_up((cut.channels * values["channel_pitch"] + LANES) * type.bytes, 64)
    totals_at = round_up(table_at + terms * 8, 64)
    arguments = ARGUMENTS.values(
        grad_y=grad_y, x=x, sums=sums, **values, table_at=table_at, totals_at=totals_at, totals_terms=totals_terms
    )
    stride = gather.stride[1] if gather.stride[1] <= 2 else 0
    code = LaneSumCode(type, tile, stride)
    return Call(
        Kernel(code.key, code.emit),
        [*arguments, *tables],
        cut.tiles(gather.groups),
        scratch=totals_at + round_up(cut.outputs, tile.outputs) * totals_terms * LANES * type.bytes,
        reads=(grad_y, x),
        writes=(sums,),
        flops=gather.flops,
        label="convolution weight gradient",
    )


@dataclass(frozen=True)
class LaneSumCode:
    """The code of the kernel; everything it is specialised on."""

    type: Type
    tile: LaneTile
    stride: int

    @property
    def key(self) -> str:
        tile = self.tile
        return f"convolution_lane_sum {self.type} {tile.outputs}x{tile.terms}x{tile.lanes} stride{self.stride}"

    def emit(self, module: Module, name: str) -> None:
        type, tile = self.type, self.tile
        b = KernelBuilder(module, name)
        a = ARGUMENTS.load(b, type)
        patch, table = b.scratch.of(type), (b.scratch + a.table_at).of(INDEX)
        totals = (b.scratch + a.totals_at).of(type)
        place = TilePlace(b, a)
        emit_places(b, table, place.channels, a)
        terms = place.channels * a.taps
        totals_pitch = a.totals_terms * LANES
        add_products = lane_function(b.module, type, tile)
        plane = a.rows * a.columns
        grad_y_image = a.groups * a.outputs * plane
        with b.loop(place.first_group, place.last_group) as group:
            rounded = (place.outputs + (tile.outputs - 1)) // tile.outputs * tile.outputs
            emit_zero(b, totals, rounded * totals_pitch)
            with b.loop(place.first_unit, place.last_unit) as number:
                unit = unit_of(number, a)
                emit_copy(b, self.stride, a, patch, unit, place.channel(group), place.channels)
                start = (group * a.outputs + place.first_output) * plane + unit.first_row * a.columns
                grad_y = a.grad_y + (unit.first_image * grad_y_image + start)
                with (
                    b.loop(0, place.outputs, tile.outputs) as output,
                    b.loop(0, terms, tile.terms) as term,
                    b.loop(0, LANES, tile.lanes) as lane,
                ):
                    add_products(
                        b,
                        grad_y=grad_y + output * plane,
                        grad_y_plane=plane,
                        grad_y_image=grad_y_image,
                        outputs=place.outputs - output,
                        patch=patch,
                        patch_image=a.patch_rows * a.patch_pitch,
                        patch_pitch=a.patch_pitch,
                        places=table + term,
                        terms=terms - term,
                        images=unit.images,
                        rows=unit.rows,
                        columns=a.columns,
                        lane=lane,
                        totals=totals + (output * totals_pitch + term * LANES + lane),
                        totals_pitch=totals_pitch,
                    )
            target = place.sums(group)
            with b.loop(0, place.outputs) as output, b.loop(0, terms) as term:
                lanes = (totals + (output * totals_pitch + term * LANES)).load(LANES)
                target[output * a.sum_pitch + term] = sum_of_lanes(lanes)
        b.finish()


def lane_function(module: Module, type: Type, tile: LaneTile) -> Function:
    """An internal function for ``totals[k][term][lane] += grad_y[k][position] * patch[places[term] + position]`` over all
    positions of a unit, column by column modulo sixteen, for a tile of outputs k and terms and the tile's lanes from
    ``lane`` on. Outputs and terms that do not exist repeat the last that does."""
    lanes = tile.lanes

    def write(b: Builder, given: Any) -> None:
        last_output, last_term = given.outputs - 1, given.terms - 1
        outputs = [last_output.at_most(k) * given.grad_y_plane for k in range(tile.outputs)]
        places = [given.places[last_term.at_most(term)] for term in range(tile.terms)]
        sums = Sums(b, tile.terms, tile.outputs, type.vector(lanes))
        whole_columns = (given.columns - (lanes - 1)).at_least(0)
        steps = ((whole_columns - given.lane).at_least(0) + (LANES - 1)) // LANES
        rest = given.lane + steps * LANES
        rest_mask = b.first_lanes(given.columns - rest, lanes)

        def add(grad_y: Pointer, patch: Pointer, mask: Value | None) -> None:
            gradients = [(grad_y + output).load(lanes, mask) for output in outputs]
            sums.add(((patch + place).load(lanes, mask) for place in places), gradients)

        with b.loop(0, given.images) as image, b.loop(0, given.rows) as row:
            grad_y_row = given.grad_y + (image * given.grad_y_image + row * given.columns)
            patch_row = given.patch + (image * given.patch_image + row * given.patch_pitch)
            with b.loop(given.lane, whole_columns, LANES) as column:
                add(grad_y_row + column, patch_row + column, None)
            with b.when(rest < given.columns):
                add(grad_y_row + rest, patch_row + rest, rest_mask)
        sums.write(lambda term, k: given.totals + (given.totals_pitch * k + term * LANES), adding=True)

    given = parameters(
        type,
        "grad_y patch totals",
        "grad_y_plane grad_y_image outputs patch_image patch_pitch terms images rows columns lane totals_pitch",
        places=INDEX.pointer,
    )
    return module.function(f"convolution_lane_{tile.outputs}x{tile.terms}x{lanes}_{type}", given, write)
