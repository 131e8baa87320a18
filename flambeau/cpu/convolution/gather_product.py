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

import functools
from dataclasses import dataclass

from ...kernels.kernel import Call, Operand
from ..ir import LANES, Builder, Module
from ..kernel import Kernel
from ..vectors import lanes_below, load_vector
from .arguments import Layout
from .epilogue import Epilogue
from .micro_kernel import product_micro_kernel
from .patch import PATCH_ARGUMENTS, emit_copy, emit_offsets, emit_pack, patch_arguments, phase_table, round_up
from .problem import Gather
from .tile import Registers, RegisterTile, choose_tile, host_registers
from .weights import pack_weights

LAYOUT = Layout(
    ("x", "weights"),
    (
        *PATCH_ARGUMENTS,
        "batch",
        "groups",
        "groups_a_tile",
        "channels",
        "channel_block",
        "outputs",
        "outputs_a_tile",
        "output_tiles",
        "rows",
        "columns",
        "units",
        "bands",
        "band",
        "images",
        "images_a_span",
        "taps",
        "tap_table",
        "table_at",
        "panel_at",
        "result_at",
        "result_pitch",
    ),
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


def choose_cut(gather: Gather, tile: RegisterTile) -> Cut:
    """Results of a tile and the panel of a block should stay in the caches; there should be tiles for every core."""
    terms = gather.channels * len(gather.taps)
    channels = max(1, min(gather.channels, TERMS_A_BLOCK // len(gather.taps)))
    outputs = round_up(min(gather.outputs, OUTPUTS_A_TILE), tile.rows)
    target = max(256, min(1024, RESULTS_A_TILE // outputs))
    while True:
        images, band = choose_unit(gather, tile, target)
        units = -(-gather.batch // images) * -(-gather.rows // band)
        if units * -(-gather.outputs // outputs) * gather.groups >= ENOUGH_TILES:
            break
        if target > 128 and (images > 1 or band > 1):
            target //= 2
        elif outputs > 4 * tile.rows:
            outputs = round_up(outputs // 2, tile.rows)
        else:
            break
    flops = 2 * gather.outputs * terms * images * band * gather.columns
    groups = max(1, min(gather.groups, FLOPS_A_TILE // flops))
    return Cut(prefers_direct(gather), images, band, outputs, groups, channels)


def choose_unit(gather: Gather, tile: RegisterTile, target: int) -> tuple[int, int]:
    """Images and rows of a unit of about ``target`` positions: of the sizes near it, the one that leaves the fewest
    positions to the narrow micro-kernel."""
    whole = tile.vectors * tile.lanes

    def share_of_rest(positions: int) -> float:
        return positions % whole / positions

    image = gather.rows * gather.columns
    if 2 * image <= target:
        about = target // image
        most = min(gather.batch, about + about // 4)
        sizes = range(most, min(most, about - about // 4) - 1, -1)
        return min(sizes, key=lambda images: share_of_rest(images * image)), gather.rows
    about = -(-gather.rows // max(1, min(gather.rows, round(image / target))))
    if about == gather.rows:
        return 1, about
    sizes = range(about + about // 4, about - about // 4 - 1, -1)
    return 1, min(sizes, key=lambda band: share_of_rest(band * gather.columns))


def prefers_direct(gather: Gather) -> bool:
    """Whether computing positions that do not exist costs less than packing those that do."""
    pitch = gather.columns + gather.halo[1]
    positions = gather.rows * gather.columns
    wasted = ((gather.rows - 1) * pitch + gather.columns) / positions - 1
    packing = PIECE_COST * -(-gather.columns // LANES) / gather.columns
    return len(gather.taps) == 1 or gather.outputs * (wasted + DIRECT_COST) < packing


def lower_gather(
    gather: Gather,
    x: Operand,
    w: Operand,
    output_pitch: int,
    channel_pitch: int,
    epilogue: Epilogue,
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
    tile = choose_tile(registers or host_registers(), gather.item_bytes, gather.outputs)
    pack, packed = pack_weights(gather, tile.rows, w, output_pitch, channel_pitch)
    cut = choose_cut(gather, tile)
    taps = len(gather.taps)
    after_epilogue = LAYOUT.end + sum(2 if isinstance(item, Operand) else 1 for item in epilogue.arguments)
    patch = patch_arguments(gather, cut.images, cut.band, after_epilogue + taps)
    if cut.direct:
        positions = cut.images * patch["patch_rows"] * patch["patch_pitch"]
    else:
        positions = cut.images * cut.band * gather.columns
    # Images are gone through one by one only if what the last vector of one computes too much stays between them:
    # blocks of channels are added to the results of those before, so that nothing may be written over.
    gap = gather.halo[0] * patch["patch_pitch"] + gather.halo[1]
    panel_positions = tile.vectors * tile.lanes
    slack = panel_positions + LANES
    result_pitch = (round_up(positions + slack, 64) // 64 | 1) * 64
    item = gather.item_bytes
    table_at = round_up((cut.channels * patch["channel_pitch"] + slack) * item, 64)
    panel_at = round_up(table_at + cut.channels * taps * 8, 64)
    result_at = panel_at
    if not cut.direct:
        result_at = round_up(panel_at + cut.channels * taps * slack * item, 64)
    bands = -(-gather.rows // cut.band)
    units = -(-gather.batch // cut.images) * bands
    output_tiles = -(-gather.outputs // cut.outputs)
    values: dict[str, int | Operand] = {
        "x": x,
        "weights": packed,
        **patch,
        "batch": gather.batch,
        "groups": gather.groups,
        "groups_a_tile": cut.groups,
        "channels": gather.channels,
        "channel_block": cut.channels,
        "outputs": gather.outputs,
        "outputs_a_tile": cut.outputs,
        "output_tiles": output_tiles,
        "rows": gather.rows,
        "columns": gather.columns,
        "units": units,
        "bands": bands,
        "band": cut.band,
        "images": cut.images,
        "images_a_span": 1 if gap >= LANES else cut.images,
        "taps": taps,
        "tap_table": after_epilogue,
        "table_at": table_at,
        "panel_at": panel_at,
        "result_at": result_at,
        "result_pitch": result_pitch,
    }
    offsets = gather.tap_offsets(patch["phase_pitch"], patch["patch_pitch"])
    arguments = [*LAYOUT.pack(values), *epilogue.arguments, *offsets, *phase_table(gather)]
    stride = gather.stride[1] if gather.stride[1] <= 2 else 0
    by_row = by_row or (cut.direct and gather.halo[1] > 0)
    kernel = GatherKernel(gather.dtype, tile, stride, cut.direct, by_row, epilogue)
    call = Call(
        Kernel(kernel.key, kernel.emit),
        arguments,
        -(-gather.groups // cut.groups) * output_tiles * units,
        scratch=result_at + cut.outputs * result_pitch * item,
        reads=(x, packed, *epilogue.reads),
        writes=epilogue.writes,
        flops=gather.flops,
        label=label,
    )
    return [pack, call]


@dataclass(frozen=True)
class GatherKernel:
    """The code of the kernel; everything it is specialised on."""

    dtype: str
    tile: RegisterTile
    stride: int
    direct: bool
    by_row: bool
    epilogue: Epilogue

    @property
    def key(self) -> str:
        how = f"{'direct' if self.direct else 'packed'} {'rows' if self.by_row else 'whole'}"
        return f"convolution_gather {self.dtype} {self.tile.key} stride{self.stride} {how} [{self.epilogue.key}]"

    def emit(self, module: Module, name: str) -> None:
        b = Builder(module, name)
        a = LAYOUT.load(b)
        self.epilogue.begin(b, LAYOUT.end)
        at = {part: b.offset("i8", "%scratch", a[f"{part}_at"]) for part in ("table", "panel", "result")}
        unit, rest = b.remainder("%tile", a["units"]), b.divide("%tile", a["units"])
        output_tile, group_tile = b.remainder(rest, a["output_tiles"]), b.divide(rest, a["output_tiles"])
        first_image = b.mul(b.divide(unit, a["bands"]), a["images"])
        first_row = b.mul(b.remainder(unit, a["bands"]), a["band"])
        first_output = b.mul(output_tile, a["outputs_a_tile"])
        images = b.minimum(a["images"], b.sub(a["batch"], first_image))
        rows = b.minimum(a["band"], b.sub(a["rows"], first_row))
        outputs = b.minimum(a["outputs_a_tile"], b.sub(a["outputs"], first_output))
        emit_offsets(b, at["table"], a["channel_block"], a)
        first_group = b.mul(group_tile, a["groups_a_tile"])
        last_group = b.minimum(b.add(first_group, a["groups_a_tile"]), a["groups"])
        with b.loop(first_group, last_group) as group:
            with b.loop("0", a["channels"], a["channel_block"]) as channel:
                count = b.minimum(a["channel_block"], b.sub(a["channels"], channel))
                emit_copy(
                    b, self.dtype, self.stride, a, a["x"], "%scratch",
                    first_image=first_image,
                    images=images,
                    first_channel=b.add(b.mul(group, a["channels"]), channel),
                    channels=count,
                    first_row=first_row,
                    rows=rows,
                )  # fmt: skip
                multiply = functools.partial(
                    self._multiply, b, a, at, group, first_output, outputs, channel, count, rows
                )
                if not self.direct:
                    multiply("0", b.mul(b.mul(images, rows), a["columns"]))
                else:
                    with b.loop("0", images, a["images_a_span"]) as image:
                        more = b.sub(b.minimum(a["images_a_span"], b.sub(images, image)), "1")
                        last_row = b.add(b.mul(more, a["patch_rows"]), b.sub(rows, "1"))
                        first = b.mul(b.mul(image, a["patch_rows"]), a["patch_pitch"])
                        multiply(first, b.add(b.mul(last_row, a["patch_pitch"]), a["columns"]))
            self._finish(b, a, at["result"], group, first_output, outputs, first_image, images, first_row, rows)
        b.finish()

    def _multiply(
        self,
        b: Builder,
        a: dict[str, str],
        at: dict[str, str],
        group: str,
        first_output: str,
        outputs: str,
        channel: str,
        channels: str,
        rows: str,
        first_position: str,
        positions: str,
    ) -> None:
        """Add the terms of one channel block to the results of the outputs of the tile at ``positions`` consecutive
        positions (of the patch if ``direct``, else of the panels)."""
        tile, dtype = self.tile, self.dtype
        terms = b.mul(channels, a["taps"])
        fresh = b.op(f"icmp eq i64 {channel}, 0")
        blocks = b.divide(b.add(a["outputs"], str(tile.rows - 1)), str(tile.rows))
        first_block = b.add(b.mul(group, blocks), b.divide(first_output, str(tile.rows)))
        block_pitch = b.mul(b.mul(a["channels"], a["taps"]), str(tile.rows))
        weights = b.offset(dtype, a["weights"], b.mul(first_block, block_pitch))
        weights = b.offset(dtype, weights, b.mul(b.mul(channel, a["taps"]), str(tile.rows)))
        whole = tile.vectors * tile.lanes
        panel_pitch = str(whole + LANES)
        last_position = b.add(first_position, positions)
        with b.loop(first_position, last_position, str(whole)) as position:
            count = b.minimum(str(whole), b.sub(last_position, position))
            if self.direct:
                source = b.offset(dtype, "%scratch", position)
            else:
                source = at["panel"]
                emit_pack(
                    b, dtype, "%scratch", at["table"], source, whole, a,
                    terms=terms, first=position, count=count, rows=rows,
                )  # fmt: skip
            result = b.offset(dtype, at["result"], position)
            wide = b.op(f"icmp sgt i64 {count}, {(tile.vectors - 1) * tile.lanes}")
            for vectors, condition in ((tile.vectors, wide), (1, b.op(f"xor i1 {wide}, true"))):
                callee = product_micro_kernel(
                    b.module, dtype, RegisterTile(tile.rows, vectors, tile.lanes), self.direct
                )
                with (
                    b.when(condition),
                    b.loop("0", outputs, str(tile.rows)) as output,
                    b.loop("0", count, str(vectors * tile.lanes)) as part,
                ):
                    block = b.offset(dtype, weights, b.mul(b.divide(output, str(tile.rows)), block_pitch))
                    target = b.offset(dtype, b.offset(dtype, result, part), b.mul(output, a["result_pitch"]))
                    b.do(
                        f"call void {callee}(ptr {block}, ptr {b.offset(dtype, source, part)}, ptr {at['table']}, "
                        f"i64 {panel_pitch}, ptr {target}, i64 {a['result_pitch']}, i64 {terms}, i1 {fresh})"
                    )

    def _finish(
        self,
        b: Builder,
        a: dict[str, str],
        result: str,
        group: str,
        first_output: str,
        outputs: str,
        first_image: str,
        images: str,
        first_row: str,
        rows: str,
    ) -> None:
        """Hand the results to the epilogue, one run of consecutive positions after the other."""
        first_channel = b.add(b.mul(group, a["outputs"]), first_output)
        if self.direct:
            row_pitch, image_pitch = a["patch_pitch"], b.mul(a["patch_rows"], a["patch_pitch"])
        else:
            row_pitch, image_pitch = a["columns"], b.mul(rows, a["columns"])
        runs = rows if self.by_row else "1"
        length = a["columns"] if self.by_row else b.mul(rows, a["columns"])
        with b.loop("0", outputs) as output, b.loop("0", images) as image, b.loop("0", runs) as run:
            row = b.add(b.mul(image, image_pitch), b.mul(run, row_pitch))
            source = b.offset(self.dtype, result, b.add(b.mul(output, a["result_pitch"]), row))
            position = b.mul(b.add(first_row, run), a["columns"])
            whole = b.op(f"and i64 {length}, {-LANES}")
            place = (b.add(first_image, image), b.add(first_channel, output))
            with b.loop("0", whole, str(LANES)) as chunk:
                value = load_vector(b, self.dtype, b.offset(self.dtype, source, chunk))
                self.epilogue.emit(b, value, LANES, *place, b.add(position, chunk), None)
            with b.when(b.op(f"icmp slt i64 {whole}, {length}")):
                value = load_vector(b, self.dtype, b.offset(self.dtype, source, whole))
                mask = lanes_below(b, b.sub(length, whole))
                self.epilogue.emit(b, value, LANES, *place, b.add(position, whole), mask)
