"""From a product of matrices to kernel calls: choosing how it is computed."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from ...kernels.kernel import Call, MatrixAccess
from ...kernels.symbols import computed, value_of
from ..epilogue import EpilogueCode, StoreResults
from ..ir import Kernel
from ..register_tile import host_registers
from ..values import LANES, Type
from .combine import lower_combine, sums_of_blocks
from .pack import lower_pack, packing
from .problem import Product, merge_batch
from .product import ProductCode
from .tiling import (
    IN_PLACE_BYTES,
    LANE_BLOCK,
    PACKED_COLUMNS,
    PACKED_PRODUCTS,
    SPLIT_PRODUCTS,
    Tiles,
    block_length,
    ceil_divide,
    cut,
    is_split,
    matrices_a_tile,
    row_sizes,
    vector_tile,
)
from .vector_product import VectorProductCode


def lower_matmul(
    type: Type,
    batch: tuple[int, ...],
    m: int,
    n: int,
    k: int,
    a: MatrixAccess,
    b: MatrixAccess,
    result: MatrixAccess | EpilogueCode,
    threads_hint: int = 2,
) -> list[Call]:
    """The calls that compute the products of (batch, m, k) with (batch, k, n).

    ``type`` is that of the elements of all three: ``float``, ``double`` or ``i8`` to ``i64``. Every access has one batch
    stride per dimension of ``batch``; 0 repeats a matrix. Results are stored, or handed to an epilogue. Extents may be
    0; without any k the results are zeros.
    ``threads_hint`` only guides how finely the work is cut: it does not show in the results. No operand that is written
    may overlap ``a`` or ``b``.
    """
    if prod(batch) * m * n == 0:
        return []
    in_lanes = m == 1 or n == 1
    if isinstance(result, MatrixAccess):
        c = result
        if not in_lanes and c.row_stride == 1 and c.column_stride != 1:
            # Columns of the result adjoin, so compute its transpose: the kernels store rows.
            m, n, a, b, c = n, m, b.transposed(), a.transposed(), c.transposed()
        batch, (a, b, c) = merge_batch(batch, (a, b, c))
        if not in_lanes and batch and _continues_rows(m, a, b, c):
            m *= batch[-1]
            batch = batch[:-1]
            a, b, c = (replace(access, batch_strides=access.batch_strides[:-1]) for access in (a, b, c))
        result = StoreResults(type, c.operand, c.offset, c.batch_strides, c.row_stride, c.column_stride)
    product = Product(type, batch, m, n, k, a, b)
    calls = lower_vector_product(product, result) if in_lanes else lower_product(product, result, threads_hint)
    for call in calls:
        call.label = call.label or "matmul " + "x".join(map(str, map(value_of, (*batch, m, n, k))))
    calls[-1].flops = 2 * product.multiply_adds
    return calls


def _continues_rows(m: int, a: MatrixAccess, b: MatrixAccess, c: MatrixAccess) -> bool:
    """Whether the last batch dimension only adds rows to one product."""
    return b.batch_strides[-1] == 0 and all(x.batch_strides[-1] == m * x.row_stride for x in (a, c))


# --- blocked order ---------------------------------------------------------------------------------------------------


def lower_product(product: Product, epilogue: EpilogueCode, threads: int) -> list[Call]:
    """The calls of a product with m > 1 and n > 1: packing where it pays, then the product itself; or, if the result is
    too small to be cut, K blocks as tiles of their own and a call that adds them."""
    type, m, n, k = product.type, product.m, product.n, product.k
    registers = host_registers()
    vectors = 2 if LANES * type.bytes <= registers.bytes and n > LANES else 1
    heights = row_sizes(type, vectors, registers)
    height, width = heights[0], vectors * LANES
    block = block_length(k)
    blocks = ceil_divide(k, block)
    micro_tiles = product.matrices * ceil_divide(m, height) * ceil_divide(n, width)
    if is_split(product, blocks, micro_tiles, threads):
        whole = Tiles(ceil_divide(m, height) * height, ceil_divide(n, width) * width, 1, 1, 0)
        divided = product.split(block, blocks)
        parts, store = sums_of_blocks(divided)
        source = _source(divided, block, height, width, registers.masked_loads)
        code = ProductCode(type, heights, vectors, False, source, len(divided.batch), True)
        call = _product_call(divided, code, block, whole, store, threads)
        return [call, lower_combine(product, blocks, parts, epilogue)]

    calls: list[Call] = []
    source = _source(product, k, height, width, registers.masked_loads)
    tiles = cut(product, height, width, threads, source in ("narrow", "direct"))
    shared = None
    if source not in ("narrow", "direct") and not (isinstance(tiles.shared, int) and tiles.shared == 0):
        packing_call, shared = lower_pack(type, width, product.batch, n, k, product.b, tiles.shared)
        calls.append(packing_call)
    # Packed rows take a step of their own, but are then read in sequence.
    a_packed = n >= PACKED_COLUMNS and m > height and product.multiply_adds >= PACKED_PRODUCTS
    if a_packed:
        packing_call, a = lower_pack(type, height, product.batch, m, k, product.a.transposed())
        calls.append(packing_call)
        product = replace(product, a=a.transposed())
    code = ProductCode(type, heights, vectors, a_packed, source, len(product.batch), False)
    return [*calls, _product_call(product, code, block, tiles, epilogue, threads, shared)]


def _source(product: Product, k: int, height: int, width: int, masked_loads: bool) -> str:
    """How ``b`` is read (see :class:`.ProductCode`): where it lies if its columns adjoin and few strips of rows
    would share a packed copy, or if it is small enough to stay in the cache in spite of the distance of its rows."""
    way = packing(product.b)
    if way == "columns":
        if product.n < LANES and masked_loads:
            return "narrow"
        small = k * product.b.row_stride * product.type.bytes <= IN_PLACE_BYTES
        if product.n >= width and (small or product.m <= 4 * height):
            return "direct"
    return way


def _product_call(
    product: Product, code: ProductCode, block: int, tiles: Tiles, epilogue: EpilogueCode, threads: int,
    shared: MatrixAccess | None = None,
) -> Call:  # fmt: skip
    """The call of a product. ``shared`` are panels of ``b`` that were packed for all tiles, if ``tiles`` share them."""
    a, b, n, k = product.a, product.b, product.n, product.k
    height, width = code.row_sizes[0], code.vectors * LANES
    # A tile's last strip may be made of several lower ones.
    micro_tiles = (tiles.rows // height + len(code.row_sizes)) * (tiles.columns // width)
    kept, sums_step = computed(_sums, 1 if code.split else ceil_divide(k, block), micro_tiles, height * width)
    sums = height * width * kept
    panels = tiles.columns * block if code.packs else 0
    matrices = matrices_a_tile(product.matrices, product.multiply_adds, tiles.count, threads)
    shared_panels: dict[str, Any] = {}
    if code.packs:
        there = shared or replace(b, batch_strides=(0,) * len(product.batch))
        shared_panels = {
            "shared": 0 if shared is None else tiles.shared, "shared_b": there.operand, "shared_batch": there.batch_strides
        }  # fmt: skip
    arguments = code.arguments.values(
        a=a.operand, a_offset=a.offset, a_row=a.row_stride, a_k=a.column_stride, a_batch=a.batch_strides,
        b=b.operand, b_offset=b.offset, b_k=b.row_stride, b_column=b.column_stride, b_batch=b.batch_strides,
        extents=product.batch, count=product.matrices, matrices=matrices,
        m=product.m, n=n, k=k, block=block,
        tile_rows=tiles.rows, tile_columns=tiles.columns, row_tiles=tiles.row_tiles, column_tiles=tiles.column_tiles,
        column_limit=n - width if code.source == "direct" else n,
        sums_step=sums_step, panels=sums, **shared_panels,
    )  # fmt: skip
    return Call(
        Kernel(f"{code.key}/{epilogue.key}", lambda module, name: code.emit(module, name, epilogue)),
        [*arguments, *epilogue.arguments],
        tiles=ceil_divide(product.matrices, matrices) * tiles.count,
        scratch=(sums + panels) * code.type.bytes,
        reads=(a.operand, b.operand, *([] if shared is None else [shared.operand]), *epilogue.reads),
        writes=epilogue.writes,
    )


def _sums(blocks: int, micro_tiles: int, size: int) -> tuple[int, int]:
    """For how many micro-tiles there are sums at once, and how far apart they are: only of one if a single K block is all."""
    return (micro_tiles, size) if blocks > 1 else (1, 0)


# --- lane order ------------------------------------------------------------------------------------------------------


def lower_vector_product(product: Product, epilogue: EpilogueCode) -> list[Call]:
    """The calls of a product with m = 1 or n = 1. Where there are few outputs, K blocks become tiles of their own and
    are added afterwards."""
    blocks = ceil_divide(product.k, LANE_BLOCK)
    if blocks > 1 and product.matrices * product.m * product.n * LANE_BLOCK <= SPLIT_PRODUCTS:
        split = product.split(LANE_BLOCK, blocks)
        parts, store = sums_of_blocks(split)
        call = _vector_call(split, store, True)
        return [call, lower_combine(product, blocks, parts, epilogue)]
    return [_vector_call(product, epilogue, False)]


def _vector_call(product: Product, epilogue: EpilogueCode, split: bool) -> Call:
    """One pass over the matrix: its rows are outputs and its columns k."""
    row, batch, k = product.m == 1, product.batch, product.k
    if row:
        matrix, vector, outputs = product.b.transposed(), product.a, product.n
    else:
        matrix, vector, outputs = product.a, product.b.transposed(), product.m
    if matrix.column_stride == 1:
        way = "k"
    elif matrix.row_stride == 1:
        way = "outputs"
    else:
        way = "any"
    code = VectorProductCode(product.type, way, vector.column_stride == 1, row, len(batch), split)
    products_an_output = min(k, LANE_BLOCK) if split else max(1, k)
    tile_outputs = vector_tile(outputs, products_an_output, way == "outputs")
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
        tiles=product.matrices * output_tiles,
        scratch=code.scratch(tile_outputs),
        reads=(matrix.operand, vector.operand, *epilogue.reads),
        writes=epilogue.writes,
    )
