"""From a product of matrices to kernel calls."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from ..ir import LANES
from ..kernel import Call, Kernel, Operand
from .access import MatrixAccess
from .arithmetic import Element
from .batches import merge_batch
from .combine import CombineCode
from .epilogue import Epilogue, StoreResult
from .machine import host_registers
from .pack import lower_pack, packing
from .product import ProductCode
from .tiling import (
    LANE_BLOCK,
    LONGEST_STRETCH,
    SHORTEST_STRETCH,
    SPLIT_PRODUCTS,
    VECTOR_TILE_PRODUCTS,
    block_length,
    ceil_divide,
    cut,
    row_sizes,
)
from .vector_product import VectorProductCode


PACKN = 256


def lower_matmul(
    dtype: str,
    batch: tuple[int, ...],
    m: int,
    n: int,
    k: int,
    a: MatrixAccess,
    b: MatrixAccess,
    c: MatrixAccess,
    epilogue: Epilogue | None = None,
    threads_hint: int = 2,
) -> list[Call]:
    """The calls that compute the products of (batch, m, k) with (batch, k, n).

    ``dtype`` is LLVM's name of the element type of all three: ``float``, ``double`` or ``i8`` to ``i64``. Every access
    has one batch stride per dimension of ``batch``; 0 repeats a matrix. Results go to ``epilogue``, or to ``c`` if
    there is none. Extents may be 0; without any k the results are zeros. ``threads_hint`` only guides how finely the
    work is cut: it does not show in the results. No operand that is written may overlap one that is read.
    """
    if prod(batch) * m * n == 0:
        return []
    element = Element(dtype)
    lanes_order = m == 1 or n == 1
    if epilogue is None:
        if not lanes_order and c.row_stride == 1 and c.column_stride != 1:
            m, n, a, b, c = n, m, b.transposed(), a.transposed(), c.transposed()
        batch, (a, b, c) = merge_batch(batch, (a, b, c))
        if not lanes_order and batch and _continues_rows(m, a, b, c):
            m *= batch[-1]
            batch, (a, b, c) = batch[:-1], tuple(replace(x, batch_strides=x.batch_strides[:-1]) for x in (a, b, c))
        epilogue = StoreResult(element, c)
    lower = _lower_vector_product if lanes_order else _lower_product
    calls = lower(element, batch, m, n, k, a, b, epilogue, threads_hint)
    calls[-1].flops = 2 * prod(batch) * m * n * k
    calls[-1].label = "matmul " + "x".join(map(str, (*batch, m, n, k)))
    return calls


def _continues_rows(m: int, a: MatrixAccess, b: MatrixAccess, c: MatrixAccess) -> bool:
    """Whether the last batch dimension only adds rows to one product."""
    return b.batch_strides[-1] == 0 and all(x.batch_strides[-1] == m * x.row_stride for x in (a, c))


def _lower_product(
    element: Element,
    batch: tuple[int, ...],
    m: int,
    n: int,
    k: int,
    a: MatrixAccess,
    b: MatrixAccess,
    epilogue: Epilogue,
    threads: int,
) -> list[Call]:
    """Blocked order."""
    registers = host_registers()
    block = block_length(k)
    one_register = LANES * element.bytes <= registers.bytes
    vectors = 2 if one_register and n > LANES else 1
    heights = row_sizes(element, vectors, registers)
    width = vectors * LANES
    tiles = cut(prod(batch), m, n, k, heights[0], width, threads)
    calls: list[Call] = []
    way = packing(b)
    source = way
    if way == "columns" and n < LANES and registers.masked_loads:
        source = "narrow"
    elif way == "columns" and n >= width and _read_in_place(element, m, k, heights[0], b):
        source = "direct"
    elif tiles.row_tiles > 1:
        call, b = lower_pack(element, width, batch, n, k, b)
        calls.append(call)
        source = "packed"
    a_packed = _worth_packing(m, n, k, heights[0])
    if a_packed:
        call, panels = lower_pack(element, heights[0], batch, m, k, a.transposed())
        calls.append(call)
        a = panels.transposed()
    packs = source == way
    column_limit = n - width if source == "direct" else n
    one_block = k <= block
    micro_tiles = (tiles.rows // heights[0] + len(heights)) * (tiles.columns // width)
    sums = heights[0] * width * (1 if one_block else micro_tiles)
    matrices = _matrices_a_tile(prod(batch), m * n * k, tiles.count, threads)
    code = ProductCode(element, heights, vectors, a_packed, source if packs or source == "narrow" else "direct", len(batch), False)
    arguments = code.arguments.values(
        a=a.operand, a_offset=a.offset, a_row=a.row_stride, a_k=a.column_stride, a_batch=a.batch_strides,
        b=b.operand, b_offset=b.offset, b_k=b.row_stride, b_column=b.column_stride, b_batch=b.batch_strides,
        extents=batch, count=prod(batch), matrices=matrices,
        m=m, n=n, k=k, block=block,
        tile_rows=tiles.rows, tile_columns=tiles.columns, row_tiles=tiles.row_tiles, column_tiles=tiles.column_tiles,
        column_limit=column_limit, sums_step=0 if one_block else heights[0] * width, panels=sums,
    )  # fmt: skip
    calls.append(
        Call(
            Kernel(f"{code.key}/{epilogue.key}", lambda module, name: code.emit(module, name, epilogue)),
            [*arguments, *epilogue.arguments],
            tiles=ceil_divide(prod(batch), matrices) * tiles.count,
            scratch=(sums + (tiles.columns * block if packs else 0)) * element.bytes,
            reads=(a.operand, b.operand, *epilogue.reads),
            writes=epilogue.writes,
        )
    )
    return calls


def _read_in_place(element: Element, m: int, k: int, height: int, b: MatrixAccess) -> bool:
    """Whether rows of ``b`` are read where they lie: where few strips of rows would share a packed copy, or the matrix
    is small enough to stay in the cache whatever its rows' distance."""
    return m <= 4 * height or k * b.row_stride * element.bytes <= 1 << 18


