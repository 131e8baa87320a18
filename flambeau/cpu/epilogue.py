"""What becomes of a template's results while they are still in registers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..kernels.kernel import Operand
from .arguments import Arguments
from .ir import KernelBuilder
from .values import Type, Value, placed


class EpilogueCode(Protocol):
    """Elementwise work on the results of a product or a convolution, fused into its kernel, which also stores them.

    Results form a grid of (outer, middle, inner), the inner axis in lanes: (batch, row, column) of a product, (image, channel,
    position) of a convolution. The template calls :meth:`begin` once, in the kernel's entry, and then :meth:`emit` several
    times, for the vectors and the edges of its loops. Each element is passed exactly once when the kernels run.
    """

    @property
    def key(self) -> str:
        """Describes the emitted code completely; a part of the kernel's key."""

    @property
    def arguments(self) -> list[int | Operand]:
        """Appended to the call's arguments."""

    @property
    def reads(self) -> tuple[Operand, ...]: ...

    @property
    def writes(self) -> tuple[Operand, ...]: ...

    def begin(self, b: KernelBuilder, first_argument: int) -> None:
        """Load the arguments, of which the first is the kernel's argument number ``first_argument``."""

    def emit(
        self, value: Value, outer: Sequence[Value], middle: Value, inner: Value, mask: Value | None = None
    ) -> None:
        """Finish and store results.

        ``value`` holds one result or sixteen: those of the places from ``inner`` on of a line. ``outer`` has one index for
        each batch axis. Lanes whose ``mask`` is false hold no result: nothing may be read or stored for them.
        """


class StoreResults:
    """The epilogue that only stores: element (outer, middle, inner) at ``offset + sum(index * stride)`` of an operand."""

    def __init__(
        self, type: Type, target: Operand, offset: int, outer: tuple[int, ...], middle: int, inner: int = 1
    ) -> None:
        self._type = type
        self._contiguous = inner == 1
        self._arguments = Arguments("&target offset middle inner", f"outer[{len(outer)}]")
        self.key = f"store{'' if self._contiguous else '-strided'}{len(outer)}"
        self.arguments = self._arguments.values(target=target, offset=offset, middle=middle, inner=inner, outer=outer)
        self.reads: tuple[Operand, ...] = ()
        self.writes: tuple[Operand, ...] = (target,)

    def begin(self, b: KernelBuilder, first_argument: int) -> None:
        self._a = a = self._arguments.load(b, self._type, first_argument)
        self._start = a.target + a.offset

    def emit(
        self, value: Value, outer: Sequence[Value], middle: Value, inner: Value, mask: Value | None = None
    ) -> None:
        a = self._a
        line = self._start + placed([middle, *outer], [a.middle, *a.outer])
        if self._contiguous:
            (line + inner).store(value, mask)
        elif value.lanes == 1:
            (line + inner * a.inner).store(value)
        else:
            (line + inner * a.inner).scatter(value, value.builder.lane_numbers() * a.inner, mask)


class StoreResultsInGrid:
    """The epilogue that stores positions of planes ``columns`` wide into every ``stride``-th row and column, from ``origin``
    on, of ``target [outer, middle, height, width]``. All positions of one vector must be in one row."""

    def __init__(
        self, type: Type, target: Operand, channels: int, plane: tuple[int, int], columns: int,
        origin: tuple[int, int], stride: tuple[int, int],
    ) -> None:  # fmt: skip
        height, width = plane
        self._type = type
        self._arguments = Arguments("&target channels plane columns first row_pitch step")
        self.key = "store grid"
        self.arguments = self._arguments.values(
            target=target, channels=channels, plane=height * width, columns=columns,
            first=origin[0] * width + origin[1], row_pitch=stride[0] * width, step=stride[1],
        )  # fmt: skip
        self.reads: tuple[Operand, ...] = ()
        self.writes: tuple[Operand, ...] = (target,)

    def begin(self, b: KernelBuilder, first_argument: int) -> None:
        self._a = self._arguments.load(b, self._type, first_argument)

    def emit(
        self, value: Value, outer: Sequence[Value], middle: Value, inner: Value, mask: Value | None = None
    ) -> None:
        a = self._a
        plane = (outer[0] * a.channels + middle) * a.plane
        place = plane + a.first + inner // a.columns * a.row_pitch + inner % a.columns * a.step
        (a.target + place).scatter(value, value.builder.lane_numbers() * a.step, mask)
