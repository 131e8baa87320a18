"""Sliding windows over the rows of planes: the geometry, and sixteen windows' elements as vectors.

Planes are the flattened leading dimensions; sixteen neighbouring windows of one row are worked on at a time. Vectors
of a stride of two come from pairs of loads that are taken apart, so that two taps share them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...graph.pooling import MOST_PLACES
from ..convolution.arguments import Layout
from ..ir import LANES, Builder, vector
from ..vectors import gather_vector, lane_numbers, load_vector

WINDOW_ARGUMENTS = (
    "lines",
    "lines_a_tile",
    "height",
    "width",
    "kernel_rows",
    "kernel_columns",
    "stride_rows",
    "stride_columns",
    "padding_rows",
    "padding_columns",
    "dilation_rows",
    "dilation_columns",
    "out_rows",
    "out_columns",
)
WORK_A_TILE = 1 << 15


@dataclass(frozen=True)
class Window:
    """Windows of ``kernel`` elements, ``dilation`` apart, every ``stride`` elements of planes ``[height, width]`` that
    are padded on all sides; ``out_rows`` by ``out_columns`` of them. Pairs are (vertical, horizontal).

    Raises ``ValueError`` for sizes that do not fit together, also if a window had no element inside the plane.
    """

    planes: int
    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    out_rows: int
    out_columns: int

    def __post_init__(self) -> None:
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
        return max(1, WORK_A_TILE // (self.out_columns * self.kernel[0] * self.kernel[1]))

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
        pairs = {"kernel": self.kernel, "stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        return {
            "lines": self.lines,
            "lines_a_tile": self.lines_a_tile,
            "height": self.height,
            "width": self.width,
            **{f"{name}_rows": pair[0] for name, pair in pairs.items()},
            **{f"{name}_columns": pair[1] for name, pair in pairs.items()},
            "out_rows": self.out_rows,
            "out_columns": self.out_columns,
        }


def window_layout(operands: tuple[str, ...], more: tuple[str, ...] = ()) -> Layout:
    return Layout(operands, (*WINDOW_ARGUMENTS, *more))


@dataclass(frozen=True)
class Line:
    """A row of windows: its number, its plane's, and the row of the plane where its windows start (may be negative)."""

    number: str
    plane: str
    out_row: str
    first_row: str


def emit_lines(b: Builder, a: dict[str, str], body: Callable[[Line], None]) -> None:
    """Emit ``body`` for all rows of windows of the tile."""
    start = b.mul("%tile", a["lines_a_tile"])
    with b.loop(start, b.minimum(b.add(start, a["lines_a_tile"]), a["lines"])) as line:
        plane, out_row = b.divide(line, a["out_rows"]), b.remainder(line, a["out_rows"])
        body(Line(line, plane, out_row, b.sub(b.mul(out_row, a["stride_rows"]), a["padding_rows"])))


def lanes_i32(b: Builder, first: str, step: str) -> str:
    """``first + lane * step`` as <16 x i32>, from i64 values that fit."""
    narrow = [b.broadcast("i32", b.op(f"trunc i64 {value} to i32"), LANES) for value in (first, step)]
    steps = b.op(f"mul <{LANES} x i32> {lane_numbers('i32')}, {narrow[1]}")
    return b.op(f"add <{LANES} x i32> {steps}, {narrow[0]}")


def emit_taps(
    b: Builder,
    dtype: str,
    step: int,
    a: dict[str, str],
    plane: str,
    first_row: str,
    first_column: str,
    outside: str,
    body: Callable[[str, str, str], None],
) -> None:
    """Emit ``body(values, row, column)`` for every tap of sixteen windows, the first of which starts at (``first_row``,
    ``first_column``) of the plane at address ``plane``.

    ``values`` is that tap's element of each window, or ``outside`` (a vector constant); ``row`` and ``column`` say
    where it lies in the first window. Taps of rows outside the plane are left out.
    """
    with b.loop("0", a["kernel_rows"]) as tap_row:
        row = b.add(first_row, b.mul(tap_row, a["dilation_rows"]))
        with b.when(b.op(f"icmp ult i64 {row}, {a['height']}")):
            line = b.offset(dtype, plane, b.mul(row, a["width"]))
            with b.loop("0", a["kernel_columns"], str(max(step, 1))) as tap:
                column = b.add(first_column, b.mul(tap, a["dilation_columns"]))
                if step == 2:
                    even, odd = _pairs(b, dtype, a, line, column, outside)
                    body(even, row, column)
                    second = b.add(tap, "1")
                    with b.when(b.op(f"icmp slt i64 {second}, {a['kernel_columns']}")):
                        body(odd, row, b.add(column, "1"))
                else:
                    body(_every(b, dtype, step, a, line, column, outside), row, column)


def _inside(b: Builder, first: str, a: dict[str, str]) -> str:
    """Mask of the lanes whose column ``first + lane`` is one of the plane's."""
    width = b.broadcast("i32", b.op(f"trunc i64 {a['width']} to i32"), LANES)
    return b.op(f"icmp ult <{LANES} x i32> {lanes_i32(b, first, '1')}, {width}")


def _every(b: Builder, dtype: str, step: int, a: dict[str, str], line: str, column: str, outside: str) -> str:
    """Elements at ``column + lane * stride`` of a line, for a stride of one (``step`` 1) or any (0)."""
    if step == 1:
        return _consecutive(b, dtype, a, line, column, outside)
    stride = b.broadcast("i64", a["stride_columns"], LANES)
    steps = b.op(f"mul <{LANES} x i64> {lane_numbers()}, {stride}")
    columns = b.op(f"add <{LANES} x i64> {steps}, {b.broadcast('i64', column, LANES)}")
    inside = b.op(f"icmp ult <{LANES} x i64> {columns}, {b.broadcast('i64', a['width'], LANES)}")
    return gather_vector(b, dtype, line, columns, inside, outside)


def _consecutive(b: Builder, dtype: str, a: dict[str, str], line: str, column: str, outside: str) -> str:
    """Sixteen consecutive elements from ``column`` on; away from the line's ends without a mask."""
    whole = vector(dtype, LANES)
    result = b.variable(whole)
    end = b.add(column, str(LANES))
    starts, ends = b.op(f"icmp sge i64 {column}, 0"), b.op(f"icmp sle i64 {end}, {a['width']}")
    within, edge, done = b.label("within"), b.label("edge"), b.label("loaded")
    address = b.offset(dtype, line, column)
    b.branch(b.op(f"and i1 {starts}, {ends}"), within, edge)
    b.place(within)
    b.store(whole, load_vector(b, dtype, address), result)
    b.jump(done)
    b.place(edge)
    b.store(whole, load_vector(b, dtype, address, _inside(b, column, a), outside), result)
    b.jump(done)
    b.place(done)
    return b.load(whole, result)


def _pairs(b: Builder, dtype: str, a: dict[str, str], line: str, column: str, outside: str) -> tuple[str, str]:
    """Elements at ``column + 2 * lane`` and at ``column + 1 + 2 * lane``."""
    first = _consecutive(b, dtype, a, line, column, outside)
    second = _consecutive(b, dtype, a, line, b.add(column, str(LANES)), outside)
    whole = vector(dtype, LANES)
    picks = [", ".join(f"i32 {2 * lane + odd}" for lane in range(LANES)) for odd in (0, 1)]
    even, odd = (b.op(f"shufflevector {whole} {first}, {whole} {second}, <{LANES} x i32> <{pick}>") for pick in picks)
    return even, odd
