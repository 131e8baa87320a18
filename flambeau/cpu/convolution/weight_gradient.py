"""The gradient with respect to the weights: for every (output, channel, tap), a dot product over all positions.

Units of positions (bands of rows of an image, or several small images) are shared out to *parts*, by shape alone. A
tile of work adds up one part for a range of outputs and channels; the parts are then added in order. Within a part the
order is fixed too. Each unit is summed from zero and added to those before it: with many outputs, in one chain of fused
multiply-adds over its positions (:mod:`.outer_sum`, vectors along the outputs; a unit that is packed, in pieces of at
most 256 positions); with few, in sixteen lanes, which are added pairwise at the part's end (:mod:`.lane_sum`, vectors
along rows).
"""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.kernel import Call, Operand
from ..ir import LANES, Builder, Module
from ..kernel import Kernel
from ..vectors import lanes_below, load_vector, store_vector
from .arguments import Layout
from .patch import PATCH_ARGUMENTS, emit_copy, patch_arguments, phase_table, round_up
from .problem import Gather

TILE_ARGUMENTS = (
    *PATCH_ARGUMENTS,
    "batch",
    "groups",
    "groups_a_tile",
    "channels",
    "channels_a_tile",
    "channel_tiles",
    "outputs",
    "outputs_a_tile",
    "output_tiles",
    "rows",
    "columns",
    "units",
    "units_a_part",
    "bands",
    "band",
    "images",
    "taps",
    "tap_table",
    "sum_pitch",
)
"""Integers that both kernels take."""

TERMS_A_TILE = 512
OUTPUTS_A_TILE = 256
POSITIONS_A_UNIT = 512
ENOUGH_TILES = 16
FLOPS_A_TILE = 1 << 18


@dataclass(frozen=True)
class Cut:
    """How the work is cut. Everything here follows from the logical shape, because parts decide the bits.

    ``sums`` of a tile are laid out ``[outputs_a_tile][sum_pitch]``, of which each row begins with its (channel, tap).
    """

    images: int
    band: int
    bands: int
    units: int
    units_a_part: int
    parts: int
    channels: int
    channel_tiles: int
    outputs: int
    output_tiles: int
    groups: int
    sum_pitch: int


