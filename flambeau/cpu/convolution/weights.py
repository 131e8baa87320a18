"""Laying out weights for the micro-kernel, which wants those of one term and several outputs side by side."""

from __future__ import annotations

from ...kernels.kernel import Call, Operand
from ..arguments import Arguments
from ..ir import KernelBuilder, Module
from ..kernel import Kernel
from ..values import Type, where
from .problem import Gather

ARGUMENTS = Arguments("&weights &packed outputs blocks channels taps group_pitch output_pitch channel_pitch tap_table")


def pack_weights(gather: Gather, rows: int, w: Operand, output_pitch: int, channel_pitch: int) -> tuple[Call, Operand]:
    """A call that fills ``packed[group][block of rows outputs][channel, tap][row]``, and that operand.

    ``output_pitch`` and ``channel_pitch`` are the distances in w of neighbouring outputs and channels of the gather.
    Rows behind the last output are zero.
    """
    blocks = -(-gather.outputs // rows)
    terms = gather.channels * len(gather.taps)
    packed = Operand(gather.groups * blocks * terms * rows * gather.item_bytes, "packed weights")
    arguments = ARGUMENTS.values(
        weights=w, packed=packed, outputs=gather.outputs, blocks=blocks, channels=gather.channels, taps=len(gather.taps),
        group_pitch=max(gather.outputs * output_pitch, gather.channels * channel_pitch),
        output_pitch=output_pitch, channel_pitch=channel_pitch, tap_table=ARGUMENTS.end,
    )  # fmt: skip
    type = Type.of(gather.dtype)
    kernel = Kernel(f"convolution_pack_weights {type} {rows}", lambda module, name: _emit(module, name, type, rows))
    arguments += [tap.weight for tap in gather.taps]
    tiles = gather.groups * blocks
    return Call(kernel, arguments, tiles, reads=(w,), writes=(packed,), label="pack weights"), packed


def _emit(module: Module, name: str, type: Type, rows: int) -> None:
    b = KernelBuilder(module, name)
    a = ARGUMENTS.load(b, type)
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
