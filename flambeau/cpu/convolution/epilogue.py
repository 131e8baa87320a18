"""What happens to the results of a gather: the protocol, and the epilogues that merely store."""

from __future__ import annotations

from typing import Protocol

from ...kernels.kernel import Operand
from ..ir import LANES, Builder
from ..vectors import lane_numbers, scatter_vector, store_vector


class Epilogue(Protocol):
    """Finishes results while they are in cache: bias, activation, and the store itself.

    ``key`` describes the code emitted, ``arguments`` go into the call, ``reads`` and ``writes`` are the operands among
    them.
    """

    key: str
    arguments: list[int | Operand]
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]

    def begin(self, b: Builder, first_argument: int) -> None:
        """Emitted once at the kernel's start; ``arguments`` were placed from ``first_argument`` on."""

    def emit(
        self, b: Builder, value: str, lanes: int, image: str, channel: str, position: str, mask: str | None
    ) -> None:
        """Finish ``value``, a vector of ``lanes`` results of one image and channel at the positions (row * width +
        column) from ``position`` on; only lanes set in ``mask``, if there is one, exist. Emitted more than once."""


class Store:
    """Stores results as they are into ``y [batch, channels, positions]``."""

    def __init__(self, dtype: str, y: Operand, channels: int, positions: int) -> None:
        self.dtype = dtype
        self.key = "store"
        self.arguments: list[int | Operand] = [y, channels, positions]
        self.reads: tuple[Operand, ...] = ()
        self.writes: tuple[Operand, ...] = (y,)

    def begin(self, b: Builder, first_argument: int) -> None:
        self._y = b.operand(first_argument)
        self._channels = b.argument(first_argument + 2)
        self._positions = b.argument(first_argument + 3)

    def emit(
        self, b: Builder, value: str, lanes: int, image: str, channel: str, position: str, mask: str | None
    ) -> None:
        plane = b.mul(b.add(b.mul(image, self._channels), channel), self._positions)
        address = b.offset(self.dtype, self._y, b.add(plane, position))
        store_vector(b, self.dtype, value, address, mask)


class StoreGrid:
    """Stores results into every ``stride``-th row and column, from ``origin`` on, of ``y [batch, channels, height,
    width]``. All positions of one vector must be in one row."""

    def __init__(
        self,
        dtype: str,
        y: Operand,
        channels: int,
        height: int,
        width: int,
        columns: int,
        origin: tuple[int, int],
        stride: tuple[int, int],
    ) -> None:
        self.dtype = dtype
        self.key = "store grid"
        first = origin[0] * width + origin[1]
        self.arguments: list[int | Operand] = [
            y, channels, height * width, columns, first, stride[0] * width, stride[1],
        ]  # fmt: skip
        self.reads: tuple[Operand, ...] = ()
        self.writes: tuple[Operand, ...] = (y,)

    def begin(self, b: Builder, first_argument: int) -> None:
        self._y = b.operand(first_argument)
        names = ("channels", "plane", "columns", "first", "row_pitch", "step")
        self._a = {name: b.argument(first_argument + 2 + index) for index, name in enumerate(names)}

    def emit(
        self, b: Builder, value: str, lanes: int, image: str, channel: str, position: str, mask: str | None
    ) -> None:
        a = self._a
        plane = b.mul(b.add(b.mul(image, a["channels"]), channel), a["plane"])
        row, column = b.divide(position, a["columns"]), b.remainder(position, a["columns"])
        place = b.add(b.add(plane, a["first"]), b.add(b.mul(row, a["row_pitch"]), b.mul(column, a["step"])))
        base = b.offset(self.dtype, self._y, place)
        steps = b.op(f"mul <{LANES} x i64> {lane_numbers()}, {b.broadcast('i64', a['step'], LANES)}")
        scatter_vector(b, self.dtype, value, base, steps, mask)
