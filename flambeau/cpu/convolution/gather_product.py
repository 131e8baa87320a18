"""The kernel that computes a gather: copy a patch of the input, multiply it by the weights, hand on the results.

A tile of work is a *unit* (one band of rows of one image, or several small images) times a range of outputs of one
group. Channel block by channel block, it copies the patch of its input, and a register tile at a time adds the block's
terms to results that wait in scratch; then the epilogue takes them. The terms of a block are summed from zero and the
blocks added in order. Blocks follow from the numbers of channels and taps alone, so how work is cut does not show in
the bits.

The micro-kernel reads the patch either in place (``direct``: positions include the columns between the end of one row
and the start of the next, which are wasted) or from a panel without gaps that is packed from it (worth it when there
are many outputs to share the packing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ...kernels.kernel import Call, Operand
from ...kernels.symbols import computed, definite
from ..arguments import Arguments
from ..epilogue import EpilogueCode
from ..ir import Kernel, KernelBuilder, Module
from ..register_tile import Registers, RegisterTile, host_registers, multiply_function
from ..values import INDEX, LANES, Pointer, Type, Value, where
from .patch import PATCH_ARGUMENTS, emit_copy, emit_pack, emit_places, patch_arguments, round_up, unit_of
from .problem import Gather

ARGUMENTS = Arguments(
    "&x &weights",
    PATCH_ARGUMENTS,
    "groups groups_a_tile channels channel_block outputs outputs_a_tile output_tiles units images_a_span",
    "table_at panel_at result_at result_pitch",
)

RESULTS_A_TILE = 1 << 16
OUTPUTS_A_TILE = 256
TERMS_A_BLOCK = 128
FLOPS_A_TILE = 1 << 18
ENOUGH_TILES = 12
PIECE_COST = 144
"""What packing sixteen positions, or what there is of them in a row, costs: in outputs computed for one position."""
DIRECT_COST = 0.08
"""How much slower the micro-kernel is when it reads patches in place, where vectors are not aligned."""


@dataclass(frozen=True)
class Cut:
    """How a gather is cut into tiles and blocks: whether the micro-kernel reads patches in place; how many images and
    rows make a unit; how many outputs and groups a tile; how many channels a block."""

    direct: bool
    images: int
    band: int
    outputs: int
    groups: int
    channels: int


class Extents(NamedTuple):
    """What the cut of a gather goes by: its extents, how many taps there are, and columns of the halo."""

    batch: int
    groups: int
    channels: int
    outputs: int
    rows: int
    columns: int
    taps: int
    halo: int


def choose_cut(gather: Gather, tile: RegisterTile) -> Cut:
    """Results of a tile and the panel of a block should stay in the caches; there should be tiles for every core."""
    g = gather
    extents = g.batch, g.groups, g.channels, g.outputs, g.rows, g.columns, len(g.taps), g.halo[1]
    direct, *sizes = computed(_cut, *extents, tile.rows, tile.width)
    return Cut(direct != 0, *sizes)


def _cut(*numbers: int) -> tuple[int, ...]:
    """``Cut`` as integers, for ``Extents`` and the rows and the width of the register tile."""
    *extents, tile_rows, tile_width = numbers
    e = Extents(*extents)
    channels = max(1, min(e.channels, TERMS_A_BLOCK // e.taps))
    outputs = round_up(min(e.outputs, OUTPUTS_A_TILE), tile_rows)
    target = max(256, min(1024, RESULTS_A_TILE // outputs))
    while True:
        images, band = choose_unit(e, tile_width, target)
        units = -(-e.batch // images) * -(-e.rows // band)
        if units * -(-e.outputs // outputs) * e.groups >= ENOUGH_TILES:
            break
        if target > 128 and (images > 1 or band > 1):
            target //= 2
        elif outputs > 4 * tile_rows:
            outputs = round_up(outputs // 2, tile_rows)
        else:
            break
    flops = 2 * e.outputs * e.channels * e.taps * images * band * e.columns
    groups = max(1, min(e.groups, FLOPS_A_TILE // flops))
    return int(prefers_direct(e)), images, band, outputs, groups, channels


def choose_unit(e: Extents, whole: int, target: int) -> tuple[int, int]:
    """Images and rows of a unit of about ``target`` positions: of the sizes near it, the one that leaves the fewest
    positions, beyond whole tiles, to the narrow micro-kernel."""

    def share_of_rest(positions: int) -> float:
        return positions % whole / positions

    image = e.rows * e.columns
    if 2 * image <= target:
        about = target // image
        most = min(e.batch, about + about // 4)
        sizes = range(most, min(most, about - about // 4) - 1, -1)
        return min(sizes, key=lambda images: share_of_rest(images * image)), e.rows
    about = -(-e.rows // max(1, min(e.rows, round(image / target))))
    if about == e.rows:
        return 1, about
    sizes = range(about + about // 4, about - about // 4 - 1, -1)
    return 1, min(sizes, key=lambda band: share_of_rest(band * e.columns))


def prefers_direct(e: Extents) -> bool:
    """Whether computing positions that do not exist costs less than packing those that do."""
    pitch = e.columns + e.halo
    wasted = ((e.rows - 1) * pitch + e.columns) / (e.rows * e.columns) - 1
    packing = PIECE_COST * -(-e.columns // LANES) / e.columns
    return e.taps == 1 or e.outputs * (wasted + DIRECT_COST) < packing


def choose_tile(registers: Registers, type: Type, rows: int) -> RegisterTile:
    """A tile for a problem of so many rows: of those that fill the registers, the one that wastes fewest rows.

    A quarter of the registers is left for the vectors being multiplied. Tiles of few rows would be limited by loads, so
    they are only for problems of few rows.
    """
    most = 8 if registers.count >= 32 else 4
    (best,) = definite(computed(_tile_rows, most, rows))
    return RegisterTile(best, max(1, min(registers.count * 3 // 4 // best, 6)), registers.lanes(type))


def _tile_rows(most: int, rows: int) -> tuple[int]:
    candidates = range(most, most // 2, -1) if rows > most else (rows,)
    return (min(candidates, key=lambda count: (-(-rows // count) * count, -count)),)


def _images_a_span(gap: int, images: int) -> tuple[int]:
    return (1 if gap >= LANES else images,)


def lower_gather(
    gather: Gather,
    x: Operand,
    w: Operand,
    output_pitch: int,
    channel_pitch: int,
    epilogue: EpilogueCode,
    *,
    by_row: bool = False,
    registers: Registers | None = None,
    label: str,
) -> list[Call]:
    """The calls that compute a gather of x with weights laid out as :func:`pack_weights` describes.

    ``by_row`` makes the epilogue see no vector that crosses from one row of positions into the next.
    """
    if gather.batch == 0:
        return []
    type = gather.type
    tile = choose_tile(registers or host_registers(), type, gather.outputs)
    pack, packed = pack_weights(gather, tile.rows, w, output_pitch, channel_pitch)
    cut = choose_cut(gather, tile)
    taps = len(gather.taps)
    after_epilogue = ARGUMENTS.end + sum(2 if isinstance(item, Operand) else 1 for item in epilogue.arguments)
    patch, tables = patch_arguments(gather, cut.images, cut.band, after_epilogue)
    if cut.direct:
        positions = cut.images * patch["patch_rows"] * patch["patch_pitch"]
    else:
        positions = cut.images * cut.band * gather.columns
    # Images are gone through one by one only if what the last vector of one computes too much stays between them:
    # blocks of channels are added to the results of those before, so that nothing may be written over.
    gap = gather.halo[0] * patch["patch_pitch"] + gather.halo[1]
    (images_a_span,) = computed(_images_a_span, gap, cut.images)
    slack = tile.width + LANES
    result_pitch = (round_up(positions + slack, 64) // 64 | 1) * 64
    item = type.bytes
    table_at = round_up((cut.channels * patch["channel_pitch"] + slack) * item, 64)
    panel_at = round_up(table_at + cut.channels * taps * 8, 64)
    result_at = panel_at if cut.direct else round_up(panel_at + cut.channels * taps * slack * item, 64)
    units = -(-gather.batch // cut.images) * patch["bands"]
    output_tiles = -(-gather.outputs // cut.outputs)
    arguments = ARGUMENTS.values(
        x=x, weights=packed, **patch,
        groups=gather.groups, groups_a_tile=cut.groups, channels=gather.channels, channel_block=cut.channels,
        outputs=gather.outputs, outputs_a_tile=cut.outputs, output_tiles=output_tiles,
        units=units, images_a_span=images_a_span,
        table_at=table_at, panel_at=panel_at, result_at=result_at, result_pitch=result_pitch,
    )  # fmt: skip
    stride = gather.stride[1] if gather.stride[1] <= 2 else 0
    by_row = by_row or (cut.direct and gather.halo[1] > 0)
    code = GatherCode(type, tile, stride, cut.direct, by_row, epilogue)
    call = Call(
        Kernel(code.key, code.emit),
        [*arguments, *epilogue.arguments, *tables],
        -(-gather.groups // cut.groups) * output_tiles * units,
        scratch=result_at + cut.outputs * result_pitch * item,
        reads=(x, packed, *epilogue.reads),
        writes=epilogue.writes,
        flops=gather.flops,
        label=label,
    )
    return [pack, call]


@dataclass(frozen=True)
class GatherCode:
    """The code of the kernel; everything it is specialised on."""

    type: Type
    tile: RegisterTile
    stride: int
    direct: bool
    by_row: bool
    epilogue: EpilogueCode

    @property
    def key(self) -> str:
        how = f"{'direct' if self.direct else 'packed'} {'rows' if self.by_row else 'whole'}"
        return f"convolution_gather {self.type} {self.tile.key} stride{self.stride} {how} [{self.epilogue.key}]"

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Writer:
    """Writes the function, from the loop over groups inwards."""

    def __init__(self, code: GatherCode, b: KernelBuilder) -> None:
        self.code = code
        self.b = b
        self.a: Any = ARGUMENTS.load(b, code.type)
        code.epilogue.begin(b, ARGUMENTS.end)
        self.patch = b.scratch.of(code.type)
        self.table = (b.scratch + self.a.table_at).of(INDEX)
        self.panel = (b.scratch + self.a.panel_at).of(code.type)
        self.result = (b.scratch + self.a.result_at).of(code.type)

    def write(self) -> None:
        b, a = self.b, self.a
        number, rest = b.tile % a.units, b.tile // a.units
        output_tile, group_tile = rest % a.output_tiles, rest // a.output_tiles
        self.unit = unit = unit_of(number, a)
        self.first_output = output_tile * a.outputs_a_tile
        self.outputs = (a.outputs - self.first_output).at_most(a.outputs_a_tile)
        emit_places(b, self.table, a.channel_block, a)
        first_group = group_tile * a.groups_a_tile
        with b.loop(first_group, (first_group + a.groups_a_tile).at_most(a.groups)) as group:
            with b.loop(0, a.channels, a.channel_block) as channel:
                count = (a.channels - channel).at_most(a.channel_block)
                emit_copy(b, self.code.stride, a, self.patch, unit, group * a.channels + channel, count)
                if not self.code.direct:
                    self._multiply(group, channel, count, b.index(0), unit.images * unit.rows * a.columns)
                else:
                    with b.loop(0, unit.images, a.images_a_span) as image:
                        more = (unit.images - image).at_most(a.images_a_span) - 1
                        last_row = more * a.patch_rows + (unit.rows - 1)
                        first = image * a.patch_rows * a.patch_pitch
                        self._multiply(group, channel, count, first, last_row * a.patch_pitch + a.columns)
            self._finish(group)
        b.finish()

    def _multiply(self, group: Value, channel: Value, channels: Value, first_position: Value, positions: Value) -> None:
        """Add the terms of one channel block to the results of the outputs of the tile at ``positions`` consecutive
        positions (of the patch if ``direct``, else of the panels)."""
        b, a, tile, type = self.b, self.a, self.code.tile, self.code.type
        terms, fresh = channels * a.taps, channel.equals(0)
        blocks = (a.outputs + (tile.rows - 1)) // tile.rows
        first_block = group * blocks + self.first_output // tile.rows
        block_pitch = a.channels * a.taps * tile.rows
        weights = a.weights + (first_block * block_pitch + channel * a.taps * tile.rows)
        last_position = first_position + positions
        with b.loop(first_position, last_position, tile.width) as position:
            count = (last_position - position).at_most(tile.width)
            source = self.patch + position if self.code.direct else self.panel
            if not self.code.direct:
                emit_pack(
                    b, self.patch, self.table, self.panel, tile.width, a,
                    terms=terms, first=position, count=count, rows=self.unit.rows,
                )  # fmt: skip
            for wide in b.either(count > (tile.vectors - 1) * tile.lanes):
                part_tile = tile if wide else RegisterTile(tile.rows, 1, tile.lanes)
                multiply = multiply_function(
                    b.module, type, part_tile, panel=tile.rows, places=self.code.direct, pitched=True
                )
                with b.loop(0, self.outputs, tile.rows) as output, b.loop(0, count, part_tile.width) as part:
                    multiply(
                        b,
                        left=weights + output // tile.rows * block_pitch,
                        right=source + part,
                        right_k=tile.width + LANES,
                        places=self.table,
                        k=terms,
                        results=self.result + (position + part + output * a.result_pitch),
                        results_row=a.result_pitch,
                        first=fresh,
                    )

    def _finish(self, group: Value) -> None:
        """Hand the results to the epilogue, one run of consecutive positions after the other."""
        b, a, unit = self.b, self.a, self.unit
        first_channel = group * a.outputs + self.first_output
        if self.code.direct:
            row_pitch, image_pitch = a.patch_pitch, a.patch_rows * a.patch_pitch
        else:
            row_pitch, image_pitch = a.columns, unit.rows * a.columns
        runs, length = (unit.rows, a.columns) if self.code.by_row else (1, unit.rows * a.columns)
        with b.loop(0, self.outputs) as output, b.loop(0, unit.images) as image, b.loop(0, runs) as run:
            source: Pointer = self.result + (output * a.result_pitch + image * image_pitch + run * row_pitch)
            position = (unit.first_row + run) * a.columns
            whole_image, channel = unit.first_image + image, first_channel + output
            for chunk, mask in b.vectors(0, length):
                value = (source + chunk).load(LANES)
                self.code.epilogue.emit(value, [whole_image], channel, position + chunk, mask)


# --- weights as the micro-kernel wants them: those of one term and several outputs side by side ----------------------

PACK_ARGUMENTS = Arguments(
    "&weights &packed outputs blocks channels taps group_pitch output_pitch channel_pitch tap_table"
)


def pack_weights(gather: Gather, rows: int, w: Operand, output_pitch: int, channel_pitch: int) -> tuple[Call, Operand]:
    """A call that fills ``packed[group][block of rows outputs][channel, tap][row]``, and that operand.

    ``output_pitch`` and ``channel_pitch`` are the distances in w of neighbouring outputs and channels of the gather.
    Rows behind the last output are zero.
    """
    blocks = -(-gather.outputs // rows)
    terms = gather.channels * len(gather.taps)
    packed = Operand(gather.groups * blocks * terms * rows * gather.type.bytes, "packed weights")
    arguments = PACK_ARGUMENTS.values(
        weights=w, packed=packed, outputs=gather.outputs, blocks=blocks, channels=gather.channels, taps=len(gather.taps),
        group_pitch=max(gather.outputs * output_pitch, gather.channels * channel_pitch),
        output_pitch=output_pitch, channel_pitch=channel_pitch, tap_table=PACK_ARGUMENTS.end,
    )  # fmt: skip
    type = gather.type
    kernel = Kernel(
        f"convolution_pack_weights {type} {rows}", lambda module, name: _emit_pack_weights(module, name, type, rows)
    )
    arguments += [tap.weight for tap in gather.taps]
    tiles = gather.groups * blocks
    return Call(kernel, arguments, tiles, reads=(w,), writes=(packed,), label="pack weights"), packed


def _emit_pack_weights(module: Module, name: str, type: Type, rows: int) -> None:
    b = KernelBuilder(module, name)
    a = PACK_ARGUMENTS.load(b, type)
    group, block = b.tile // a.blocks, b.tile % a.blocks
    target = a.packed + b.tile * (a.channels * a.taps) * rows
    source = a.weights + group * a.group_pitch
    with b.loop(0, rows) as row:
        output = block * rows + row
        exists = output < a.outputs
        with b.loop(0, a.channels) as channel:
            place = output * a.output_pitch + channel * a.channel_pitch
            line = target + (channel * a.taps * rows + row)
            with b.loop(0, a.taps) as tap:
                # A row without an output reads weight 0 instead, and drops it.
                value = source[where(exists, place + b.arguments[a.tap_table + tap], 0)]
                line[tap * rows] = where(exists, value, 0.0)
    b.finish()
