"""The matrix-multiplication template: right for every shape and layout, and the same bits however it is computed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from kernel_calls import Prepared, execute

from flambeau.cpu.gemm import lower as lower_module
from flambeau.cpu.gemm import lower_matmul, tiling
from flambeau.cpu.ir import KernelBuilder
from flambeau.cpu.register_tile import Registers
from flambeau.cpu.values import Type, Value, where
from flambeau.kernels.kernel import Call, MatrixAccess, Operand

NUMPY = {
    "float": np.float32,
    "double": np.float64,
    "i64": np.int64,
    "i32": np.int32,
    "i16": np.int16,
    "i8": np.int8,
}
LAYOUTS = ("rows", "columns", "wide", "apart")
"""Rows contiguous; columns contiguous; rows contiguous with gaps between them; elements three apart."""


@dataclass
class Matrix:
    """A batch of matrices in memory: everything, the elements alone, and how a template finds them."""

    memory: np.ndarray
    view: np.ndarray
    access: MatrixAccess


def matrix(dtype: str, shape: tuple[int, ...], layout: str = "rows", seed: int = 0, repeated: bool = False) -> Matrix:
    """Random matrices; ``repeated``: one for the whole batch, with batch strides of zero."""
    *batch, rows, columns = shape
    strides, size = {
        "rows": ((columns, 1), rows * columns),
        "columns": ((1, rows), rows * columns),
        "wide": ((columns + 5, 1), rows * (columns + 5)),
        "apart": ((3 * columns + 2, 3), rows * (3 * columns + 2)),
    }[layout]
    offset = 7
    matrices = 1 if repeated else int(np.prod(batch))
    memory = np.zeros(offset + matrices * size, NUMPY[dtype])
    generator = np.random.default_rng(seed)
    if np.issubdtype(memory.dtype, np.integer):
        limits = np.iinfo(memory.dtype)
        memory[:] = generator.integers(limits.min, limits.max, memory.size, memory.dtype, endpoint=True)
    else:
        memory[:] = generator.standard_normal(memory.size)
    batch_strides = tuple(0 if repeated else size * int(np.prod(batch[i + 1 :])) for i in range(len(batch)))
    steps = [stride * memory.itemsize for stride in (*batch_strides, *strides)]
    view = np.lib.stride_tricks.as_strided(memory[offset:], shape, steps)
    return Matrix(memory, view, MatrixAccess(Operand(memory.nbytes), offset, batch_strides, *strides))


def lower(dtype: str, a: Matrix, b: Matrix, c: Matrix, **options: object) -> list[Call]:
    *batch, m, n = c.view.shape
    accesses = a.access, b.access, c.access
    return lower_matmul(Type.of(dtype), tuple(batch), m, n, a.view.shape[-1], *accesses, **options)  # type: ignore[arg-type]


def arrays(*matrices: Matrix) -> dict[Operand, np.ndarray]:
    return {x.access.operand: x.memory for x in matrices}


def multiply(dtype: str, a: Matrix, b: Matrix, layout: str = "rows", **options: object) -> np.ndarray:
    """The product as the template computes it; what lies between the elements of the result must stay as it was."""
    batch = np.broadcast_shapes(a.view.shape[:-2], b.view.shape[:-2])
    c = matrix(dtype, (*batch, a.view.shape[-2], b.view.shape[-1]), layout, seed=99)
    before = c.memory.copy()
    calls = lower(dtype, a, b, c, **options)
    assert calls or c.view.size == 0
    if calls:
        execute(calls, arrays(a, b, c))
    result = c.view.copy()
    c.view[...] = 0
    untouched = c.memory.copy()
    c.memory[:] = before
    c.view[...] = 0
    np.testing.assert_array_equal(untouched, c.memory)
    return result


def check(dtype: str, a: Matrix, b: Matrix, result: np.ndarray) -> None:
    """Integers wrap and are exact; for the others, the error of a sum of k rounded products is bounded."""
    if dtype.startswith("i"):
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(result, np.matmul(a.view, b.view, dtype=NUMPY[dtype]))
        return
    exact = a.view.astype(np.longdouble) @ b.view.astype(np.longdouble)
    size = np.abs(a.view).astype(np.longdouble) @ np.abs(b.view).astype(np.longdouble)
    chain = min(a.view.shape[-1], 300) + a.view.shape[-1] // tiling.BLOCK
    assert np.all(np.abs(result - exact) <= size * chain * np.finfo(NUMPY[dtype]).eps)


def same_bits(x: np.ndarray, y: np.ndarray) -> None:
    kind = {4: np.uint32, 8: np.uint64}[x.itemsize]
    np.testing.assert_array_equal(np.ascontiguousarray(x).view(kind), np.ascontiguousarray(y).view(kind))


SHAPES = [
    (2, 2, 1), (2, 3, 5), (5, 7, 3), (13, 31, 17), (12, 32, 256), (12, 33, 257), (25, 15, 64), (100, 10, 70),
    (64, 128, 128), (37, 45, 1100), (3, 200, 700), (200, 6, 300), (230, 300, 520), (40, 400, 300),
]  # fmt: skip
VECTOR_SHAPES = [(1, 20, 33), (1, 1, 5), (33, 1, 100), (1, 300, 17), (500, 1, 3), (1, 1, 20000), (1, 3, 17000)]


@pytest.mark.parametrize("shape", SHAPES + VECTOR_SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_layouts(shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    for number, (a_layout, b_layout) in enumerate(itertools.product(LAYOUTS, repeat=2)):
        a, b = matrix("float", (m, k), a_layout, 1), matrix("float", (k, n), b_layout, 2)
        result = multiply("float", a, b, LAYOUTS[number % 4])
        check("float", a, b, result)
        if number == 0:
            first = a.view.copy(), b.view.copy()
        # The layout of neither operand shows in the bits.
        plain_a, plain_b = matrix("float", (m, k)), matrix("float", (k, n))
        plain_a.view[...], plain_b.view[...] = first
        a.view[...], b.view[...] = first
        same_bits(multiply("float", a, b), multiply("float", plain_a, plain_b))


@pytest.mark.parametrize("dtype", ["double", "i64", "i32", "i16", "i8"])
@pytest.mark.parametrize("shape", [(13, 31, 17), (40, 9, 300), (1, 40, 50), (50, 1, 40), (30, 70, 600)])
def test_other_types(dtype: str, shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    for a_layout, b_layout in (("rows", "rows"), ("columns", "columns"), ("apart", "wide"), ("wide", "apart")):
        a, b = matrix(dtype, (m, k), a_layout, 1), matrix(dtype, (k, n), b_layout, 2)
        check(dtype, a, b, multiply(dtype, a, b, a_layout))


@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (0, 0, 0), (3, 4, 0), (1, 4, 0), (4, 1, 0), (1, 1, 0)])
def test_empty(shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    result = multiply("float", matrix("float", (m, k)), matrix("float", (k, n)))
    same_bits(result, np.zeros((m, n), np.float32))
    none = matrix("float", (0, 2, 3))
    assert lower("float", none, matrix("float", (0, 3, 2)), matrix("float", (0, 2, 2))) == []


@pytest.mark.parametrize("batch", [(3,), (2, 3), (40,), (1, 2, 1, 3)])
@pytest.mark.parametrize("shape", [(14, 31, 17), (3, 2, 5), (1, 9, 20), (9, 1, 20), (20, 40, 300)])
def test_batches(batch: tuple[int, ...], shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    for a_repeated, b_repeated in ((False, False), (True, False), (False, True)):
        for layout in ("rows", "columns"):
            a = matrix("float", (*batch, m, k), layout, 1, a_repeated)
            b = matrix("float", (*batch, k, n), layout, 2, b_repeated)
            result = multiply("float", a, b)
            check("float", a, b, result)
            last = tuple(extent - 1 for extent in batch)
            alone_a, alone_b = matrix("float", (m, k)), matrix("float", (k, n))
            alone_a.view[...], alone_b.view[...] = a.view[last], b.view[last]
            same_bits(result[last], multiply("float", alone_a, alone_b))


@pytest.mark.parametrize("strides", [(0, 1), (1, 0), (0, 0), (1, 1)])
def test_repeated_rows_and_columns(strides: tuple[int, int]) -> None:
    """Strides within a matrix that make elements stand for several."""
    memory = matrix("float", (1, 500)).memory
    row, column = strides

    def window(rows: int, columns: int) -> Matrix:
        view = np.lib.stride_tricks.as_strided(memory[7:], (rows, columns), (4 * row, 4 * column))
        return Matrix(memory, view, MatrixAccess(Operand(memory.nbytes), 7, (), row, column))

    for m, n, k in ((20, 40, 30), (1, 40, 30), (40, 1, 30), (70, 300, 130)):
        check("float", window(m, k), window(k, n), multiply("float", window(m, k), window(k, n)))


@pytest.mark.parametrize("k", [1, 15, 64, 300, 1000])
def test_an_element_depends_on_its_row_and_column_alone(k: int) -> None:
    """Parts of a large product, computed alone, have the same bits: other register tiles, edges, packing."""
    a, b = matrix("float", (230, k), seed=1), matrix("float", (k, 420), seed=2)
    whole = multiply("float", a, b)
    for rows, columns in ((2, 2), (2, 420), (230, 2), (5, 17), (13, 31), (50, 100), (12, 32), (97, 333)):
        for first_row, first_column in ((0, 0), (230 - rows, 420 - columns)):
            a_access = MatrixAccess(a.access.operand, 7 + first_row * k, (), k, 1)
            b_access = MatrixAccess(b.access.operand, 7 + first_column, (), 420, 1)
            part_a = Matrix(a.memory, a.view[first_row : first_row + rows], a_access)
            part_b = Matrix(b.memory, b.view[:, first_column : first_column + columns], b_access)
            part = multiply("float", part_a, part_b)
            same_bits(part, whole[first_row : first_row + rows, first_column : first_column + columns])


@pytest.mark.parametrize("k", [1, 40, 1000, 20000])
def test_vector_products_agree(k: int) -> None:
    """A row of results, a column, a single one: all have the same order."""
    a, b = matrix("float", (1, k), seed=1), matrix("float", (k, 70), "columns", seed=2)
    row = multiply("float", a, b)
    a_transposed = Matrix(a.memory, a.view.T, a.access.transposed())
    b_transposed = Matrix(b.memory, b.view.T, b.access.transposed())
    same_bits(row, multiply("float", b_transposed, a_transposed).T)
    for j in (0, 69):
        one = Matrix(b.memory, b.view[:, j : j + 1], MatrixAccess(b.access.operand, 7 + j * k, (), 1, k))
        same_bits(multiply("float", a, one), row[:, j : j + 1])


def test_order_of_k() -> None:
    """The documented orders, step by step. Products of single precision are exact in extended precision."""

    def chain(x: np.ndarray, y: np.ndarray) -> np.float32:
        sum = np.float32(0)
        for p, q in zip(x, y, strict=True):
            sum = np.float32(np.longdouble(p) * np.longdouble(q) + np.longdouble(sum))
        return sum

    k = 700
    a, b = matrix("float", (2, k), seed=1), matrix("float", (k, 3), seed=2)
    x, y = a.view[1], b.view[:, 2]
    length = tiling.block_length(k)
    assert length == 234
    total = chain(x[:length], y[:length])
    for first in range(length, k, length):
        total += chain(x[first : first + length], y[first : first + length])
    assert multiply("float", a, b)[1, 2] == total

    a, b = matrix("float", (1, 9000), seed=1), matrix("float", (9000, 1), seed=2)
    x, y = a.view[0], b.view[:, 0]
    sums = []
    for block in (slice(0, tiling.LANE_BLOCK), slice(tiling.LANE_BLOCK, None)):
        lanes = [chain(x[block][lane::16], y[block][lane::16]) for lane in range(16)]
        while len(lanes) > 1:
            half = len(lanes) // 2
            lanes = [lanes[i] + lanes[i + half] for i in range(half)]
        sums.append(lanes[0])
    assert multiply("float", a, b)[0, 0] == sums[0] + sums[1]


@pytest.mark.parametrize("registers", [Registers(16, 32), Registers(32, 16), Registers(16, 16)])
def test_registers_of_other_machines(registers: Registers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of the register tile does not show in the bits."""
    for m, n, k in ((37, 45, 300), (8, 9, 20), (5, 64, 33), (250, 400, 50)):
        for dtype in ("float", "double"):
            a, b = matrix(dtype, (m, k), seed=1), matrix(dtype, (k, n), seed=2)
            here = multiply(dtype, a, b)
            with monkeypatch.context() as patch:
                patch.setattr(lower_module, "host_registers", lambda: registers)
                same_bits(here, multiply(dtype, a, b))


