"""Pooling to a given number of windows: window i of n covers elements floor(i * size / n) up to, not including,
ceil((i + 1) * size / n), so that windows differ in size and may overlap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...kernels.kernel import Call, Operand
from ..convolution.arguments import Layout
from ..convolution.lane_sum import sum_of_lanes
from ..ir import LANES, Builder, Module, vector
from ..kernel import Kernel
from ..vectors import ITEM_BYTES, lanes_below, load_vector, store_vector
from .max_pool import emit_wins, emit_zero, lowest
from .window import WORK_A_TILE

_INTEGERS = ("planes", "planes_a_tile", "height", "width", "out_rows", "out_columns")


@dataclass(frozen=True)
class Span:
    """A window: its flat number within the plane, and its rows and columns (first, and behind the last)."""

    number: str
    top: str
    bottom: str
    left: str
    right: str


def _arguments(planes: int, height: int, width: int, out_h: int, out_w: int) -> tuple[dict[str, int], int]:
    """The values of ``_INTEGERS``, and the number of tiles."""
    if min(height, width, out_h, out_w) < 1 or planes < 0:
        raise ValueError("adaptive pooling needs planes and outputs of at least one element")
    if out_h == out_w == 1:
        height, width = 1, height * width
    planes_a_tile = max(1, WORK_A_TILE // max(height * width, out_h * out_w))
    values = (planes, planes_a_tile, height, width, out_h, out_w)
    return dict(zip(_INTEGERS, values, strict=True)), -(-planes // planes_a_tile)


def _lower(
    code: str, dtype: str, shape: tuple[int, int, int, int, int], operands: dict[str, Operand], outputs: tuple[str, ...]
) -> list[Call]:
    integers, tiles = _arguments(*shape)
    layout = Layout(tuple(operands), _INTEGERS)
    emit = {"average": _emit_average, "average_gradient": _emit_average_gradient, "max": _emit_max}[code]

    def write(module: Module, name: str) -> None:
        b = Builder(module, name)
        emit(b, layout.load(b), dtype)
        b.finish()

    return [
        Call(
            Kernel(f"adaptive_pool_{code} {dtype}", write),
            layout.pack({**operands, **integers}),
            tiles,
            reads=tuple(operand for name, operand in operands.items() if name not in outputs),
            writes=tuple(operands[name] for name in outputs),
            label=f"adaptive pool {code}",
        )
    ]


def lower_adaptive_average_pool(
    dtype: str, planes: int, height: int, width: int, out_h: int, out_w: int, x: Operand, y: Operand
) -> list[Call]:
    """Calls that compute the means ``y [planes, out_h, out_w]`` of ``x [planes, height, width]``: each row of a window
    is added to sixteen lanes, which are added pairwise at the end. Raises ``ValueError`` for empty planes."""
    return _lower("average", dtype, (planes, height, width, out_h, out_w), {"x": x, "y": y}, ("y",))


def lower_adaptive_average_pool_gradient(
    dtype: str, planes: int, height: int, width: int, out_h: int, out_w: int, grad_y: Operand, grad_x: Operand
) -> list[Call]:
    """Calls that compute ``grad_x [planes, height, width]`` from ``grad_y [planes, out_h, out_w]``; windows that share
    an element add to it in row-major order."""
    operands = {"grad_y": grad_y, "grad_x": grad_x}
    return _lower("average_gradient", dtype, (planes, height, width, out_h, out_w), operands, ("grad_x",))


def lower_adaptive_max_pool(
    dtype: str,
    planes: int,
    height: int,
    width: int,
    out_h: int,
    out_w: int,
    x: Operand,
    y: Operand,
    indices: Operand,
) -> list[Call]:
    """Calls that compute the maxima ``y [planes, out_h, out_w]`` of ``x [planes, height, width]`` and ``indices``
    (int64), their flat positions within the plane; NaN and ties as in :mod:`.max_pool`."""
    operands = {"x": x, "y": y, "indices": indices}
    return _lower("max", dtype, (planes, height, width, out_h, out_w), operands, ("y", "indices"))


@contextmanager
def _planes(b: Builder, a: dict[str, str]) -> Iterator[str]:
    start = b.mul("%tile", a["planes_a_tile"])
    with b.loop(start, b.minimum(b.add(start, a["planes_a_tile"]), a["planes"])) as plane:
        yield plane


@contextmanager
def _windows(b: Builder, a: dict[str, str]) -> Iterator[Span]:
    def bounds(index: str, size: str, count: str) -> tuple[str, str]:
        first = b.divide(b.mul(index, size), count)
        end = b.add(b.mul(b.add(index, "1"), size), b.sub(count, "1"))
        return first, b.divide(end, count)

    with b.loop("0", a["out_rows"]) as row:
        top, bottom = bounds(row, a["height"], a["out_rows"])
        with b.loop("0", a["out_columns"]) as column:
            left, right = bounds(column, a["width"], a["out_columns"])
            yield Span(b.add(b.mul(row, a["out_columns"]), column), top, bottom, left, right)


def _plane_address(b: Builder, a: dict[str, str], dtype: str, base: str, plane: str) -> str:
    return b.offset(dtype, base, b.mul(plane, b.mul(a["height"], a["width"])))


def _window_address(b: Builder, a: dict[str, str], dtype: str, base: str, plane: str, span: Span) -> str:
    return b.offset(dtype, base, b.add(b.mul(plane, b.mul(a["out_rows"], a["out_columns"])), span.number))


def _size(b: Builder, dtype: str, span: Span) -> str:
    size = b.mul(b.sub(span.bottom, span.top), b.sub(span.right, span.left))
    return b.op(f"uitofp i64 {size} to {dtype}")


def _emit_average(b: Builder, a: dict[str, str], dtype: str) -> None:
    whole = vector(dtype, LANES)
    with _planes(b, a) as plane, _windows(b, a) as span:
        source = _plane_address(b, a, dtype, a["x"], plane)
        total = b.variable(whole, "zeroinitializer")
        with b.loop(span.top, span.bottom) as row:
            line = b.offset(dtype, source, b.mul(row, a["width"]))
            full = b.add(span.left, b.op(f"and i64 {b.sub(span.right, span.left)}, {-LANES}"))
            with b.loop(span.left, full, str(LANES)) as column:
                values = load_vector(b, dtype, b.offset(dtype, line, column))
                b.store(whole, b.op(f"fadd {whole} {b.load(whole, total)}, {values}"), total)
            with b.when(b.op(f"icmp slt i64 {full}, {span.right}")):
                values = load_vector(b, dtype, b.offset(dtype, line, full), lanes_below(b, b.sub(span.right, full)))
                b.store(whole, b.op(f"fadd {whole} {b.load(whole, total)}, {values}"), total)
        mean = b.op(f"fdiv {dtype} {sum_of_lanes(b, dtype, b.load(whole, total))}, {_size(b, dtype, span)}")
        b.store(dtype, mean, _window_address(b, a, dtype, a["y"], plane, span), ITEM_BYTES[dtype])


def _emit_average_gradient(b: Builder, a: dict[str, str], dtype: str) -> None:
    whole = vector(dtype, LANES)
    with _planes(b, a) as plane:
        target = _plane_address(b, a, dtype, a["grad_x"], plane)
        emit_zero(b, dtype, target, b.mul(a["height"], a["width"]))
        with _windows(b, a) as span:
            value = b.load(dtype, _window_address(b, a, dtype, a["grad_y"], plane, span), ITEM_BYTES[dtype])
            share = b.broadcast(dtype, b.op(f"fdiv {dtype} {value}, {_size(b, dtype, span)}"), LANES)
            with b.loop(span.top, span.bottom) as row:
                line = b.offset(dtype, target, b.mul(row, a["width"]))
                full = b.add(span.left, b.op(f"and i64 {b.sub(span.right, span.left)}, {-LANES}"))
                with b.loop(span.left, full, str(LANES)) as column:
                    address = b.offset(dtype, line, column)
                    total = b.op(f"fadd {whole} {load_vector(b, dtype, address)}, {share}")
                    store_vector(b, dtype, total, address)
                with b.when(b.op(f"icmp slt i64 {full}, {span.right}")):
                    address, mask = b.offset(dtype, line, full), lanes_below(b, b.sub(span.right, full))
                    total = b.op(f"fadd {whole} {load_vector(b, dtype, address, mask)}, {share}")
                    store_vector(b, dtype, total, address, mask)


def _emit_max(b: Builder, a: dict[str, str], dtype: str) -> None:
    with _planes(b, a) as plane, _windows(b, a) as span:
        source = _plane_address(b, a, dtype, a["x"], plane)
        best = b.variable(dtype, lowest(dtype))
        place = b.variable("i64", b.add(b.mul(span.top, a["width"]), span.left))
        with b.loop(span.top, span.bottom) as row, b.loop(span.left, span.right) as column:
            here = b.add(b.mul(row, a["width"]), column)
            value, before = b.load(dtype, b.offset(dtype, source, here), ITEM_BYTES[dtype]), b.load(dtype, best)
            wins = emit_wins(b, dtype, 1, value, before)
            b.store(dtype, b.op(f"select i1 {wins}, {dtype} {value}, {dtype} {before}"), best)
            b.store("i64", b.op(f"select i1 {wins}, i64 {here}, i64 {b.load('i64', place)}"), place)
        b.store(dtype, b.load(dtype, best), _window_address(b, a, dtype, a["y"], plane, span), ITEM_BYTES[dtype])
        b.store("i64", b.load("i64", place), _window_address(b, a, "i64", a["indices"], plane, span), 8)
