"""Sizes: register tiles, K blocks and tiles. None of them but the K blocks shows in a result."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels.symbols import computed
from ..register_tile import Registers
from ..values import LANES, Type
from .problem import Product

BLOCK = 256
"""Longest K block in blocked order: a panel of 32 columns of that length stays in the first-level cache."""

IN_PLACE_BYTES = 640 << 10
"""A matrix ``b`` up to this size is read where it lies."""

MOST_ROWS = 12
"""Rows of a register tile beyond which nothing is gained."""

PACKED_COLUMNS, PACKED_PRODUCTS = 384, 1 << 22
"""From how many columns, and multiply-adds in all, it pays to pack the rows of ``a``."""

LANE_BLOCK = 8192
"""Length of a K block in lane order."""

SPLIT_PRODUCTS = 1 << 17
"""Vector products whose tiles would hold no more than this many multiply-adds of one block are split into blocks."""

VECTOR_TILE_PRODUCTS = 1 << 15
"""Multiply-adds of a tile of a vector product: 128 KB of the matrix."""

SHORTEST_STRETCH, LONGEST_STRETCH = 64, 256
"""Outputs of a tile of a vector product along which the matrix adjoins: long enough to be read in sequence, short
enough that sixteen sums of each stay in the first-level cache."""

_PANELS_A_TILE = 4
_ROWS_A_TILE = 192
_TILES_A_THREAD = 16
_PRODUCTS_A_TILE = 1 << 17
"""Multiply-adds worth a tile of their own: a microsecond or so."""


def ceil_divide(a: int, b: int) -> int:
    return -(-a // b)


def block_length(k: int) -> int:
    """Length of the K blocks in blocked order (the last may be shorter): nearly equal, a function of k alone."""
    if not k:
        return 1
    (length,) = computed(_block_length, k)
    return length


def _block_length(k: int) -> tuple[int]:
    return (ceil_divide(k, ceil_divide(k, BLOCK)),)


def row_sizes(type: Type, vectors: int, registers: Registers) -> tuple[int, ...]:
    """Heights of the micro-kernels: the most rows whose sums fit the registers, beside a row of ``b`` and an element
    of ``a``, as a multiple of three; then two thirds and one third of it for the rows that are left over."""
    per_vector = max(1, LANES * type.bytes // registers.bytes)
    rows = min(MOST_ROWS, (registers.count - 1) // (vectors * per_vector) - 1)
    if rows < 3:
        return (2, 1) if rows == 2 else (1,)
    return rows // 3 * 3, rows // 3 * 2, rows // 3


@dataclass(frozen=True)
class Tiles:
    """How the (m, n) result of each matrix is cut; ``shared`` is 1 if several tiles need the same columns of ``b``, else 0."""

    rows: int
    columns: int
    row_tiles: int
    column_tiles: int
    shared: int

    @property
    def count(self) -> int:
        return self.row_tiles * self.column_tiles


def worthwhile_tiles(multiply_adds: int, threads: int) -> int:
    """How many tiles keep the threads evenly busy and are still worth their start."""
    return min(_TILES_A_THREAD * threads, multiply_adds // _PRODUCTS_A_TILE)


def cut(product: Product, height: int, width: int, threads: int, in_place: bool) -> Tiles:
    """Cut each result into tiles of whole strips (``height`` rows) and panels (``width`` columns); rather into columns,
    unless ``b`` is read in place, for rows that are cut are rows for which panels have to be packed again."""
    sizes = product.matrices, product.m, product.n, product.multiply_adds
    return Tiles(*computed(_cut, *sizes, height, width, threads, in_place))


def _cut(
    matrices: int, m: int, n: int, multiply_adds: int, height: int, width: int, threads: int, in_place: bool
) -> tuple[int, int, int, int, int]:
    row_strips, panels = ceil_divide(m, height), ceil_divide(n, width)
    row_tiles = ceil_divide(row_strips, max(1, _ROWS_A_TILE // height))
    column_tiles = ceil_divide(panels, _PANELS_A_TILE)
    enough = worthwhile_tiles(multiply_adds, threads)
    while matrices * row_tiles * column_tiles < enough and column_tiles < panels:
        column_tiles = min(panels, 2 * column_tiles)
    enough = enough if in_place else min(enough, 2 * threads)
    while matrices * row_tiles * column_tiles < enough and row_tiles < row_strips:
        row_tiles = min(row_strips, 2 * row_tiles)
    rows = ceil_divide(row_strips, row_tiles) * height
    columns = ceil_divide(panels, column_tiles) * width
    row_tiles = ceil_divide(m, rows)
    return rows, columns, row_tiles, ceil_divide(n, columns), int(row_tiles > 1)


def matrices_a_tile(matrices: int, multiply_adds: int, tiles: int, threads: int) -> int:
    """How many small matrices, each cut into ``tiles``, share a tile."""
    (number,) = computed(_matrices_a_tile, matrices, multiply_adds, tiles, threads)
    return number


def _matrices_a_tile(matrices: int, multiply_adds: int, tiles: int, threads: int) -> tuple[int]:
    if tiles > 1 or not multiply_adds:
        return (1,)
    return (max(1, min(_PRODUCTS_A_TILE * matrices // multiply_adds, matrices // (_TILES_A_THREAD * threads))),)


def vector_tile(outputs: int, products_an_output: int, in_stretches: bool) -> int:
    """Outputs of a tile of a vector product; ``in_stretches`` if the matrix adjoins along them."""
    (number,) = computed(_vector_tile, outputs, products_an_output, in_stretches)
    return number


def _vector_tile(outputs: int, products_an_output: int, in_stretches: bool) -> tuple[int]:
    number = max(1, min(outputs, VECTOR_TILE_PRODUCTS // products_an_output))
    if in_stretches:
        number = min(LONGEST_STRETCH, max(SHORTEST_STRETCH, ceil_divide(number, LANES) * LANES))
    return (number,)


def is_split(product: Product, blocks: int, micro_tiles: int, threads: int) -> bool:
    """Whether a result is too small to be cut, so that its K blocks are, if there are several."""
    (split,) = computed(_is_split, product.multiply_adds, blocks, micro_tiles, threads)
    return split != 0


def _is_split(multiply_adds: int, blocks: int, micro_tiles: int, threads: int) -> tuple[int]:
    return (int(blocks > 1 and 2 * micro_tiles <= worthwhile_tiles(multiply_adds, threads)),)
