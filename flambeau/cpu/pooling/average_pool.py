"""Means of sliding windows, and the gradient through them.

Sums go through the taps in row-major order. The divisor is the number of elements of the window, those of the padding
included or not (never those that a rounded-up output size reaches behind the padding), unless it is given.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.kernel import Call, Operand
from ..convolution.arguments import Layout
from ..ir import LANES, Builder, Module, vector
from ..kernel import Kernel
from ..vectors import gather_vector, lane_numbers, lanes_below, load_vector, scatter_vector, store_vector
from .max_pool import emit_zero
from .window import WORK_A_TILE, Line, Window, emit_lines, emit_taps, lanes_i32, window_layout

_I32 = f"<{LANES} x i32>"


def lower_average_pool(
    dtype: str,
    planes: int,
    height: int,
    width: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    out_h: int,
    out_w: int,
    x: Operand,
    y: Operand,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> list[Call]:
    """Calls that compute ``y [planes, out_h, out_w]`` from ``x [planes, height, width]`` (``float`` or ``double``).

    Raises ``ValueError`` for windows that do not fit or a divisor of zero.
    """
    window = Window(planes, height, width, kernel, stride, padding, (1, 1), out_h, out_w)
    code = AveragePoolKernel(dtype, window.step, _divisor(count_include_pad, divisor_override))
    operands: dict[str, int | Operand] = {"x": x, "y": y, "divisor": divisor_override or 0}
    arguments = code.layout.pack({**operands, **window.arguments()})
    return [Call(Kernel(code.key, code.emit), arguments, window.tiles, reads=(x,), writes=(y,), label="average pool")]


def lower_average_pool_gradient(
    dtype: str,
    planes: int,
    height: int,
    width: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    out_h: int,
    out_w: int,
    grad_y: Operand,
    grad_x: Operand,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> list[Call]:
    """Calls that compute ``grad_x [planes, height, width]`` from ``grad_y [planes, out_h, out_w]``; tiles
    are whole planes, so that the windows that share an element add to it in a fixed order."""
    window = Window(planes, height, width, kernel, stride, padding, (1, 1), out_h, out_w)
    planes_a_tile = max(1, WORK_A_TILE // (height * width * kernel[0] * kernel[1]))
    code = AveragePoolGradientKernel(dtype, window.step, _divisor(count_include_pad, divisor_override))
    operands: dict[str, int | Operand] = {"grad_y": grad_y, "grad_x": grad_x, "divisor": divisor_override or 0}
    arguments = code.layout.pack({**operands, **window.arguments(), "lines_a_tile": planes_a_tile * out_h})
    tiles = -(-planes // planes_a_tile)
    kernel_code = Kernel(code.key, code.emit)
    return [Call(kernel_code, arguments, tiles, reads=(grad_y,), writes=(grad_x,), label="average pool gradient")]


def _divisor(count_include_pad: bool, divisor_override: int | None) -> str:
    if divisor_override == 0:
        raise ValueError("divisor must be not zero")
    if divisor_override is not None:
        return "given"
    return "padded" if count_include_pad else "inside"


def emit_divisors(b: Builder, dtype: str, how: str, a: dict[str, str], first_row: str, first_column: str) -> str:
    """What the sums of sixteen windows are divided by."""
    whole = vector(dtype, LANES)
    if how == "given":
        return b.broadcast(dtype, b.op(f"sitofp i64 {a['divisor']} to {dtype}"), LANES)
    last_row = b.add(first_row, a["kernel_rows"])
    columns = lanes_i32(b, first_column, a["stride_columns"])
    last_columns = b.op(f"add {_I32} {columns}, {lanes_i32(b, a['kernel_columns'], '0')}")
    low, bottom, right = "0", a["height"], a["width"]
    if how == "padded":
        low = b.sub("0", a["padding_columns"])
        bottom, right = b.add(bottom, a["padding_rows"]), b.add(right, a["padding_columns"])
        rows = b.sub(b.minimum(last_row, bottom), first_row)
    else:
        rows = b.sub(b.minimum(last_row, bottom), b.maximum(first_row, "0"))
    last_columns = b.call("llvm.smin.v16i32", _I32, (_I32, last_columns), (_I32, lanes_i32(b, right, "0")))
    columns = b.call("llvm.smax.v16i32", _I32, (_I32, columns), (_I32, lanes_i32(b, low, "0")))
    counts = b.op(f"sub {_I32} {last_columns}, {columns}")
    counts = b.op(f"mul {_I32} {counts}, {lanes_i32(b, rows, '0')}")
    return b.op(f"sitofp {_I32} {counts} to {whole}")


@dataclass(frozen=True)
class AveragePoolKernel:
    dtype: str
    step: int
    divisor: str

    @property
    def key(self) -> str:
        return f"average_pool {self.dtype} step{self.step} {self.divisor}"

    @property
    def layout(self) -> Layout:
        return window_layout(("x", "y"), ("divisor",))

    def emit(self, module: Module, name: str) -> None:
        dtype, whole = self.dtype, vector(self.dtype, LANES)
        b = Builder(module, name)
        a = self.layout.load(b)
        plane_size = b.mul(a["height"], a["width"])

        def line(line: Line) -> None:
            plane = b.offset(dtype, a["x"], b.mul(line.plane, plane_size))
            with b.loop("0", a["out_columns"], str(LANES)) as out_column:
                first_column = b.sub(b.mul(out_column, a["stride_columns"]), a["padding_columns"])
                total = b.variable(whole, "zeroinitializer")

                def tap(values: str, row: str, column: str) -> None:
                    b.store(whole, b.op(f"fadd {whole} {b.load(whole, total)}, {values}"), total)

                emit_taps(b, dtype, self.step, a, plane, line.first_row, first_column, "zeroinitializer", tap)
                divisors = emit_divisors(b, dtype, self.divisor, a, line.first_row, first_column)
                mean = b.op(f"fdiv {whole} {b.load(whole, total)}, {divisors}")
                target = b.offset(dtype, a["y"], b.add(b.mul(line.number, a["out_columns"]), out_column))
                store_vector(b, dtype, mean, target, lanes_below(b, b.sub(a["out_columns"], out_column)))

        emit_lines(b, a, line)
        b.finish()


@dataclass(frozen=True)
class AveragePoolGradientKernel:
    dtype: str
    step: int
    divisor: str

    @property
    def key(self) -> str:
        return f"average_pool_gradient {self.dtype} step{self.step} {self.divisor}"

    @property
    def layout(self) -> Layout:
        return window_layout(("grad_y", "grad_x"), ("divisor",))

    def emit(self, module: Module, name: str) -> None:
        dtype, whole = self.dtype, vector(self.dtype, LANES)
        b = Builder(module, name)
        a = self.layout.load(b)
        plane_size = b.mul(a["height"], a["width"])
        first_plane = b.divide(b.mul("%tile", a["lines_a_tile"]), a["out_rows"])
        last_plane = b.divide(b.minimum(b.mul(b.add("%tile", "1"), a["lines_a_tile"]), a["lines"]), a["out_rows"])
        first = b.offset(dtype, a["grad_x"], b.mul(first_plane, plane_size))
        emit_zero(b, dtype, first, b.mul(b.sub(last_plane, first_plane), plane_size))

        def line(line: Line) -> None:
            plane = b.offset(dtype, a["grad_x"], b.mul(line.plane, plane_size))
            with b.loop("0", a["out_columns"], str(LANES)) as out_column:
                first_column = b.sub(b.mul(out_column, a["stride_columns"]), a["padding_columns"])
                source = b.offset(dtype, a["grad_y"], b.add(b.mul(line.number, a["out_columns"]), out_column))
                exists = lanes_below(b, b.sub(a["out_columns"], out_column))
                divisors = emit_divisors(b, dtype, self.divisor, a, line.first_row, first_column)
                share = b.op(f"fdiv {whole} {load_vector(b, dtype, source, exists)}, {divisors}")
                share = b.op(f"select <{LANES} x i1> {exists}, {whole} {share}, {whole} zeroinitializer")
                with b.loop("0", a["kernel_rows"]) as tap_row:
                    row = b.add(line.first_row, tap_row)
                    with b.when(b.op(f"icmp ult i64 {row}, {a['height']}")):
                        self._add_row(b, a, b.offset(dtype, plane, b.mul(row, a["width"])), first_column, share, exists)

        emit_lines(b, a, line)
        b.finish()

    def _add_row(self, b: Builder, a: dict[str, str], row: str, first_column: str, share: str, exists: str) -> None:
        """Add the shares of sixteen windows to one row of the elements they cover."""
        dtype, whole = self.dtype, vector(self.dtype, LANES)
        with b.loop("0", a["kernel_columns"], str(max(self.step, 1))) as tap:
            column = b.add(first_column, tap)
            if self.step == 0:
                stride = b.broadcast("i64", a["stride_columns"], LANES)
                steps = b.op(f"mul <{LANES} x i64> {lane_numbers()}, {stride}")
                columns = b.op(f"add <{LANES} x i64> {steps}, {b.broadcast('i64', column, LANES)}")
                limit = b.broadcast("i64", a["width"], LANES)
                mask = b.op(f"and <{LANES} x i1> {exists}, {b.op(f'icmp ult <{LANES} x i64> {columns}, {limit}')}")
                total = b.op(f"fadd {whole} {gather_vector(b, dtype, row, columns, mask)}, {share}")
                scatter_vector(b, dtype, total, row, columns, mask)
            elif self.step == 1:
                self._add_columns(b, a, row, column, share)
            else:
                # Two taps of sixteen windows cover thirty-two neighbouring columns.
                both = b.op(f"icmp slt i64 {b.add(tap, '1')}, {a['kernel_columns']}")
                second = b.op(f"select i1 {both}, {whole} {share}, {whole} zeroinitializer")
                for half in range(2):
                    picks = [LANES * (lane % 2) + LANES // 2 * half + lane // 2 for lane in range(LANES)]
                    spelled = ", ".join(f"i32 {pick}" for pick in picks)
                    shares = b.op(f"shufflevector {whole} {share}, {whole} {second}, <{LANES} x i32> <{spelled}>")
                    self._add_columns(b, a, row, b.add(column, str(half * LANES)), shares)

    def _add_columns(self, b: Builder, a: dict[str, str], row: str, column: str, shares: str) -> None:
        """Add to sixteen consecutive columns, those of the plane."""
        dtype, whole = self.dtype, vector(self.dtype, LANES)
        address = b.offset(dtype, row, column)
        limit = lanes_i32(b, a["width"], "0")
        mask = b.op(f"icmp ult {_I32} {lanes_i32(b, column, '1')}, {limit}")
        total = b.op(f"fadd {whole} {load_vector(b, dtype, address, mask)}, {shares}")
        store_vector(b, dtype, total, address, mask)
