"""Copying a part of the input into scratch: padded, and with strides taken out.

The copy ("patch") is ``[channel][phase][image][row][column]``; in it every tap of every output position is a constant
distance from the position's own place, whatever the padding, stride and dilation. See :mod:`.problem` for phases.
"""

from __future__ import annotations

from ..ir import LANES, Builder, vector
from ..vectors import gather_vector, lane_numbers, load_vector, store_vector
from .problem import Gather

PATCH_ARGUMENTS = (
    "channels_total",
    "height",
    "width",
    "stride_row",
    "stride_column",
    "phases",
    "low_row",
    "low_column",
    "halo_rows",
    "patch_rows",
    "patch_pitch",
    "phase_pitch",
    "channel_pitch",
    "phase_table",
)
"""Integers that :func:`emit_copy` needs; ``phase_table`` is the index of the argument where the table of (row phase,
column phase) pairs starts."""


def round_up(count: int, step: int) -> int:
    return -(-count // step) * step


def patch_arguments(gather: Gather, images: int, band: int, phase_table: int) -> dict[str, int]:
    """The values of ``PATCH_ARGUMENTS`` for patches of so many images and rows of output positions."""
    patch_rows, pitch = band + gather.halo[0], gather.columns + gather.halo[1]
    phase_pitch = images * patch_rows * pitch
    # An odd number of cache lines, so that one position's channels do not all fall into the same cache set.
    line = 64 // gather.item_bytes
    channel_pitch = (-(-len(gather.phases) * phase_pitch // line) | 1) * line
    return {
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
        "channel_pitch": channel_pitch,
        "phase_table": phase_table,
    }


def phase_table(gather: Gather) -> list[int]:
    """The table that ``phase_table`` points at."""
    return [number for phase in gather.phases for number in phase]


def emit_copy(
    b: Builder,
    dtype: str,
    stride: int,
    a: dict[str, str],
    source: str,
    patch: str,
    *,
    first_image: str,
    images: str,
    first_channel: str,
    channels: str,
    first_row: str,
    rows: str,
) -> None:
    """Copy the patch for output rows ``first_row ... + rows`` of the images and channels given.

    ``stride`` is the horizontal stride if it is 1 or 2 and 0 if it is known at run time only. Writes up to one vector
    behind the patch's end (never read as anything but padding).
    """
    plane = b.mul(a["height"], a["width"])
    needed_rows = b.add(rows, a["halo_rows"])
    with b.loop("0", channels) as channel, b.loop("0", a["phases"]) as phase:
        entry = b.add(a["phase_table"], b.mul(phase, "2"))
        row_phase = b.load("i64", b.offset("i64", "%arguments", entry), 8)
        column_phase = b.load("i64", b.offset("i64", "%arguments", b.add(entry, "1")), 8)
        start = b.add(b.mul(channel, a["channel_pitch"]), b.mul(phase, a["phase_pitch"]))
        first_input_row = b.add(b.mul(b.add(first_row, a["low_row"]), a["stride_row"]), row_phase)
        first_input_column = b.add(b.mul(a["low_column"], a["stride_column"]), column_phase)
        with b.loop("0", images) as image:
            image_channel = b.add(b.mul(b.add(first_image, image), a["channels_total"]), b.add(first_channel, channel))
            source_plane = b.offset(dtype, source, b.mul(image_channel, plane))
            with b.loop("0", needed_rows) as row:
                patch_row = b.add(b.mul(image, a["patch_rows"]), row)
                target = b.offset(dtype, patch, b.add(start, b.mul(patch_row, a["patch_pitch"])))
                input_row = b.add(first_input_row, b.mul(row, a["stride_row"]))
                source_row = b.offset(dtype, source_plane, b.mul(input_row, a["width"]))
                # One unsigned comparison tells rows above and below the input.
                inside = b.op(f"icmp ult i64 {input_row}, {a['height']}")
                width = b.op(f"select i1 {inside}, i64 {a['width']}, i64 0")
                _emit_row(b, dtype, stride, source_row, target, first_input_column, width, a)


def _emit_row(
    b: Builder, dtype: str, stride: int, source: str, target: str, first: str, width: str, a: dict[str, str]
) -> None:
    """Copy input columns ``first, first + stride, ...`` of a row; outside [0, width) they are zero."""
    with b.loop("0", a["patch_pitch"], str(LANES)) as place:
        goal = b.offset(dtype, target, place)
        column = b.add(first, b.mul(place, a["stride_column"]))
        if stride == 0:
            columns = _lanes(b, column, a["stride_column"])
            store_vector(b, dtype, gather_vector(b, dtype, source, columns, _inside(b, columns, width)), goal)
        else:
            _emit_vector(b, dtype, stride, source, goal, column, width)


def _emit_vector(b: Builder, dtype: str, stride: int, source: str, goal: str, column: str, width: str) -> None:
    """Copy sixteen columns of a row for a stride of 1 or 2; away from the row's ends without masks."""
    end = b.add(column, str(stride * LANES))
    starts, ends = b.op(f"icmp sge i64 {column}, 0"), b.op(f"icmp sle i64 {end}, {width}")
    within, edge, done = b.label("within"), b.label("edge"), b.label("done")
    b.branch(b.op(f"and i1 {starts}, {ends}"), within, edge)
    for label in (within, edge):
        b.place(label)
        parts = [_part(b, dtype, source, column, width, part * LANES, label == within) for part in range(stride)]
        store_vector(b, dtype, parts[0] if stride == 1 else _even_elements(b, dtype, *parts), goal)
        b.jump(done)
    b.place(done)


def _part(b: Builder, dtype: str, source: str, column: str, width: str, skip: int, whole: bool) -> str:
    """Sixteen consecutive elements starting at ``column + skip``."""
    first = b.add(column, str(skip))
    address = b.offset(dtype, source, first)
    if whole:
        return load_vector(b, dtype, address)
    return load_vector(b, dtype, address, _inside(b, _lanes(b, first, "1"), width))


def _lanes(b: Builder, first: str, step: str) -> str:
    steps = b.op(f"mul <{LANES} x i64> {lane_numbers()}, {b.broadcast('i64', step, LANES)}")
    return b.op(f"add <{LANES} x i64> {steps}, {b.broadcast('i64', first, LANES)}")


def _inside(b: Builder, columns: str, width: str) -> str:
    return b.op(f"icmp ult <{LANES} x i64> {columns}, {b.broadcast('i64', width, LANES)}")


def emit_offsets(b: Builder, table: str, channels: str, a: dict[str, str]) -> None:
    """Fill ``table`` (i64) with the place in the patch of each (channel, tap) for the position (0, 0).

    ``a`` has ``taps`` (their number) and ``tap_table`` (the argument where their offsets within a channel start).
    """
    with b.loop("0", channels) as channel:
        first = b.mul(channel, a["channel_pitch"])
        row = b.mul(channel, a["taps"])
        with b.loop("0", a["taps"]) as tap:
            offset = b.load("i64", b.offset("i64", "%arguments", b.add(a["tap_table"], tap)), 8)
            b.store("i64", b.add(first, offset), b.offset("i64", table, b.add(row, tap)), 8)


def emit_pack(
    b: Builder,
    dtype: str,
    patch: str,
    table: str,
    panel: str,
    panel_positions: int,
    a: dict[str, str],
    *,
    terms: str,
    first: str,
    count: str,
    rows: str,
) -> None:
    """Lay out ``panel[term][position]`` for positions ``first ... + count`` of those of the patch, counted through
    images, ``rows`` and columns without gaps; ``count`` is at most ``panel_positions``.

    A term takes ``panel_positions + LANES`` places, because whole vectors are stored: what one row's last vector
    writes too much, the next row's first overwrites.
    """
    sources = b.variable(f"[{panel_positions} x i64]", align=64)
    targets = b.variable(f"[{panel_positions} x i64]", align=64)
    pieces, placed = b.variable("i64", "0"), b.variable("i64", "0")
    head, body, end = b.label("rows"), b.label("row"), b.label("listed")
    b.jump(head)
    b.place(head)
    start = b.load("i64", placed)
    b.branch(b.op(f"icmp slt i64 {start}, {count}"), body, end)
    b.place(body)
    position = b.add(first, start)
    line, column = b.divide(position, a["columns"]), b.remainder(position, a["columns"])
    length = b.minimum(b.sub(a["columns"], column), b.sub(count, start))
    patch_row = b.add(b.mul(b.divide(line, rows), a["patch_rows"]), b.remainder(line, rows))
    source = b.add(b.mul(patch_row, a["patch_pitch"]), column)
    with b.loop("0", length, str(LANES)) as chunk:
        piece = b.load("i64", pieces)
        b.store("i64", b.add(source, chunk), b.offset("i64", sources, piece), 8)
        b.store("i64", b.add(start, chunk), b.offset("i64", targets, piece), 8)
        b.store("i64", b.add(piece, "1"), pieces)
    b.store("i64", b.add(start, length), placed)
    b.jump(head)
    b.place(end)
    total = b.load("i64", pieces)
    with b.loop("0", terms) as term:
        source = b.offset(dtype, patch, b.load("i64", b.offset("i64", table, term), 8))
        target = b.offset(dtype, panel, b.mul(term, str(panel_positions + LANES)))
        with b.loop("0", total) as piece:
            source_place = b.load("i64", b.offset("i64", sources, piece), 8)
            target_place = b.load("i64", b.offset("i64", targets, piece), 8)
            value = load_vector(b, dtype, b.offset(dtype, source, source_place))
            store_vector(b, dtype, value, b.offset(dtype, target, target_place))


def _even_elements(b: Builder, type: str, first: str, second: str) -> str:
    """Every other element, from the first on, of two consecutive vectors."""
    whole, picks = vector(type, LANES), ", ".join(f"i32 {2 * lane}" for lane in range(LANES))
    return b.op(f"shufflevector {whole} {first}, {whole} {second}, <{LANES} x i32> <{picks}>")