def choose_cut(gather: Gather) -> Cut:
    taps = len(gather.taps)
    channel_tiles = -(-gather.channels // max(1, TERMS_A_TILE // taps))
    channels = -(-gather.channels // channel_tiles)
    outputs = min(round_up(gather.outputs, LANES), OUTPUTS_A_TILE)
    output_tiles = -(-gather.outputs // outputs)
    positions = gather.rows * gather.columns
    images = max(1, min(gather.batch, POSITIONS_A_UNIT // positions))
    band = -(-gather.rows // max(1, min(gather.rows, round(positions / POSITIONS_A_UNIT))))
    bands = -(-gather.rows // band)
    units = -(-gather.batch // images) * bands
    flops = 2 * gather.outputs * gather.channels * taps * images * band * gather.columns
    groups = max(1, min(gather.groups, FLOPS_A_TILE // flops))
    tiles = -(-gather.groups // groups) * output_tiles * channel_tiles
    units_a_part = -(-units // min(units, -(-ENOUGH_TILES // tiles)))
    return Cut(
        images=images,
        band=band,
        bands=bands,
        units=units,
        units_a_part=units_a_part,
        parts=-(-units // units_a_part),
        channels=channels,
        channel_tiles=channel_tiles,
        outputs=outputs,
        output_tiles=output_tiles,
        groups=groups,
        sum_pitch=round_up(channels * taps, LANES),
    )


def tile_arguments(gather: Gather, cut: Cut, end: int) -> tuple[dict[str, int], list[int]]:
    """The values of ``TILE_ARGUMENTS``, and the tables to append behind the ``end`` arguments of fixed place."""
    taps = len(gather.taps)
    patch = patch_arguments(gather, cut.images, cut.band, end + taps)
    offsets = gather.tap_offsets(patch["phase_pitch"], patch["patch_pitch"])
    values = {
        **patch,
        "batch": gather.batch,
        "groups": gather.groups,
        "groups_a_tile": cut.groups,
        "channels": gather.channels,
        "channels_a_tile": cut.channels,
        "channel_tiles": cut.channel_tiles,
        "outputs": gather.outputs,
        "outputs_a_tile": cut.outputs,
        "output_tiles": cut.output_tiles,
        "rows": gather.rows,
        "columns": gather.columns,
        "units": cut.units,
        "units_a_part": cut.units_a_part,
        "bands": cut.bands,
        "band": cut.band,
        "images": cut.images,
        "taps": taps,
        "tap_table": end,
        "sum_pitch": cut.sum_pitch,
    }
    return values, [*offsets, *phase_table(gather)]


@dataclass(frozen=True)
class TilePlace:
    """Values a kernel derives from the number of its tile."""

    part: str
    first_group: str
    last_group: str
    first_output: str
    outputs: str
    first_channel: str
    channels: str
    first_unit: str
    last_unit: str


def emit_tile_place(b: Builder, a: dict[str, str]) -> TilePlace:
    channel_tile, rest = b.remainder("%tile", a["channel_tiles"]), b.divide("%tile", a["channel_tiles"])
    output_tile, rest = b.remainder(rest, a["output_tiles"]), b.divide(rest, a["output_tiles"])
    group_tiles = b.divide(b.add(a["groups"], b.sub(a["groups_a_tile"], "1")), a["groups_a_tile"])
    group_tile, part = b.remainder(rest, group_tiles), b.divide(rest, group_tiles)
    first_group = b.mul(group_tile, a["groups_a_tile"])
    first_output = b.mul(output_tile, a["outputs_a_tile"])
    first_channel = b.mul(channel_tile, a["channels_a_tile"])
    first_unit = b.mul(part, a["units_a_part"])
    return TilePlace(
        part=part,
        first_group=first_group,
        last_group=b.minimum(b.add(first_group, a["groups_a_tile"]), a["groups"]),
        first_output=first_output,
        outputs=b.minimum(a["outputs_a_tile"], b.sub(a["outputs"], first_output)),
        first_channel=first_channel,
        channels=b.minimum(a["channels_a_tile"], b.sub(a["channels"], first_channel)),
        first_unit=first_unit,
        last_unit=b.minimum(b.add(first_unit, a["units_a_part"]), a["units"]),
    )


def emit_unit(
    b: Builder, dtype: str, stride: int, a: dict[str, str], place: TilePlace, group: str, unit: str
) -> tuple[str, str, str, str]:
    """Copy what a unit of work reads of ``x`` into the scratch memory; its first image, images, first row and rows."""
    first_image = b.mul(b.divide(unit, a["bands"]), a["images"])
    first_row = b.mul(b.remainder(unit, a["bands"]), a["band"])
    images = b.minimum(a["images"], b.sub(a["batch"], first_image))
    rows = b.minimum(a["band"], b.sub(a["rows"], first_row))
    emit_copy(
        b, dtype, stride, a, a["x"], "%scratch",
        first_image=first_image,
        images=images,
        first_channel=b.add(b.mul(group, a["channels"]), place.first_channel),
        channels=place.channels,
        first_row=first_row,
        rows=rows,
    )  # fmt: skip
    return first_image, images, first_row, rows


def emit_sums_address(b: Builder, dtype: str, a: dict[str, str], place: TilePlace, group: str) -> str:
    """Where the sums of a tile's group go: ``[part][group][output tile][channel tile][output][sum_pitch]``."""
    block = b.add(b.mul(place.part, a["groups"]), group)
    block = b.add(b.mul(block, a["output_tiles"]), b.divide(place.first_output, a["outputs_a_tile"]))
    block = b.add(b.mul(block, a["channel_tiles"]), b.divide(place.first_channel, a["channels_a_tile"]))
    return b.offset(dtype, a["sums"], b.mul(block, b.mul(a["outputs_a_tile"], a["sum_pitch"])))


COMBINE_LAYOUT = Layout(
    ("sums", "grad_w"),
    (
        "parts",
        "part_pitch",
        "output_tiles",
        "channel_tiles",
        "channels",
        "channels_a_tile",
        "outputs",
        "outputs_a_tile",
        "taps",
        "sum_pitch",
    ),
)


def lower_combine(gather: Gather, cut: Cut, sums: Operand, grad_w: Operand) -> Call:
    """Add the parts in order into ``grad_w [groups, outputs, channels, taps]``."""
    tiles = gather.groups * cut.output_tiles * cut.channel_tiles
    arguments = COMBINE_LAYOUT.pack(
        {
            "sums": sums,
            "grad_w": grad_w,
            "parts": cut.parts,
            "part_pitch": tiles * cut.outputs * cut.sum_pitch,
            "output_tiles": cut.output_tiles,
            "channel_tiles": cut.channel_tiles,
            "channels": gather.channels,
            "channels_a_tile": cut.channels,
            "outputs": gather.outputs,
            "outputs_a_tile": cut.outputs,
            "taps": len(gather.taps),
            "sum_pitch": cut.sum_pitch,
        }
    )
    kernel = Kernel(
        f"convolution_combine_weight_gradient {gather.dtype}",
        lambda module, name: _emit_combine(module, name, gather.dtype),
    )
    return Call(kernel, arguments, tiles, reads=(sums,), writes=(grad_w,), label="combine weight gradient")


def _emit_combine(module: Module, name: str, dtype: str) -> None:
    b = Builder(module, name)
    a = COMBINE_LAYOUT.load(b)
    channel_tile, rest = b.remainder("%tile", a["channel_tiles"]), b.divide("%tile", a["channel_tiles"])
    output_tile, group = b.remainder(rest, a["output_tiles"]), b.divide(rest, a["output_tiles"])
    first_output, first_channel = b.mul(output_tile, a["outputs_a_tile"]), b.mul(channel_tile, a["channels_a_tile"])
    outputs = b.minimum(a["outputs_a_tile"], b.sub(a["outputs"], first_output))
    terms = b.mul(b.minimum(a["channels_a_tile"], b.sub(a["channels"], first_channel)), a["taps"])
    source = b.offset(dtype, a["sums"], b.mul("%tile", b.mul(a["outputs_a_tile"], a["sum_pitch"])))
    with b.loop("0", outputs) as output:
        row = b.offset(dtype, source, b.mul(output, a["sum_pitch"]))
        weight = b.add(b.mul(group, a["outputs"]), b.add(first_output, output))
        weight = b.mul(b.add(b.mul(weight, a["channels"]), first_channel), a["taps"])
        target = b.offset(dtype, a["grad_w"], weight)
        with b.loop("0", terms, str(LANES)) as term:
            first = b.offset(dtype, row, term)
            whole = f"<{LANES} x {dtype}>"
            total = b.variable(whole, load_vector(b, dtype, first))
            with b.loop("1", a["parts"]) as part:
                more = load_vector(b, dtype, b.offset(dtype, first, b.mul(part, a["part_pitch"])))
                b.store(whole, b.op(f"fadd {whole} {b.load(whole, total)}, {more}"), total)
            left = b.sub(terms, term)
            full, tail, done = b.label("full"), b.label("tail"), b.label("stored")
            b.branch(b.op(f"icmp sge i64 {left}, {LANES}"), full, tail)
            b.place(full)
            store_vector(b, dtype, b.load(whole, total), b.offset(dtype, target, term))
            b.jump(done)
            b.place(tail)
            store_vector(b, dtype, b.load(whole, total), b.offset(dtype, target, term), lanes_below(b, left))
            b.jump(done)
            b.place(done)
    b.finish()
