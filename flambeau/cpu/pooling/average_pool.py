"""Means of sliding windows, and the gradient through them.

Sums go through the taps in row-major order. The divisor is the number of elements of the window, those of the padding
included or not (never those that a rounded-up output size reaches behind the padding), unless it is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...graph.windows import SlidingMeans
from ...kernels.kernel import Call, Operand
from ..arguments import Arguments
from ..ir import Kernel, KernelBuilder, Module
from ..values import LANES, Pointer, Type, Value, where
from ..zeros import emit_zero
from .window import WINDOW_ARGUMENTS, WORK_A_TILE, Sixteen, Window, emit_taps, inside, narrow_lanes, windows_of_tile


def lower_average_pool(type: Type, geometry: SlidingMeans, x: Operand, y: Operand) -> list[Call]:
    """Calls that compute the means y of x (floating-point numbers)."""
    window = Window(geometry)
    code = AveragePoolCode(type, window.step, _divisor(geometry))
    arguments = code.arguments.values(x=x, y=y, divisor=geometry.divisor or 0, **window.arguments())
    return [Call(Kernel(code.key, code.emit), arguments, window.tiles, reads=(x,), writes=(y,), label="average pool")]


def lower_average_pool_gradient(type: Type, geometry: SlidingMeans, grad_y: Operand, grad_x: Operand) -> list[Call]:
    """Calls that compute ``grad_x`` from ``grad_y``; tiles are whole planes, so that the windows that share an element add to
    it in a fixed order."""
    window = Window(geometry)
    planes_a_tile = max(1, WORK_A_TILE // (window.height * window.width * window.kernel[0] * window.kernel[1]))
    code = AveragePoolGradientCode(type, window.step, _divisor(geometry))
    values = {**window.arguments(), "lines_a_tile": planes_a_tile * window.out_rows}
    arguments = code.arguments.values(grad_y=grad_y, grad_x=grad_x, divisor=geometry.divisor or 0, **values)
    kernel, tiles = Kernel(code.key, code.emit), -(-window.planes // planes_a_tile)
    return [Call(kernel, arguments, tiles, reads=(grad_y,), writes=(grad_x,), label="average pool gradient")]


def _divisor(geometry: SlidingMeans) -> str:
    """What a kernel divides by, as far as its code depends on it."""
    if geometry.divisor == 0:
        raise ValueError("divisor must be not zero")
    if geometry.divisor is not None:
        return "given"
    return "padded" if geometry.count_padding else "inside"


def divisors(b: KernelBuilder, type: Type, how: str, a: Any, sixteen: Sixteen) -> Value:
    """What the sums of sixteen windows are divided by."""
    if how == "given":
        return a.divisor.to_float(type.element).broadcast()
    first_row, last_row = sixteen.first_row, sixteen.first_row + a.kernel_rows
    first = narrow_lanes(sixteen.first_column, a.stride_columns)
    last = first + a.kernel_columns.truncate("i32")
    if how == "padded":
        left, right = (-a.padding_columns).truncate("i32"), (a.width + a.padding_columns).truncate("i32")
        rows = last_row.at_most(a.height + a.padding_rows) - first_row
    else:
        left, right = b.constant(Type.of("i32"), 0), a.width.truncate("i32")
        rows = last_row.at_most(a.height) - first_row.at_least(0)
    counts = last.at_most(right) - first.at_least(left)
    return (counts * rows.truncate("i32")).to_float(type.element)


@dataclass(frozen=True)
class AveragePoolCode:
    """The code of the kernel; everything it is specialised on."""

    type: Type
    step: int
    divisor: str

    @property
    def key(self) -> str:
        return f"average_pool {self.type} step{self.step} {self.divisor}"

    @property
    def arguments(self) -> Arguments:
        return Arguments("&x &y divisor", WINDOW_ARGUMENTS)

    def emit(self, module: Module, name: str) -> None:
        b = KernelBuilder(module, name)
        a = self.arguments.load(b, self.type)
        plane_size = a.height * a.width
        with windows_of_tile(b, a) as sixteen:
            total = b.variable(b.constant(self.type.vector(), 0))
            for values, _, _ in emit_taps(b, self.step, a, a.x + sixteen.plane * plane_size, sixteen, 0.0):
                total.value = total.value + values
            mean = total.value / divisors(b, self.type, self.divisor, a, sixteen)
            (a.y + sixteen.number).store(mean, sixteen.exist)
        b.finish()


@dataclass(frozen=True)
class AveragePoolGradientCode:
    """The code of the kernel; everything it is specialised on."""

    type: Type
    step: int
    divisor: str

    @property
    def key(self) -> str:
        return f"average_pool_gradient {self.type} step{self.step} {self.divisor}"

    @property
    def arguments(self) -> Arguments:
        return Arguments("&grad_y &grad_x divisor", WINDOW_ARGUMENTS)

    def emit(self, module: Module, name: str) -> None:
        b = KernelBuilder(module, name)
        a = self.arguments.load(b, self.type)
        plane_size = a.height * a.width
        first_plane = b.tile * a.lines_a_tile // a.out_rows
        last_plane = ((b.tile + 1) * a.lines_a_tile).at_most(a.lines) // a.out_rows
        emit_zero(b, a.grad_x + first_plane * plane_size, (last_plane - first_plane) * plane_size)
        with windows_of_tile(b, a) as sixteen:
            plane = a.grad_x + sixteen.plane * plane_size
            given = (a.grad_y + sixteen.number).load(LANES, sixteen.exist)
            share = where(sixteen.exist, given / divisors(b, self.type, self.divisor, a, sixteen), 0.0)
            with b.loop(0, a.kernel_rows) as tap_row:
                row = sixteen.first_row + tap_row
                with b.when(row.compare("ult", a.height)):
                    self._add_row(b, a, plane + row * a.width, sixteen, share)
        b.finish()

    def _add_row(self, b: KernelBuilder, a: Any, row: Pointer, sixteen: Sixteen, share: Value) -> None:
        """Add the shares of sixteen windows to one row of the elements they cover."""

        def add(column: Value, shares: Value) -> None:
            """Add to sixteen consecutive columns, those of the plane."""
            place, mask = row + column, inside(column, a)
            place.store(place.load(LANES, mask) + shares, mask)

        with b.loop(0, a.kernel_columns, max(self.step, 1)) as tap:
            column = sixteen.first_column + tap
            if self.step == 0:
                columns = b.lane_numbers() * a.stride_columns + column
                mask = sixteen.exist & columns.compare("ult", a.width)
                row.scatter(row.gather(columns, mask) + share, columns, mask)
            elif self.step == 1:
                add(column, share)
            else:
                # Two taps of sixteen windows cover thirty-two neighbouring columns.
                second = where(tap + 1 < a.kernel_columns, share, share.constant(0.0))
                for half in range(2):
                    picks = [LANES * (lane % 2) + LANES // 2 * half + lane // 2 for lane in range(LANES)]
                    add(column + half * LANES, share.pick(picks, second))
