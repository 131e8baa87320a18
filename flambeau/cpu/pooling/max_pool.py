"""Maxima of sliding windows and where they are, and the gradient through them.

As PyTorch has it, taps are visited in row-major order; a NaN replaces whatever was there, and the first of equal maxima
stays. Where all is minus infinity, the place is that of the first element inside the plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...graph.windows import EvenWindows, SlidingWindows
from ...kernels.kernel import Call, Operand
from ...kernels.symbols import largest
from ..arguments import Arguments
from ..ir import Kernel, KernelBuilder, Module
from ..values import Type, Value, where
from ..zeros import emit_zero
from .window import WINDOW_ARGUMENTS, WORK_A_TILE, Sixteen, Window, emit_taps, narrow_lanes, windows_of_tile


def lower_max_pool(
    type: Type, geometry: SlidingWindows, x: Operand, y: Operand, indices: Operand | None = None
) -> list[Call]:
    """Calls that compute the maxima y of x (floating-point numbers or signed integers) and, if wanted, ``indices`` (int64, of
    y's shape): the flat position of each within its plane."""
    window = Window(geometry)
    code = MaxPoolCode(type, window.step, indices is not None, window.dilation[1] > 1)
    operands = {"x": x, "y": y} if indices is None else {"x": x, "y": y, "indices": indices}
    arguments = code.arguments.values(**operands, **window.arguments())
    writes = (y,) if indices is None else (y, indices)
    return [Call(Kernel(code.key, code.emit), arguments, window.tiles, reads=(x,), writes=writes, label="max pool")]


def lowest(type: Type) -> float:
    """What every element is at least as large as."""
    return float("-inf") if type.floating else -(1 << (8 * type.bytes - 1))


def wins(value: Value, best: Value) -> Value:
    """Whether ``value`` takes the place of ``best``: it is greater, or not a number."""
    return (value > best) | value.is_nan() if value.type.floating else value > best


@dataclass(frozen=True)
class MaxPoolCode:
    """The code of the kernel; everything it is specialised on."""

    type: Type
    step: int
    indices: bool
    dilated: bool

    @property
    def key(self) -> str:
        options = f"{' indices' if self.indices else ''}{' dilated' if self.dilated else ''}"
        return f"max_pool {self.type} step{self.step}{options}"

    @property
    def arguments(self) -> Arguments:
        return Arguments("&x &y &indices" if self.indices else "&x &y", WINDOW_ARGUMENTS)

    def emit(self, module: Module, name: str) -> None:
        b = KernelBuilder(module, name)
        a = self.arguments.load(b, self.type)
        plane_size = a.height * a.width
        with windows_of_tile(b, a) as sixteen:
            best = b.variable(b.constant(self.type.vector(), lowest(self.type)))
            if self.indices:
                place = b.variable(self._first_places(a, sixteen))
            plane = a.x + sixteen.plane * plane_size
            for values, row, column in emit_taps(b, self.step, a, plane, sixteen, lowest(self.type)):
                before = best.value
                better = wins(values, before)
                best.value = where(better, values, before)
                if self.indices:
                    here = narrow_lanes(row * a.width + column, a.stride_columns)
                    place.value = where(better, here, place.value)
            (a.y + sixteen.number).store(best.value, sixteen.exist)
            if self.indices:
                (a.indices.of("i64") + sixteen.number).store(place.value.cast("sext", "i64"), sixteen.exist)
        b.finish()

    def _first_places(self, a: Any, sixteen: Sixteen) -> Value:
        """Where the first element inside the plane of each of the windows is."""

        def first_inside(start: Value, dilation: Value) -> Value:
            """The first tap of a window that is not negative."""
            rest = start.binary("srem", dilation)
            return where(start < 0, where(rest < 0, rest + dilation, rest), start)

        columns = narrow_lanes(sixteen.first_column, a.stride_columns)
        if self.dilated:
            columns = first_inside(columns, a.dilation_columns.truncate("i32"))
        else:
            columns = where(columns < 0, 0, columns)
        row = first_inside(sixteen.first_row, a.dilation_rows)
        return columns + (row * a.width).truncate("i32")


GRADIENT_ARGUMENTS = Arguments("&grad_y &indices &grad_x planes planes_a_tile plane_size out_size")


def lower_max_pool_gradient(
    type: Type, geometry: EvenWindows, grad_y: Operand, indices: Operand, grad_x: Operand
) -> list[Call]:
    """Calls that compute ``grad_x``: each element of ``grad_y`` is added at its place within the plane, in row-major order. Also
    serves adaptive max pooling."""
    plane_size = geometry.height * geometry.width
    kernel = Kernel(f"max_pool_gradient {type}", lambda module, name: _emit_gradient(module, name, type))
    planes_a_tile = largest([1, WORK_A_TILE // plane_size])
    arguments = GRADIENT_ARGUMENTS.values(
        grad_y=grad_y, indices=indices, grad_x=grad_x, planes=geometry.planes, planes_a_tile=planes_a_tile,
        plane_size=plane_size, out_size=geometry.out_height * geometry.out_width,
    )  # fmt: skip
    reads = (grad_y, indices)
    tiles = -(-geometry.planes // planes_a_tile)
    return [Call(kernel, arguments, tiles, reads=reads, writes=(grad_x,), label="max pool gradient")]


def _emit_gradient(module: Module, name: str, type: Type) -> None:
    b = KernelBuilder(module, name)
    a = GRADIENT_ARGUMENTS.load(b, type)
    start = b.tile * a.planes_a_tile
    with b.loop(start, (start + a.planes_a_tile).at_most(a.planes)) as number:
        plane = a.grad_x + number * a.plane_size
        emit_zero(b, plane, a.plane_size)
        first = number * a.out_size
        grad_y, indices = a.grad_y + first, a.indices.of("i64") + first
        with b.loop(0, a.out_size) as window:
            place = plane + indices[window]
            place.store(place.load() + grad_y[window])
    b.finish()