def test_register_tiles_fit() -> None:
    assert tiling.row_sizes(Type.of("float"), 2, Registers(32, 64)) == (12, 8, 4)
    assert tiling.row_sizes(Type.of("double"), 1, Registers(32, 64)) == (12, 8, 4)
    assert tiling.row_sizes(Type.of("float"), 1, Registers(16, 32)) == (6, 4, 2)
    assert tiling.row_sizes(Type.of("float"), 1, Registers(32, 16)) == (6, 4, 2)
    assert tiling.row_sizes(Type.of("double"), 1, Registers(16, 32)) == (2, 1)
    assert tiling.row_sizes(Type.of("double"), 1, Registers(16, 16)) == (1,)


@pytest.mark.parametrize(
    "shape", [(300, 500, 300), (1000, 40, 600), (9, 9, 40000), (1, 1, 100000), (1, 700, 900), (900, 1, 700)]
)
def test_threads_and_tiles_do_not_show(shape: tuple[int, int, int]) -> None:
    m, n, k = shape
    a, b, c = matrix("float", (m, k), seed=1), matrix("float", (k, n), seed=2), matrix("float", (m, n))
    results = []
    for threads_hint in (1, 2, 16):
        prepared = Prepared(lower("float", a, b, c, threads_hint=threads_hint), arrays(a, b, c))
        for threads in (1, 2, 0):
            c.memory[:] = np.nan
            if threads:
                prepared.run(threads)
            else:
                prepared.run_backwards()
            results.append(c.view.copy())
    check("float", a, b, results[0])
    for result in results[1:]:
        same_bits(result, results[0])


