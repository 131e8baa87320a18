"""Pooling to a given number of windows: window i of n covers elements floor(i * size / n) up to, not including,
ceil((i + 1) * size / n), so that windows differ in size and may overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...graph.windows import EvenWindows
from ...kernels.kernel import Call, Operand
from ..arguments import Arguments
from ..ir import Kernel, KernelBuilder, Module
from ..lanes import sum_of_lanes
from ..values import LANES, Type, Value, where
from ..zeros import emit_zero
from .max_pool import lowest, wins
from .window import WORK_A_TILE


@dataclass(frozen=True)
class Span:
    """A window: its flat number among all windows, and its rows and columns (first, and behind the last)."""

    number: Value
    top: Value
    bottom: Value
    left: Value
    right: Value

    def size(self, type: Type) -> Value:
        """How many elements it has."""
        return ((self.bottom - self.top) * (self.right - self.left)).cast("uitofp", type.element)


def _lower(
    name: str,
    emit: Callable[[KernelBuilder, Any, Type], None],
    type: Type,
    geometry: EvenWindows,
    reads: dict[str, Operand],
    writes: dict[str, Operand],
) -> list[Call]:
    """The call of one of the kernels."""
    planes, height, width, out_rows, out_columns = geometry
    if min(height, width, out_rows, out_columns) < 1 or planes < 0:
        raise ValueError("adaptive pooling needs planes and outputs of at least one element")
    if out_rows == out_columns == 1:
        height, width = 1, height * width
    planes_a_tile = max(1, WORK_A_TILE // max(height * width, out_rows * out_columns))
    operands = reads | writes
    arguments = Arguments(
        *(f"&{operand}" for operand in operands), "planes planes_a_tile height width out_rows out_columns"
    )
    values = arguments.values(
        **operands, planes=planes, planes_a_tile=planes_a_tile, height=height, width=width,
        out_rows=out_rows, out_columns=out_columns,
    )  # fmt: skip

    def write(module: Module, function: str) -> None:
        b = KernelBuilder(module, function)
        emit(b, arguments.load(b, type), type)
        b.finish()

    kernel, tiles = Kernel(f"adaptive_pool_{name} {type}", write), -(-planes // planes_a_tile)
    read, written = tuple(reads.values()), tuple(writes.values())
    return [Call(kernel, values, tiles, reads=read, writes=written, label=f"adaptive pool {name}")]


def lower_adaptive_average_pool(type: Type, geometry: EvenWindows, x: Operand, y: Operand) -> list[Call]:
    """Calls that compute the means y of x: each row of a window is added to sixteen lanes, which are added pairwise at the
    end."""
    return _lower("average", _emit_average, type, geometry, {"x": x}, {"y": y})


def lower_adaptive_average_pool_gradient(
    type: Type, geometry: EvenWindows, grad_y: Operand, grad_x: Operand
) -> list[Call]:
    """Calls that compute ``grad_x`` from ``grad_y``; windows that share an element add to it in row-major order."""
    return _lower("average_gradient", _emit_average_gradient, type, geometry, {"grad_y": grad_y}, {"grad_x": grad_x})


def lower_adaptive_max_pool(
    type: Type, geometry: EvenWindows, x: Operand, y: Operand, indices: Operand | None = None
) -> list[Call]:
    """Calls that compute the maxima y of x and ``indices`` (int64), their flat positions within the plane, which are found even
    if nobody wants them; NaN and ties as in :mod:`.max_pool`."""
    indices = indices or Operand(8 * geometry.planes * geometry.out_height * geometry.out_width, "places")
    return _lower("max", _emit_max, type, geometry, {"x": x}, {"y": y, "indices": indices})


@contextmanager
def _planes(b: KernelBuilder, a: Any) -> Iterator[Value]:
    """Loop over the planes of the tile."""
    start = b.tile * a.planes_a_tile
    with b.loop(start, (start + a.planes_a_tile).at_most(a.planes)) as plane:
        yield plane


@contextmanager
def _windows(b: KernelBuilder, a: Any, plane: Value) -> Iterator[Span]:
    """Loop over the windows of a plane."""

    def bounds(index: Value, size: Value, count: Value) -> tuple[Value, Value]:
        return index * size // count, ((index + 1) * size + (count - 1)) // count

    first = plane * (a.out_rows * a.out_columns)
    with b.loop(0, a.out_rows) as row:
        top, bottom = bounds(row, a.height, a.out_rows)
        with b.loop(0, a.out_columns) as column:
            left, right = bounds(column, a.width, a.out_columns)
            yield Span(first + (row * a.out_columns + column), top, bottom, left, right)


def _emit_average(b: KernelBuilder, a: Any, type: Type) -> None:
    with _planes(b, a) as plane, _windows(b, a, plane) as span:
        source = a.x + plane * (a.height * a.width)
        total = b.variable(b.constant(type.vector(), 0))
        with b.loop(span.top, span.bottom) as row:
            line = source + row * a.width
            for column, mask in b.vectors(span.left, span.right):
                total.value = total.value + (line + column).load(LANES, mask)
        a.y[span.number] = sum_of_lanes(total.value) / span.size(type)


def _emit_average_gradient(b: KernelBuilder, a: Any, type: Type) -> None:
    with _planes(b, a) as plane:
        target = a.grad_x + plane * (a.height * a.width)
        emit_zero(b, target, a.height * a.width)
        with _windows(b, a, plane) as span:
            share = (a.grad_y[span.number] / span.size(type)).broadcast()
            with b.loop(span.top, span.bottom) as row:
                line = target + row * a.width
                for column, mask in b.vectors(span.left, span.right):
                    place = line + column
                    place.store(place.load(LANES, mask) + share, mask)


def _emit_max(b: KernelBuilder, a: Any, type: Type) -> None:
    with _planes(b, a) as plane, _windows(b, a, plane) as span:
        source = a.x + plane * (a.height * a.width)
        best = b.variable(b.constant(type, lowest(type)))
        place = b.variable(span.top * a.width + span.left)
        with b.loop(span.top, span.bottom) as row, b.loop(span.left, span.right) as column:
            here = row * a.width + column
            value, before = source[here], best.value
            better = wins(value, before)
            best.value, place.value = where(better, value, before), where(better, here, place.value)
        a.y[span.number] = best.value
        a.indices.of("i64")[span.number] = place.value
