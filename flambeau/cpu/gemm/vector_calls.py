"""Choosing how a product in lane order is computed."""

from __future__ import annotations

from ...kernels.kernel import Call
from ..ir import LANES
from ..kernel import Kernel
from .access import Product
from .combine import lower_combine, sums_of_blocks
from .epilogue import Epilogue, StoreResult
from .tiling import (
    LANE_BLOCK,
    LONGEST_STRETCH,
    SHORTEST_STRETCH,
    SPLIT_PRODUCTS,
    VECTOR_TILE_PRODUCTS,
    ceil_divide,
)
from .vector_product import VectorProductCode


def lower_vector_product(product: Product, epilogue: Epilogue) -> list[Call]:
    """The calls of a product with m = 1 or n = 1. Where there are few outputs, K blocks become tiles of their own and
    are added afterwards."""
    blocks = ceil_divide(product.k, LANE_BLOCK)
    if blocks > 1 and product.matrices * product.m * product.n * LANE_BLOCK <= SPLIT_PRODUCTS:
        split = product.split(LANE_BLOCK, blocks)
        parts = sums_of_blocks(split)
        call = _call(split, StoreResult(product.element, parts), True)
        return [call, lower_combine(product, blocks, parts, epilogue)]
    return [_call(product, epilogue, False)]


def _call(product: Product, epilogue: Epilogue, split: bool) -> Call:
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
    code = VectorProductCode(product.element, way, vector.column_stride == 1, row, len(batch), split)
    products_an_output = min(k, LANE_BLOCK) if split else max(1, k)
    tile_outputs = max(1, min(outputs, VECTOR_TILE_PRODUCTS // products_an_output))
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
        tiles=product.matrices * output_tiles,
        scratch=code.scratch(tile_outputs),
        reads=(matrix.operand, vector.operand, *epilogue.reads),
        writes=epilogue.writes,
    )
