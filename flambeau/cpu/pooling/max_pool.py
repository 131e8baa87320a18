"""Maxima of sliding windows and where they are, and the gradient through them.

As PyTorch has it, taps are visited in row-major order; a NaN replaces whatever was there, and the first of equal maxima
stays. Where all is minus infinity, the place is that of the first element inside the plane.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.kernel import Call, Operand
from ..convolution.arguments import Layout
from ..ir import LANES, Builder, Module, float_constant, splat, vector
from ..kernel import Kernel
from ..vectors import ITEM_BYTES, lanes_below, store_vector
from .window import WORK_A_TILE, Line, Window, emit_lines, emit_taps, lanes_i32, window_layout

_FLOATING = ("float", "double")


def lower_max_pool(
    dtype: str,
    planes: int,
    height: int,
    width: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    out_h: int,
    out_w: int,
    x: Operand,
    y: Operand,
    indices: Operand | None = None,
) -> list[Call]:
    """Calls that compute ``y [planes, out_h, out_w]`` from ``x [planes, height, width]`` and, if wanted, ``indices``
    (int64, of y's shape): the flat position of each maximum within its plane.

    ``dtype`` is LLVM's name of a floating-point or signed integer type. Raises ``ValueError`` for windows that do not
    fit.
    """
    window = Window(planes, height, width, kernel, stride, padding, dilation, out_h, out_w)
    code = MaxPoolKernel(dtype, window.step, indices is not None, dilation[1] > 1)
    operands: dict[str, int | Operand] = {"x": x, "y": y}
    if indices is not None:
        operands["indices"] = indices
    return [
        Call(
            Kernel(code.key, code.emit),
            code.layout.pack({**operands, **window.arguments()}),
            window.tiles,
            reads=(x,),
            writes=(y,) if indices is None else (y, indices),
            label="max pool",
        )
    ]


def lowest(dtype: str) -> str:
    """The constant that every element is at least as large as."""
    if dtype in _FLOATING:
        return float_constant(float("-inf"), dtype)
    return str(-(1 << (8 * ITEM_BYTES[dtype] - 1)))


def emit_wins(b: Builder, dtype: str, lanes: int, value: str, best: str) -> str:
    """Whether (i1 for each lane) ``value`` takes the place of ``best``: it is greater, or not a number."""
    whole = vector(dtype, lanes)
    if dtype not in _FLOATING:
        return b.op(f"icmp sgt {whole} {value}, {best}")
    greater, nan = b.op(f"fcmp ogt {whole} {value}, {best}"), b.op(f"fcmp uno {whole} {value}, {value}")
    return b.op(f"or {vector('i1', lanes)} {greater}, {nan}")


@dataclass(frozen=True)
class MaxPoolKernel:
    dtype: str
    step: int
    indices: bool
    dilated: bool

    @property
    def key(self) -> str:
        options = f"{' indices' if self.indices else ''}{' dilated' if self.dilated else ''}"
        return f"max_pool {self.dtype} step{self.step}{options}"

    @property
    def layout(self) -> Layout:
        return window_layout(("x", "y", "indices") if self.indices else ("x", "y"))

    def emit(self, module: Module, name: str) -> None:
        b = Builder(module, name)
        a = self.layout.load(b)
        plane_size = b.mul(a["height"], a["width"])

        def line(line: Line) -> None:
            plane = b.offset(self.dtype, a["x"], b.mul(line.plane, plane_size))
            with b.loop("0", a["out_columns"], str(LANES)) as out_column:
                self._sixteen(b, a, plane, line, out_column)

        emit_lines(b, a, line)
        b.finish()

    def _sixteen(self, b: Builder, a: dict[str, str], plane: str, line: Line, out_column: str) -> None:
        dtype, whole, places_type = self.dtype, vector(self.dtype, LANES), f"<{LANES} x i32>"
        outside = splat(dtype, lowest(dtype), LANES)
        first_column = b.sub(b.mul(out_column, a["stride_columns"]), a["padding_columns"])
        best = b.variable(whole, outside)
        place = b.variable(places_type)
        if self.indices:
            b.store(places_type, self._first_places(b, a, line.first_row, first_column), place)

        def tap(values: str, row: str, column: str) -> None:
            before = b.load(whole, best)
            wins = emit_wins(b, dtype, LANES, values, before)
            b.store(whole, b.op(f"select <{LANES} x i1> {wins}, {whole} {values}, {whole} {before}"), best)
            if self.indices:
                here = lanes_i32(b, b.add(b.mul(row, a["width"]), column), a["stride_columns"])
                other = b.load(places_type, place)
                b.store(
                    places_type,
                    b.op(f"select <{LANES} x i1> {wins}, {places_type} {here}, {places_type} {other}"),
                    place,
                )

        emit_taps(b, dtype, self.step, a, plane, line.first_row, first_column, outside, tap)
        target = b.add(b.mul(line.number, a["out_columns"]), out_column)
        mask = lanes_below(b, b.sub(a["out_columns"], out_column))
        store_vector(b, dtype, b.load(whole, best), b.offset(dtype, a["y"], target), mask)
        if self.indices:
            wide = b.op(f"sext {places_type} {b.load(places_type, place)} to <{LANES} x i64>")
            store_vector(b, "i64", wide, b.offset("i64", a["indices"], target), mask)

    def _first_places(self, b: Builder, a: dict[str, str], first_row: str, first_column: str) -> str:
        """Where the first element inside the plane of each of sixteen windows is."""
        places_type = f"<{LANES} x i32>"
        steps_below = b.op(f"srem i64 {first_row}, {a['dilation_rows']}")
        wrapped = b.op(
            f"select i1 {b.op(f'icmp slt i64 {steps_below}, 0')}, i64 {b.add(steps_below, a['dilation_rows'])}, i64 "
            f"{steps_below}"
        )
        row = b.op(f"select i1 {b.op(f'icmp slt i64 {first_row}, 0')}, i64 {wrapped}, i64 {first_row}")
        columns = lanes_i32(b, first_column, a["stride_columns"])
        zero = "zeroinitializer"
        inside = zero
        if self.dilated:
            dilation = b.broadcast("i32", b.op(f"trunc i64 {a['dilation_columns']} to i32"), LANES)
            rest = b.op(f"srem {places_type} {columns}, {dilation}")
            below = b.op(f"icmp slt {places_type} {rest}, {zero}")
            more = b.op(f"add {places_type} {rest}, {dilation}")
            inside = b.op(f"select <{LANES} x i1> {below}, {places_type} {more}, {places_type} {rest}")
        negative = b.op(f"icmp slt {places_type} {columns}, {zero}")
        columns = b.op(f"select <{LANES} x i1> {negative}, {places_type} {inside}, {places_type} {columns}")
        return b.op(f"add {places_type} {columns}, {lanes_i32(b, b.mul(row, a['width']), '0')}")


GRADIENT_LAYOUT = Layout(("grad_y", "indices", "grad_x"), ("planes", "planes_a_tile", "plane_size", "out_size"))


def lower_max_pool_gradient(
    dtype: str,
    planes: int,
    height: int,
    width: int,
    out_h: int,
    out_w: int,
    grad_y: Operand,
    indices: Operand,
    grad_x: Operand,
) -> list[Call]:
    """Calls that compute ``grad_x [planes, height, width]``: each element of ``grad_y [planes, out_h, out_w]`` is added
    at its place, in row-major order. Also serves adaptive max pooling.

    ``indices`` must lie within the plane.
    """
    kernel = Kernel(f"max_pool_gradient {dtype}", lambda module, name: _emit_gradient(module, name, dtype))
    operands: dict[str, int | Operand] = {"grad_y": grad_y, "indices": indices, "grad_x": grad_x}
    planes_a_tile = max(1, WORK_A_TILE // (height * width))
    integers = {
        "planes": planes,
        "planes_a_tile": planes_a_tile,
        "plane_size": height * width,
        "out_size": out_h * out_w,
    }
    arguments = GRADIENT_LAYOUT.pack({**operands, **integers})
    reads = (grad_y, indices)
    tiles = -(-planes // planes_a_tile)
    return [Call(kernel, arguments, tiles, reads=reads, writes=(grad_x,), label="max pool gradient")]


def _emit_gradient(module: Module, name: str, dtype: str) -> None:
    b = Builder(module, name)
    a = GRADIENT_LAYOUT.load(b)
    align = ITEM_BYTES[dtype]
    zero = "0.0" if dtype in _FLOATING else "0"
    start = b.mul("%tile", a["planes_a_tile"])
    add = "fadd" if dtype in _FLOATING else "add"
    with b.loop(start, b.minimum(b.add(start, a["planes_a_tile"]), a["planes"])) as number:
        plane = b.offset(dtype, a["grad_x"], b.mul(number, a["plane_size"]))
        emit_zero(b, dtype, plane, a["plane_size"], zero)
        first = b.mul(number, a["out_size"])
        grad_y, indices = b.offset(dtype, a["grad_y"], first), b.offset("i64", a["indices"], first)
        with b.loop("0", a["out_size"]) as window:
            value = b.load(dtype, b.offset(dtype, grad_y, window), align)
            address = b.offset(dtype, plane, b.load("i64", b.offset("i64", indices, window), 8))
            b.store(dtype, b.op(f"{add} {dtype} {b.load(dtype, address, align)}, {value}"), address, align)
    b.finish()


def emit_zero(b: Builder, dtype: str, address: str, count: str, zero: str = "0.0") -> None:
    """Set ``count`` elements to zero."""
    whole = b.op(f"and i64 {count}, {-LANES}")
    with b.loop("0", whole, str(LANES)) as place:
        b.store(vector(dtype, LANES), "zeroinitializer", b.offset(dtype, address, place), ITEM_BYTES[dtype])
    with b.loop(whole, count) as place:
        b.store(dtype, zero, b.offset(dtype, address, place), ITEM_BYTES[dtype])
