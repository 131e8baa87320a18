"""Laying out weights for the micro-kernel, which wants those of one term and several outputs side by side."""

from __future__ import annotations

from ...kernels.kernel import Call, Operand
from ..ir import Builder, Module
from ..kernel import Kernel
from ..vectors import ITEM_BYTES
from .arguments import Layout
from .problem import Gather

LAYOUT = Layout(
    ("weights", "packed"),
    ("outputs", "blocks", "channels", "taps", "group_pitch", "output_pitch", "channel_pitch", "tap_table"),
)


def pack_weights(gather: Gather, rows: int, w: Operand, output_pitch: int, channel_pitch: int) -> tuple[Call, Operand]:
    """A call that fills ``packed[group][block of rows outputs][channel, tap][row]``, and that operand.

    ``output_pitch`` and ``channel_pitch`` are the distances in w of neighbouring outputs and channels of the gather.
    Rows behind the last output are zero.
    """
    blocks = -(-gather.outputs // rows)
    terms = gather.channels * len(gather.taps)
    packed = Operand(gather.groups * blocks * terms * rows * gather.item_bytes, "packed weights")
    arguments = LAYOUT.pack(
        {
            "weights": w,
            "packed": packed,
            "outputs": gather.outputs,
            "blocks": blocks,
            "channels": gather.channels,
            "taps": len(gather.taps),
            "group_pitch": max(gather.outputs * output_pitch, gather.channels * channel_pitch),
            "output_pitch": output_pitch,
            "channel_pitch": channel_pitch,
            "tap_table": LAYOUT.end,
        }
    )
    kernel = Kernel(
        f"convolution_pack_weights {gather.dtype} {rows}", lambda module, name: _emit(module, name, gather.dtype, rows)
    )
    arguments += [tap.weight for tap in gather.taps]
    tiles = gather.groups * blocks
    return Call(kernel, arguments, tiles, reads=(w,), writes=(packed,), label="pack weights"), packed


def _emit(module: Module, name: str, dtype: str, rows: int) -> None:
    b = Builder(module, name)
    a = LAYOUT.load(b)
    align = ITEM_BYTES[dtype]
    group, block = b.divide("%tile", a["blocks"]), b.remainder("%tile", a["blocks"])
    terms = b.mul(a["channels"], a["taps"])
    target = b.offset(dtype, a["packed"], b.mul(b.mul("%tile", terms), str(rows)))
    source = b.offset(dtype, a["weights"], b.mul(group, a["group_pitch"]))
    with b.loop("0", str(rows)) as row:
        output = b.add(b.mul(block, str(rows)), row)
        exists = b.op(f"icmp slt i64 {output}, {a['outputs']}")
        with b.loop("0", a["channels"]) as channel:
            place = b.add(b.mul(output, a["output_pitch"]), b.mul(channel, a["channel_pitch"]))
            target_channel = b.offset(dtype, target, b.add(b.mul(b.mul(channel, a["taps"]), str(rows)), row))
            with b.loop("0", a["taps"]) as tap:
                tap_place = b.load("i64", b.offset("i64", "%arguments", b.add(a["tap_table"], tap)), 8)
                # A row without an output reads weight 0 instead, and drops it.
                index = b.op(f"select i1 {exists}, i64 {b.add(place, tap_place)}, i64 0")
                value = b.load(dtype, b.offset(dtype, source, index), align)
                kept = b.op(f"select i1 {exists}, {dtype} {value}, {dtype} 0.0")
                b.store(dtype, kept, b.offset(dtype, target_channel, b.mul(tap, str(rows))), align)
    b.finish()
