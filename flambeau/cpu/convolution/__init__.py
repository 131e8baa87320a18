"""Convolution templates of the CPU backend: forward, and the gradients of both operands.

All tensors are plain row-major; what the kernels want laid out otherwise they lay out themselves.
"""

from __future__ import annotations

from ...graph.windows import Convolution
from ...kernels.kernel import Call, Operand
from ..conversion import register_type
from ..epilogue import EpilogueCode, StoreResults, StoreResultsInGrid
from ..register_tile import Registers
from ..zeros import lower_zero
from .gather_product import lower_gather
from .lane_sum import lower_lane_sum
from .outer_sum import lower_outer_sum
from .problem import forward_gather, input_gradient_gathers
from .weight_gradient import choose_cut, lower_combine

__all__ = [
    "Convolution",
    "EpilogueCode",
    "Registers",
    "lower_forward",
    "lower_input_gradient",
    "lower_weight_gradient",
]

FEW_OUTPUTS = 8
"""Up to so many outputs of a group, the weight gradient has its vectors along rows. Decides the bits."""


def lower_forward(
    c: Convolution,
    x: Operand,
    w: Operand,
    result: Operand | EpilogueCode,
    *,
    registers: Registers | None = None,
) -> list[Call]:
    """Calls that compute ``y [batch, out_channels, out_height, out_width]`` from x and w, and store it or hand it to an
    epilogue. ``registers`` defaults to the machine's; results do not depend on it."""
    window = c.kernel[0] * c.kernel[1]
    store = _store(c, result, c.out_channels, c.out_height * c.out_width) if isinstance(result, Operand) else result
    output_pitch = c.in_channels // c.groups * window
    return lower_gather(forward_gather(c), x, w, output_pitch, window, store, registers=registers, label="convolution")


def _store(c: Convolution, target: Operand, channels: int, positions: int) -> StoreResults:
    """Stores results as they are into ``target [batch, channels, positions]``."""
    return StoreResults(register_type(c.dtype), target, 0, (channels * positions,), positions)


def lower_input_gradient(
    c: Convolution, grad_y: Operand, w: Operand, grad_x: Operand, *, registers: Registers | None = None
) -> list[Call]:
    """Calls that compute ``grad_x [batch, in_channels, height, width]`` from grad_y and w: a transposed convolution."""
    window = c.kernel[0] * c.kernel[1]
    output_pitch, channel_pitch = window, c.in_channels // c.groups * window
    calls: list[Call] = []
    gathers = list(input_gradient_gathers(c))
    if not all(gather.taps for _, gather in gathers):
        calls += lower_zero(c.batch * c.in_channels * c.height * c.width * c.item_bytes // 4, grad_x)
    for origin, gather in gathers:
        if gather.taps:
            store: EpilogueCode = _store(c, grad_x, c.in_channels, c.height * c.width)
            dense = c.stride == (1, 1)
            if not dense:
                plane = c.height, c.width
                store = StoreResultsInGrid(
                    register_type(c.dtype), grad_x, c.in_channels, plane, gather.columns, origin, c.stride
                )
            calls += lower_gather(
                gather, grad_y, w, output_pitch, channel_pitch, store,
                by_row=not dense, registers=registers, label="convolution input gradient",
            )  # fmt: skip
    return calls


def lower_weight_gradient(
    c: Convolution, grad_y: Operand, x: Operand, grad_w: Operand, *, registers: Registers | None = None
) -> list[Call]:
    """Calls that compute ``grad_w [out_channels, in_channels / groups, kh, kw]`` from grad_y and x."""
    window = c.kernel[0] * c.kernel[1]
    if c.batch == 0:
        return lower_zero(c.out_channels * (c.in_channels // c.groups) * window * c.item_bytes // 4, grad_w)
    gather = forward_gather(c)
    cut = choose_cut(gather)
    blocks = cut.parts * c.groups * cut.output_tiles * cut.channel_tiles
    sums = Operand(blocks * cut.outputs * cut.sum_pitch * c.item_bytes, "parts of the weight gradient")
    lower = lower_lane_sum if gather.outputs <= FEW_OUTPUTS else lower_outer_sum
    return [lower(gather, cut, grad_y, x, sums, registers), lower_combine(gather, cut, sums, grad_w)]
