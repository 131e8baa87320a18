"""Copying a part of the input into scratch: padded, and with strides taken out.

The copy ("patch") is ``[channel][phase][image][row][column]``; in it every tap of every output position is a constant
distance from the position's own place, whatever the padding, stride and dilation. See :mod:`.problem` for phases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..ir import KernelBuilder
from ..values import INDEX, LANES, Pointer, Value, where
from .problem import Gather

PATCH_ARGUMENTS = (
    "channels_total height width stride_row stride_column phases low_row low_column halo_rows patch_rows patch_pitch "
    "phase_pitch channel_pitch phase_table batch rows columns bands band images taps tap_table"
)
"""Integers that describe units of work and what of the input they need; ``phase_table`` and ``tap_table`` are the arguments
where the tables of (row phase, column phase) pairs and of the taps' places within a channel start."""


def round_up(count: int, step: int) -> int:
    return -(-count // step) * step


def patch_arguments(gather: Gather, images: int, band: int, table: int) -> tuple[dict[str, int], list[int]]:
    """The values of ``PATCH_ARGUMENTS`` for units of so many images and rows of output positions, and the tables, which
    start at argument ``table``."""
    patch_rows, pitch = band + gather.halo[0], gather.columns + gather.halo[1]
    phase_pitch = images * patch_rows * pitch
    # An odd number of cache lines, so that one position's channels do not all fall into the same cache set.
    line = 64 // gather.type.bytes
    taps = gather.tap_offsets(phase_pitch, pitch)
    values = {
        "channels_total": gather.channels * gather.groups,
        "height": gather.height,
        "width": gather.width,
        "stride_row": gather.stride[0],
        "stride_column": gather.stride[1],
        "phases": len(gather.phases),
        "low_row": gather.low[0],
        "low_column": gather.low[1],
        "halo_rows": gather.halo[0],
        "patch_rows": patch_rows,
        "patch_pitch": pitch,
        "phase_pitch": phase_pitch,
        "channel_pitch": (-(-len(gather.phases) * phase_pitch // line) | 1) * line,
        "phase_table": table + len(taps),
        "batch": gather.batch,
        "rows": gather.rows,
        "columns": gather.columns,
        "bands": -(-gather.rows // band),
        "band": band,
        "images": images,
        "taps": len(taps),
        "tap_table": table,
    }
    return values, [*taps, *(number for phase in gather.phases for number in phase)]


@dataclass(frozen=True)
class Unit:
    """A unit of work: some rows of the output positions of some images."""

    first_image: Value
    images: Value
    first_row: Value
    rows: Value


def unit_of(number: Value, a: Any) -> Unit:
    """The unit of a number; bands of rows vary fastest."""
    first_image, first_row = number // a.bands * a.images, number % a.bands * a.band
    images, rows = (a.batch - first_image).at_most(a.images), (a.rows - first_row).at_most(a.band)
    return Unit(first_image, images, first_row, rows)


def emit_copy(
    b: KernelBuilder, stride: int, a: Any, patch: Pointer, unit: Unit, first_channel: Value, channels: Value
) -> None:
    """Copy what a unit needs of the channels of the input ``a.x`` given.

    ``stride`` is the horizontal stride if it is 1 or 2 and 0 if it is known at run time only. Writes up to one vector
    behind the patch's end (never read as anything but padding).
    """
    plane = a.height * a.width
    needed_rows = unit.rows + a.halo_rows
    with b.loop(0, channels) as channel, b.loop(0, a.phases) as phase:
        entry = b.arguments + a.phase_table + phase * 2
        row_phase, column_phase = entry[0], entry[1]
        start = channel * a.channel_pitch + phase * a.phase_pitch
        first_input_row = (unit.first_row + a.low_row) * a.stride_row + row_phase
        first_input_column = a.low_column * a.stride_column + column_phase
        with b.loop(0, unit.images) as image:
            image_channel = (unit.first_image + image) * a.channels_total + (first_channel + channel)
            source_plane = a.x + image_channel * plane
            with b.loop(0, needed_rows) as row:
                target = patch + (start + (image * a.patch_rows + row) * a.patch_pitch)
                input_row = first_input_row + row * a.stride_row
                source = source_plane + input_row * a.width
                # One unsigned comparison tells rows above and below the input.
                width = where(input_row.compare("ult", a.height), a.width, 0)
                with b.loop(0, a.patch_pitch, LANES) as place:
                    column = first_input_column + place * a.stride_column
                    _emit_vector(b, stride, source, target + place, column, width, a)


def _emit_vector(
    b: KernelBuilder, stride: int, source: Pointer, goal: Pointer, column: Value, width: Value, a: Any
) -> None:
    """Copy sixteen columns of a row; outside [0, width) they are zero. Away from the row's ends without masks, unless the
    stride is known at run time only."""
    if stride == 0:
        columns = b.lane_numbers() * a.stride_column + column
        return goal.store(source.gather(columns, columns.compare("ult", width)))
    for within in b.either((column >= 0) & (column + stride * LANES <= width)):
        parts = []
        for part in range(stride):
            first = column + part * LANES
            mask = None if within else (b.lane_numbers() + first).compare("ult", width)
            parts.append((source + first).load(LANES, mask))
        goal.store(parts[0] if stride == 1 else parts[0].pick(range(0, 2 * LANES, 2), parts[1]))


def emit_places(b: KernelBuilder, table: Pointer, channels: Value, a: Any) -> None:
    """Fill ``table`` (i64) with the place in the patch of each (channel, tap) for the position (0, 0)."""
    with b.loop(0, channels) as channel:
        first, row = channel * a.channel_pitch, channel * a.taps
        with b.loop(0, a.taps) as tap:
            table[row + tap] = first + b.arguments[a.tap_table + tap]


def emit_pack(
    b: KernelBuilder,
    patch: Pointer,
    table: Pointer,
    panel: Pointer,
    panel_positions: int,
    a: Any,
    *,
    terms: Value,
    first: Value,
    count: Value,
    rows: Value,
) -> None:
    """Lay out ``panel[term][position]`` for positions ``first ... + count`` of those of the patch, counted through
    images, ``rows`` and columns without gaps; ``count`` is at most ``panel_positions``.

    A term takes ``panel_positions + LANES`` places, because whole vectors are stored: what one row's last vector
    writes too much, the next row's first overwrites.
    """
    sources, targets = b.array(INDEX, panel_positions), b.array(INDEX, panel_positions)
    pieces, placed = b.variable(b.index(0)), b.variable(b.index(0))
    with b.repeat() as proceed:
        start = placed.value
        proceed(start < count)
        position = first + start
        line, column = position // a.columns, position % a.columns
        length = (a.columns - column).at_most(count - start)
        source = (line // rows * a.patch_rows + line % rows) * a.patch_pitch + column
        with b.loop(0, length, LANES) as chunk:
            piece = pieces.value
            sources[piece] = source + chunk
            targets[piece] = start + chunk
            pieces.value = piece + 1
        placed.value = start + length
    total = pieces.value
    with b.loop(0, terms) as term:
        line, target = patch + table[term], panel + term * (panel_positions + LANES)
        with b.loop(0, total) as piece:
            read_at, write_at = sources[piece], targets[piece]
            target[write_at] = (line + read_at).load(LANES)
