"""The one form in which forward and input gradient of a convolution are both computed.

Both directions *gather*: an output position is a sum, over the channels of its group and a list of taps, of weights
times input elements. Forward has one tap for each element of the kernel window. The gradient with respect to the input
has, for a stride of s, s*s interleaved grids of output positions, each a gather of stride one over those taps whose
place in the window is congruent to the grid's (so that nothing is multiplied by the zeros between strided positions).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ...graph.windows import Convolution
from ..conversion import register_type
from ..values import Type


@dataclass(frozen=True)
class Tap:
    """One term of a gather: input element (row * stride + ``row``, column * stride + ``column``) times the element
    ``weight`` (a flat index) of the kernel window. Rows and columns outside the input count as zero."""

    row: int
    column: int
    weight: int


@dataclass(frozen=True)
class Gather:
    """``out[n, g*outputs + k, i, j] = sum over c, tap of weight[g, k, c, tap] * in[n, g*channels + c, i*stride[0] +
    tap.row, j*stride[1] + tap.column]``, terms in the order of c, then of ``taps``.

    ``outputs`` and ``channels`` are per group; i < ``rows`` and j < ``columns``.
    """

    type: Type
    batch: int
    groups: int
    channels: int
    height: int
    width: int
    outputs: int
    rows: int
    columns: int
    stride: tuple[int, int]
    taps: tuple[Tap, ...]

    @property
    def flops(self) -> int:
        return 2 * self.batch * self.groups * self.outputs * self.rows * self.columns * self.channels * len(self.taps)

    # A tap's row is split as ``stride * quotient + phase``: the input is copied phase by phase, so that neighbouring
    # output positions read neighbouring elements of the copy whatever the stride.

    @cached_property
    def phases(self) -> tuple[tuple[int, int], ...]:
        """The (row, column) phases that any tap needs, in order of first use."""
        return tuple(dict.fromkeys((tap.row % self.stride[0], tap.column % self.stride[1]) for tap in self.taps))

    @cached_property
    def low(self) -> tuple[int, int]:
        """The least quotient of any tap's row and column."""
        return (
            min(tap.row // self.stride[0] for tap in self.taps),
            min(tap.column // self.stride[1] for tap in self.taps),
        )

    @cached_property
    def halo(self) -> tuple[int, int]:
        """How many more rows and columns than output positions the copy of a phase needs."""
        return (
            max(tap.row // self.stride[0] for tap in self.taps) - self.low[0],
            max(tap.column // self.stride[1] for tap in self.taps) - self.low[1],
        )

    def tap_offsets(self, phase_pitch: int, row_pitch: int) -> list[int]:
        """Where each tap reads in the copy of one channel, relative to the output position's own place."""
        (sh, sw), (low_row, low_column) = self.stride, self.low
        return [
            self.phases.index((tap.row % sh, tap.column % sw)) * phase_pitch
            + (tap.row // sh - low_row) * row_pitch
            + (tap.column // sw - low_column)
            for tap in self.taps
        ]


def forward_gather(c: Convolution) -> Gather:
    """The gather that computes y from x."""
    (kh, kw), (ph, pw), (dh, dw) = c.kernel, c.padding, c.dilation
    taps = tuple(Tap(r * dh - ph, s * dw - pw, r * kw + s) for r in range(kh) for s in range(kw))
    read = c.batch, c.groups, c.in_channels // c.groups, c.height, c.width
    written = c.out_channels // c.groups, c.out_height, c.out_width
    return Gather(register_type(c.dtype), *read, *written, c.stride, taps)


def input_gradient_gathers(c: Convolution) -> Iterator[tuple[tuple[int, int], Gather]]:
    """For each grid of positions (a + sh*i, b + sw*j) of grad_x: its (a, b), and the gather over grad_y that gives it.

    From ``h + ph = oh*sh + r*dh`` at ``h = a + sh*i``: ``oh = i + (a + ph - r*dh) / sh`` where that divides.
    """
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = c.kernel, c.stride, c.padding, c.dilation
    read = c.batch, c.groups, c.out_channels // c.groups, c.out_height, c.out_width
    for a in range(min(sh, c.height)):
        for b in range(min(sw, c.width)):
            taps = tuple(
                Tap((a + ph - r * dh) // sh, (b + pw - s * dw) // sw, r * kw + s)
                for r in range(kh)
                if (a + ph - r * dh) % sh == 0
                for s in range(kw)
                if (b + pw - s * dw) % sw == 0
            )
            written = c.in_channels // c.groups, -(-(c.height - a) // sh), -(-(c.width - b) // sw)
            yield (a, b), Gather(register_type(c.dtype), *read, *written, (1, 1), taps)
