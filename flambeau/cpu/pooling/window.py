"""Sliding windows over the rows of planes: the geometry, and sixteen windows' elements as vectors.

Planes are the flattened leading dimensions; sixteen neighbouring windows of one row are worked on at a time. Vectors
of a stride of two come from pairs of loads that are taken apart, so that two taps share them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...graph.windows import MOST_PLACES, SlidingMeans, SlidingWindows
from ...kernels.symbols import largest
from ..ir import KernelBuilder
from ..values import LANES, Pointer, Value

PAIRS = ("kernel", "stride", "padding", "dilation")
WINDOW_ARGUMENTS = "lines lines_a_tile height width out_rows out_columns " + " ".join(
    f"{name}_rows {name}_columns" for name in PAIRS
)
WORK_A_TILE = 1 << 15


class Window:
    """The sliding windows of a geometry, and how they are cut into tiles.

    Raises ``ValueError`` for sizes that do not fit together, also if a window had no element inside the plane.
    """

    def __init__(self, geometry: SlidingWindows | SlidingMeans) -> None:
        self.planes, self.height, self.width = geometry[:3]
        self.kernel, self.stride, self.padding = geometry.kernel, geometry.stride, geometry.padding
        self.dilation = geometry.dilation if isinstance(geometry, SlidingWindows) else (1, 1)
        self.out_rows, self.out_columns = geometry.out_height, geometry.out_width
        if min(*self.kernel, *self.stride, *self.dilation) < 1 or min(self.planes, *self.padding) < 0:
            raise ValueError("kernel, stride and dilation must be positive, padding not negative")
        if not 0 < self.height * self.width < MOST_PLACES:
            raise ValueError("a plane must have between one and 2**31 elements")
        numbers = (self.kernel[0] * self.kernel[1], *self.stride, *self.padding, *self.dilation)
        if max(numbers) >= MOST_PLACES:
            raise ValueError("a window's numbers must be less than 2**31")
        sizes = zip((self.height, self.width), (self.out_rows, self.out_columns), range(2), strict=True)
        for size, windows, axis in sizes:
            if windows < 1 or (windows - 1) * self.stride[axis] - self.padding[axis] >= size:
                raise ValueError("every window must start inside the plane or its leading padding")
            if (self.kernel[axis] - 1) * self.dilation[axis] < self.padding[axis]:
                raise ValueError("padding must be shorter than the window")

    @property
    def lines(self) -> int:
        """Rows of windows in all planes."""
        return self.planes * self.out_rows

    @property
    def lines_a_tile(self) -> int:
        return largest([1, WORK_A_TILE // (self.out_columns * self.kernel[0] * self.kernel[1])])

    @property
    def tiles(self) -> int:
        return -(-self.lines // self.lines_a_tile)

    @property
    def step(self) -> int:
        """The horizontal stride as far as code is specialised on it: 1, 2, or 0 for any."""
        if self.stride[1] == 2 and self.dilation[1] == 1:
            return 2
        return 1 if self.stride[1] == 1 else 0

    def arguments(self) -> dict[str, int]:
        """The values of ``WINDOW_ARGUMENTS``."""
        pairs = {name: getattr(self, name) for name in PAIRS}
        return {
            "lines": self.lines,
            "lines_a_tile": self.lines_a_tile,
            "height": self.height,
            "width": self.width,
            "out_rows": self.out_rows,
            "out_columns": self.out_columns,
            **{f"{name}_rows": pair[0] for name, pair in pairs.items()},
            **{f"{name}_columns": pair[1] for name, pair in pairs.items()},
        }


@dataclass(frozen=True)
class Sixteen:
    """Sixteen neighbouring windows of a row of windows: the number of their plane; the flat number of the first among all
    windows; where it starts in the plane (that may be outside); and which of them exist."""

    plane: Value
    number: Value
    first_row: Value
    first_column: Value
    exist: Value


@contextmanager
def windows_of_tile(b: KernelBuilder, a: Any) -> Iterator[Sixteen]:
    """Loop over the windows of the tile, sixteen at a time."""
    start = b.tile * a.lines_a_tile
    with b.loop(start, (start + a.lines_a_tile).at_most(a.lines)) as line:
        first_row = line % a.out_rows * a.stride_rows - a.padding_rows
        with b.loop(0, a.out_columns, LANES) as column:
            yield Sixteen(
                plane=line // a.out_rows,
                number=line * a.out_columns + column,
                first_row=first_row,
                first_column=column * a.stride_columns - a.padding_columns,
                exist=b.first_lanes(a.out_columns - column),
            )


def narrow_lanes(first: Value, step: Value | int = 1) -> Value:
    """``first + lane * step`` in 32 bits, of numbers that fit."""
    numbers = first.builder.lane_numbers("i32")
    return numbers * (step.truncate("i32") if isinstance(step, Value) else step) + first.truncate("i32")


def emit_taps(
    b: KernelBuilder, step: int, a: Any, plane: Pointer, sixteen: Sixteen, outside: float
) -> Iterator[tuple[Value, Value, Value]]:
    """``for values, row, column in emit_taps(...)``: the loop's body is written for the taps of sixteen windows of the plane
    at an address.

    ``values`` is that tap's element of each window, or ``outside``; ``row`` and ``column`` say where it lies in the first
    window. Taps of rows outside the plane are left out.
    """
    with b.loop(0, a.kernel_rows) as tap_row:
        row = sixteen.first_row + tap_row * a.dilation_rows
        with b.when(row.compare("ult", a.height)):
            line = plane + row * a.width
            with b.loop(0, a.kernel_columns, max(step, 1)) as tap:
                column = sixteen.first_column + tap * a.dilation_columns
                if step == 2:
                    first = _consecutive(b, a, line, column, outside)
                    second = _consecutive(b, a, line, column + LANES, outside)
                    even, odd = (first.pick(range(start, 2 * LANES, 2), second) for start in (0, 1))
                    yield even, row, column
                    with b.when(tap + 1 < a.kernel_columns):
                        yield odd, row, column + 1
                elif step == 1:
                    yield _consecutive(b, a, line, column, outside), row, column
                else:
                    columns = b.lane_numbers() * a.stride_columns + column
                    yield line.gather(columns, columns.compare("ult", a.width), outside), row, column


def _consecutive(b: KernelBuilder, a: Any, line: Pointer, column: Value, outside: float) -> Value:
    """Sixteen consecutive elements from ``column`` on; away from the line's ends without a mask."""
    result = b.variable(line.to.vector())
    for within in b.either((column >= 0) & (column + LANES <= a.width)):
        result.value = (line + column).load(LANES, None if within else inside(column, a), outside)
    value: Value = result.value
    return value


def inside(column: Value, a: Any) -> Value:
    """Which of sixteen consecutive columns are the plane's."""
    return narrow_lanes(column).compare("ult", a.width.truncate("i32"))