def _worth_packing(m: int, n: int, k: int, height: int) -> bool:
    return n >= PACKN and m >= 2 * height


def _matrices_a_tile(matrices: int, products: int, tiles: int, threads: int) -> int:
    """How many small matrices share a tile."""
    if tiles > 1 or not products:
        return 1
    return max(1, min((1 << 17) // products, matrices // (16 * threads)))


def _lower_vector_product(
    element: Element,
    batch: tuple[int, ...],
    m: int,
    n: int,
    k: int,
    a: MatrixAccess,
    b: MatrixAccess,
    epilogue: Epilogue,
    threads: int,
) -> list[Call]:
    """Lane order. Where there are few outputs, blocks become tiles of their own and are added afterwards."""
    row = m == 1
    matrix, vector, outputs = (b.transposed(), a, n) if row else (a, b.transposed(), m)
    blocks = ceil_divide(k, LANE_BLOCK)
    if blocks > 1 and prod(batch) * outputs * LANE_BLOCK <= SPLIT_PRODUCTS:
        parts, split_batch = _split(element, batch, blocks, m, n)
        matrix = replace(matrix, batch_strides=(*matrix.batch_strides, LANE_BLOCK * matrix.column_stride))
        vector = replace(vector, batch_strides=(*vector.batch_strides, LANE_BLOCK * vector.column_stride))
        first = _vector_call(element, split_batch, row, outputs, k, matrix, vector, StoreResult(element, parts), True)
        return [first, _combine(element, batch, blocks, m, n, parts, epilogue)]
    return [_vector_call(element, batch, row, outputs, k, matrix, vector, epilogue, False)]


def _vector_call(
    element: Element,
    batch: tuple[int, ...],
    row: bool,
    outputs: int,
    k: int,
    matrix: MatrixAccess,
    vector: MatrixAccess,
    epilogue: Epilogue,
    split: bool,
) -> Call:
    """One pass over the matrix: its rows are outputs and its columns k."""
    if matrix.column_stride == 1:
        way = "k"
    elif matrix.row_stride == 1:
        way = "outputs"
    else:
        way = "any"
    code = VectorProductCode(element, way, vector.column_stride == 1, row, len(batch), split)
    block_products = min(k, LANE_BLOCK) if split else max(1, k)
    tile_outputs = max(1, min(outputs, VECTOR_TILE_PRODUCTS // block_products))
    if way == "outputs":
        tile_outputs = min(LONGEST_STRETCH, max(SHORTEST_STRETCH, ceil_divide(tile_outputs, LANES) * LANES))
    output_tiles = ceil_divide(outputs, tile_outputs)
    arguments = code.arguments.values(
        matrix=matrix.operand, matrix_offset=matrix.offset,
        output_stride=matrix.row_stride, k_stride=matrix.column_stride, matrix_batch=matrix.batch_strides,
        vector=vector.operand, vector_offset=vector.offset,
        vector_stride=vector.column_stride, vector_batch=vector.batch_strides,
        extents=batch, outputs=outputs, k=k, block=LANE_BLOCK, tile_outputs=tile_outputs, output_tiles=output_tiles,
    )  # fmt: skip
    return Call(
        Kernel(f"{code.key}/{epilogue.key}", lambda module, name: code.emit(module, name, epilogue)),
        [*arguments, *epilogue.arguments],
        tiles=prod(batch) * output_tiles,
        scratch=code.scratch(tile_outputs),
        reads=(matrix.operand, vector.operand, *epilogue.reads),
        writes=epilogue.writes,
    )


def _split(
    element: Element, batch: tuple[int, ...], blocks: int, m: int, n: int
) -> tuple[MatrixAccess, tuple[int, ...]]:
    """A contiguous temporary (batch, blocks, m, n) for the sums of K blocks, and the batch that has the blocks as its
    last dimension."""
    extents = (*batch, blocks)
    operand = Operand(prod(extents) * m * n * element.bytes, "sums of blocks")
    strides = tuple(prod(extents[i + 1 :]) * m * n for i in range(len(extents)))
    return MatrixAccess(operand, 0, strides, n, 1), extents


def _combine(
    element: Element, batch: tuple[int, ...], blocks: int, m: int, n: int, parts: MatrixAccess, epilogue: Epilogue
) -> Call:
    code = CombineCode(element, n == 1, len(batch))
    arguments = code.arguments.values(parts=parts.operand, extents=batch, m=m, n=n, blocks=blocks)
    return Call(
        Kernel(f"{code.key}/{epilogue.key}", lambda module, name: code.emit(module, name, epilogue)),
        [*arguments, *epilogue.arguments],
        tiles=prod(batch) * (1 if n == 1 else m),
        reads=(parts.operand, *epilogue.reads),
        writes=epilogue.writes,
    )