@pytest.mark.parametrize("shape", [(30, 40, 50), (3, 10, 300), (1, 40, 50), (40, 1, 50), (1, 1, 30000)])
def test_not_a_number_and_infinity(shape: tuple[int, int, int]) -> None:
    """They reach just the results of their row or column; zero times infinity is not left out."""
    m, n, k = shape
    for layout in ("rows", "columns"):
        a, b = matrix("float", (m, k), layout, 1), matrix("float", (k, n), layout, 2)
        a.view[m - 1, k // 2] = np.nan
        b.view[k - 1, n // 2] = np.inf
        a.view[0, k - 1] = 0
        with np.errstate(invalid="ignore"):
            expected = a.view.astype(np.float64) @ b.view.astype(np.float64)
        result = multiply("float", a, b)
        np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
        np.testing.assert_array_equal(result[np.isinf(expected)], expected[np.isinf(expected)])


class Affine:
    """An epilogue as a compiler would write it: ``max(value + bias[column], 0) * scale[batch, row] + residual``."""

    def __init__(self, bias: Operand, scale: Operand, residual: Operand, out: Operand, m: int, n: int) -> None:
        self.key = "affine"
        self.arguments: list[int | Operand] = [bias, scale, residual, out, m, n]
        self.reads = (bias, scale, residual)
        self.writes = (out,)

    def begin(self, b: KernelBuilder, first_argument: int) -> None:
        self.addresses = [b.operand(first_argument + 2 * i, Type.of("float")) for i in range(4)]
        self.m, self.n = b.arguments[first_argument + 8], b.arguments[first_argument + 9]

    def emit(
        self, value: Value, outer: Sequence[Value], middle: Value, inner: Value, mask: Value | None = None
    ) -> None:
        bias, scale, residual, out = self.addresses
        line = outer[0] * self.m + middle
        place = line * self.n + inner
        value = value + (bias + inner).load(value.lanes, mask)
        value = where(value > 0, value, 0) * scale[line] + (residual + place).load(value.lanes, mask)
        (out + place).store(value, mask)


@pytest.mark.parametrize(
    "shape", [(30, 70, 50), (13, 9, 600), (1, 50, 40), (50, 1, 40), (1, 1, 20000), (40, 450, 300), (4, 4, 0)]
)
def test_epilogue(shape: tuple[int, int, int]) -> None:
    """Fused work gives the bits of separate steps, once for each element."""
    m, n, k = shape
    batch = 3
    a, b = matrix("float", (batch, m, k), seed=1), matrix("float", (batch, k, n), "columns", seed=2)
    plain = multiply("float", a, b)
    generator = np.random.default_rng(5)
    bias, scale = generator.standard_normal(n, np.float32), generator.standard_normal((batch, m), np.float32)
    residual = generator.standard_normal((batch, m, n), np.float32)
    expected = np.maximum(plain + bias, np.float32(0)) * scale[..., None] + residual
    operands = [Operand(x.nbytes) for x in (bias, scale, residual)]
    # The result replaces the residual, so that a second pass over an element would show.
    epilogue = Affine(*operands, operands[2], m, n)
    calls = lower_matmul(Type.of("float"), (batch,), m, n, k, a.access, b.access, epilogue)
    assert calls[-1].writes == (operands[2],) and set(operands) <= set(calls[-1].reads)
    execute(calls, arrays(a, b) | dict(zip(operands, (bias, scale, residual), strict=True)))
    same_bits(residual, expected)


def test_small_products_are_one_step_of_one_tile() -> None:
    for m, n, k in ((1, 128, 4), (8, 8, 8), (100, 10, 128), (1, 1, 1000)):
        a, b, c = matrix("float", (m, k)), matrix("float", (k, n)), matrix("float", (m, n))
        (call,) = lower("float", a, b, c)
        assert call.tiles == 1
        assert call.flops == 2 * m * n * k
    a, b, c = matrix("float", (512, 4, 4)), matrix("float", (512, 4, 4)), matrix("float", (512, 4, 4))
    (call,) = lower("float", a, b, c)
    assert call.tiles < 40


def test_kernels_know_no_sizes() -> None:
    """Another batch size or length takes the same kernels."""

    def keys(m: int, n: int, k: int) -> set[str]:
        a, b, c = matrix("float", (m, k)), matrix("float", (k, n), "columns"), matrix("float", (m, n))
        return {call.kernel.key for call in lower("float", a, b, c)}

    assert keys(100, 128, 784) == keys(37, 128, 784) == keys(64, 128, 99)
    assert keys(1000, 1000, 784) == keys(700, 500, 333)
    assert keys(1, 128, 784) == keys(1, 55, 31)
