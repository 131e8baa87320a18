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
from typing import Any

from ...kernels.kernel import Call, Operand
from ...kernels.symbols import computed
from ..arguments import Arguments
from ..ir import Kernel, KernelBuilder, Module
from ..values import LANES, Pointer, Type, Value
from .patch import PATCH_ARGUMENTS, patch_arguments, round_up
from .problem import Gather

TILE_ARGUMENTS = (
    PATCH_ARGUMENTS
    + " groups groups_a_tile channels channels_a_tile channel_tiles outputs outputs_a_tile output_tiles "
    "units units_a_part sum_pitch"
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

    def tiles(self, groups: int) -> int:
        """How many tiles there are for so many groups."""
        return self.parts * -(-groups // self.groups) * self.output_tiles * self.channel_tiles


def choose_cut(gather: Gather) -> Cut:
    g = gather
    return Cut(*computed(_cut_sums, g.batch, g.groups, g.channels, g.outputs, g.rows, g.columns, len(g.taps)))


def _cut_sums(
    batch: int, groups: int, channels: int, outputs: int, rows: int, columns: int, taps: int
) -> tuple[int, ...]:
    """The fields of :class:`Cut`, in their order."""
    channel_tiles = -(-channels // max(1, TERMS_A_TILE // taps))
    channels_a_tile = -(-channels // channel_tiles)
    outputs_a_tile = min(round_up(outputs, LANES), OUTPUTS_A_TILE)
    output_tiles = -(-outputs // outputs_a_tile)
    positions = rows * columns
    images = max(1, min(batch, POSITIONS_A_UNIT // positions))
    band = -(-rows // max(1, min(rows, round(positions / POSITIONS_A_UNIT))))
    bands = -(-rows // band)
    units = -(-batch // images) * bands
    flops = 2 * outputs * channels * taps * images * band * columns
    groups_a_tile = max(1, min(groups, FLOPS_A_TILE // flops))
    tiles = -(-groups // groups_a_tile) * output_tiles * channel_tiles
    units_a_part = -(-units // min(units, -(-ENOUGH_TILES // tiles)))
    return (
        images, band, bands, units, units_a_part, -(-units // units_a_part), channels_a_tile, channel_tiles,
        outputs_a_tile, output_tiles, groups_a_tile, round_up(channels_a_tile * taps, LANES),
    )  # fmt: skip


def tile_arguments(gather: Gather, cut: Cut, table: int) -> tuple[dict[str, int], list[int]]:
    """The values of ``TILE_ARGUMENTS``, and the tables, which start at argument ``table``."""
    patch, tables = patch_arguments(gather, cut.images, cut.band, table)
    more = {
        "groups": gather.groups,
        "groups_a_tile": cut.groups,
        "channels": gather.channels,
        "channels_a_tile": cut.channels,
        "channel_tiles": cut.channel_tiles,
        "outputs": gather.outputs,
        "outputs_a_tile": cut.outputs,
        "output_tiles": cut.output_tiles,
        "units": cut.units,
        "units_a_part": cut.units_a_part,
        "sum_pitch": cut.sum_pitch,
    }
    return {**patch, **more}, tables


class TilePlace:
    """What a tile adds up, from its number: a part of the units, for some groups, outputs and channels."""

    def __init__(self, b: KernelBuilder, a: Any) -> None:
        self._a = a
        self.channel_tile, rest = b.tile % a.channel_tiles, b.tile // a.channel_tiles
        self.output_tile, rest = rest % a.output_tiles, rest // a.output_tiles
        group_tiles = (a.groups + (a.groups_a_tile - 1)) // a.groups_a_tile
        group_tile, self.part = rest % group_tiles, rest // group_tiles
        self.first_group = group_tile * a.groups_a_tile
        self.last_group = (self.first_group + a.groups_a_tile).at_most(a.groups)
        self.first_output = self.output_tile * a.outputs_a_tile
        self.outputs = (a.outputs - self.first_output).at_most(a.outputs_a_tile)
        self.first_channel = self.channel_tile * a.channels_a_tile
        self.channels = (a.channels - self.first_channel).at_most(a.channels_a_tile)
        self.first_unit = self.part * a.units_a_part
        self.last_unit = (self.first_unit + a.units_a_part).at_most(a.units)

    def channel(self, group: Value) -> Value:
        """The number of the tile's first channel of a group."""
        return group * self._a.channels + self.first_channel

    def sums(self, group: Value) -> Pointer:
        """Where the sums of a group go: ``[part][group][output tile][channel tile][output][sum_pitch]``."""
        a = self._a
        block = (self.part * a.groups + group) * a.output_tiles + self.output_tile
        block = block * a.channel_tiles + self.channel_tile
        sums: Pointer = a.sums + block * (a.outputs_a_tile * a.sum_pitch)
        return sums


COMBINE_ARGUMENTS = Arguments(
    "&sums &grad_w parts part_pitch output_tiles channel_tiles channels channels_a_tile outputs outputs_a_tile taps sum_pitch"
)


def lower_combine(gather: Gather, cut: Cut, sums: Operand, grad_w: Operand) -> Call:
    """Add the parts in order into ``grad_w [groups, outputs, channels, taps]``."""
    tiles = gather.groups * cut.output_tiles * cut.channel_tiles
    arguments = COMBINE_ARGUMENTS.values(
        sums=sums, grad_w=grad_w, parts=cut.parts, part_pitch=tiles * cut.outputs * cut.sum_pitch,
        output_tiles=cut.output_tiles, channel_tiles=cut.channel_tiles,
        channels=gather.channels, channels_a_tile=cut.channels, outputs=gather.outputs, outputs_a_tile=cut.outputs,
        taps=len(gather.taps), sum_pitch=cut.sum_pitch,
    )  # fmt: skip
    type = gather.type
    kernel = Kernel(
        f"convolution_combine_weight_gradient {type}", lambda module, name: _emit_combine(module, name, type)
    )
    return Call(kernel, arguments, tiles, reads=(sums,), writes=(grad_w,), label="combine weight gradient")


def _emit_combine(module: Module, name: str, type: Type) -> None:
    b = KernelBuilder(module, name)
    a = COMBINE_ARGUMENTS.load(b, type)
    channel_tile, rest = b.tile % a.channel_tiles, b.tile // a.channel_tiles
    output_tile, group = rest % a.output_tiles, rest // a.output_tiles
    first_output, first_channel = output_tile * a.outputs_a_tile, channel_tile * a.channels_a_tile
    outputs = (a.outputs - first_output).at_most(a.outputs_a_tile)
    terms = (a.channels - first_channel).at_most(a.channels_a_tile) * a.taps
    source = a.sums + b.tile * (a.outputs_a_tile * a.sum_pitch)
    with b.loop(0, outputs) as output:
        weight = group * a.outputs + (first_output + output)
        target = a.grad_w + (weight * a.channels + first_channel) * a.taps
        row = source + output * a.sum_pitch
        for term, mask in b.vectors(0, terms):
            first = row + term  # what lies behind the terms may be read
            total = b.variable(first.load(LANES))
            with b.loop(1, a.parts) as part:
                total.value = total.value + (first + part * a.part_pitch).load(LANES)
            (target + term).store(total.value, mask)
    b.finish()
