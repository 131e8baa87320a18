"""Choosing how a product in blocked order is computed."""

from __future__ import annotations

from dataclasses import replace

from ...kernels.kernel import Call
from ..ir import LANES
from ..kernel import Kernel
from .access import Product
from .combine import lower_combine, sums_of_blocks
from .epilogue import Epilogue, StoreResult
from .machine import host_registers
from .pack import lower_pack, packing
from .product import ProductCode
from .tiling import (
    IN_PLACE_BYTES,
    PACKED_COLUMNS,
    PACKED_PRODUCTS,
    Tiles,
    block_length,
    ceil_divide,
    cut,
    matrices_a_tile,
    row_sizes,
    worthwhile_tiles,
)


def lower_product(product: Product, epilogue: Epilogue, threads: int) -> list[Call]:
    """The calls of a product with m > 1 and n > 1: packing where it pays, then the product itself; or, if the result is
    too small to be cut, K blocks as tiles of their own and a call that adds them."""
    element, m, n, k = product.element, product.m, product.n, product.k
    registers = host_registers()
    vectors = 2 if LANES * element.bytes <= registers.bytes and n > LANES else 1
    heights = row_sizes(element, vectors, registers)
    height, width = heights[0], vectors * LANES
    block = block_length(k)
    blocks = ceil_divide(k, block)
    micro_tiles = product.matrices * ceil_divide(m, height) * ceil_divide(n, width)
    split = blocks > 1 and 2 * micro_tiles <= worthwhile_tiles(product, threads)
    if split:
        whole = Tiles(ceil_divide(m, height) * height, ceil_divide(n, width) * width, 1, 1)
        divided = product.split(block, blocks)
        parts = sums_of_blocks(divided)
        source = _source(divided, min(k, block), height, width, registers.masked_loads)
        code = ProductCode(element, heights, vectors, False, source, len(divided.batch), True)
        call = _call(divided, code, block, whole, StoreResult(element, parts), threads)
        return [call, lower_combine(product, blocks, parts, epilogue)]

    calls: list[Call] = []
    source = _source(product, k, height, width, registers.masked_loads)
    tiles = cut(product, height, width, threads, source in ("narrow", "direct"))
    if source not in ("narrow", "direct") and tiles.row_tiles > 1:
        packing_call, b = lower_pack(element, width, product.batch, n, k, product.b)
        calls.append(packing_call)
        product, source = replace(product, b=b), "packed"
    # Packed rows take a step of their own, but are then read in sequence.
    a_packed = m > height and n >= PACKED_COLUMNS and product.multiply_adds >= PACKED_PRODUCTS
    if a_packed:
        packing_call, a = lower_pack(element, height, product.batch, m, k, product.a.transposed())
        calls.append(packing_call)
        product = replace(product, a=a.transposed())
    code = ProductCode(element, heights, vectors, a_packed, source, len(product.batch), False)
    return [*calls, _call(product, code, block, tiles, epilogue, threads)]


def _source(product: Product, k: int, height: int, width: int, masked_loads: bool) -> str:
    """How ``b`` is read (see :class:`.product.ProductCode`): where it lies if its columns adjoin and few strips of rows
    would share a packed copy, or if it is small enough to stay in the cache in spite of the distance of its rows."""
    way = packing(product.b)
    if way == "columns":
        if product.n < LANES and masked_loads:
            return "narrow"
        small = k * product.b.row_stride * product.element.bytes <= IN_PLACE_BYTES
        if product.n >= width and (small or product.m <= 4 * height):
            return "direct"
    return way


def _call(product: Product, code: ProductCode, block: int, tiles: Tiles, epilogue: Epilogue, threads: int) -> Call:
    """The call of a product whose matrices have been packed."""
    a, b, n, k = product.a, product.b, product.n, product.k
    height, width = code.row_sizes[0], code.vectors * LANES
    one_block = k <= block or code.split
    # A tile's last strip may be made of several lower ones.
    micro_tiles = (tiles.rows // height + len(code.row_sizes)) * (tiles.columns // width)
    sums = height * width * (1 if one_block else micro_tiles)
    panels = tiles.columns * block if code.packs else 0
    matrices = matrices_a_tile(product.matrices, product.multiply_adds, tiles.count, threads)
    arguments = code.arguments.values(
        a=a.operand, a_offset=a.offset, a_row=a.row_stride, a_k=a.column_stride, a_batch=a.batch_strides,
        b=b.operand, b_offset=b.offset, b_k=b.row_stride, b_column=b.column_stride, b_batch=b.batch_strides,
        extents=product.batch, count=product.matrices, matrices=matrices,
        m=product.m, n=n, k=k, block=block,
        tile_rows=tiles.rows, tile_columns=tiles.columns, row_tiles=tiles.row_tiles, column_tiles=tiles.column_tiles,
        column_limit=n - width if code.source == "direct" else n,
        sums_step=0 if one_block else height * width, panels=sums,
    )  # fmt: skip
    return Call(
        Kernel(f"{code.key}/{epilogue.key}", lambda module, name: code.emit(module, name, epilogue)),
        [*arguments, *epilogue.arguments],
        tiles=ceil_divide(product.matrices, matrices) * tiles.count,
        scratch=(sums + panels) * code.element.bytes,
        reads=(a.operand, b.operand, *epilogue.reads),
        writes=epilogue.writes,
    )
