"""Copying columns of ``b`` (or rows of ``a``) into panels: strips as wide as the register tile, one k after another.

A panel of width W holds element (k, column) at ``k * W + column``. The micro-kernel then reads vectors whatever the
strides of ``b`` are, and in the order in which they lie. Columns past the edge of the matrix repeat the last one:
their products are computed and never stored. Rows of ``a`` are packed as the columns of its transpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ...kernels.kernel import Call, MatrixAccess, Operand
from ..ir import LANES, Builder, Module, vector
from ..kernel import Kernel
from .arguments import Arguments
from .arithmetic import Element
from .batches import copied_batch_strides, element_offset, split_index

PACK_PARAMETERS = (
    ("ptr", "panel"),
    ("ptr", "source"),
    ("i64", "column_stride"),
    ("i64", "k_stride"),
    ("i64", "columns"),
    ("i64", "k"),
    ("i64", "ahead"),
)

_AHEAD = 64
"""How many k ahead the packing of a whole matrix has its source fetched."""


def packing(access: MatrixAccess) -> str:
    """Which way of packing suits the strides of ``b``: ``columns`` (consecutive columns adjoin in memory), ``k``
    (consecutive k do), or ``any``."""
    if access.column_stride == 1:
        return "columns"
    return "k" if access.row_stride == 1 else "any"


def pack_function(module: Module, element: Element, width: int, way: str) -> str:
    """The name of an internal function that writes one panel of ``width`` columns, of which only the first ``columns``
    exist; its parameters are :data:`PACK_PARAMETERS`.

    What lies ``ahead`` elements behind each place it reads is fetched into the second-level cache: rows may be pages
    apart, which no processor foresees by itself.
    """
    name = f"pack_{way}_{element.type}_{width}"
    if not module.has_function(name):
        b = Builder(module, name, PACK_PARAMETERS, internal=True, attributes="nounwind noinline")
        if way == "k":
            _transpose_panel(b, element, width)
        elif way == "columns":
            whole, partial, end = b.label("whole"), b.label("partial"), b.label("packed")
            b.branch(b.op(f"icmp eq i64 %columns, {width}"), whole, partial)
            b.place(whole)
            _copy_panel(b, element, width)
            b.jump(end)
            b.place(partial)
            _gather_panel(b, element, width, "0")
            b.jump(end)
            b.place(end)
        else:
            _gather_panel(b, element, width, "0")
        b.finish()
    return name


def call_pack(b: Builder, name: str, *values: str) -> None:
    """Call a function made by :func:`pack_function` with a value for each of :data:`PACK_PARAMETERS`."""
    arguments = ", ".join(f"{type} {value}" for (type, _), value in zip(PACK_PARAMETERS, values, strict=True))
    b.do(f"call void @{name}({arguments})")


def _pieces(width: int) -> list[tuple[int, int]]:
    """First column and length of the vectors that make up a row of a panel."""
    return [(first, min(LANES, width - first)) for first in range(0, width, LANES)]


def _copy_panel(b: Builder, element: Element, width: int) -> None:
    """All columns exist and adjoin: copy a row of vectors for each k."""
    with b.loop("0", "%k") as k:
        source = b.offset(element.type, "%source", b.mul(k, "%k_stride"))
        ahead = b.offset(element.type, source, "%ahead")
        target = b.offset(element.type, "%panel", b.mul(k, str(width)))
        for first, lanes in _pieces(width):
            b.prefetch(b.offset(element.type, ahead, str(first)), level=2)
            value = b.load(vector(element.type, lanes), b.offset(element.type, source, str(first)), element.bytes)
            place = b.offset(element.type, target, str(first))
            b.store(vector(element.type, lanes), value, place, element.bytes)


def _gather_panel(b: Builder, element: Element, width: int, first_k: str) -> None:
    """Any strides: one element at a time, from ``first_k`` on."""
    last = b.sub("%columns", "1")
    with b.loop(first_k, "%k") as k, b.loop("0", str(width)) as column:
        place = b.add(b.mul(k, "%k_stride"), b.mul(b.minimum(column, last), "%column_stride"))
        value = element.load(b, b.offset(element.type, "%source", place))
        element.store(b, value, b.offset(element.type, "%panel", b.add(b.mul(k, str(width)), column)))


def _transpose_panel(b: Builder, element: Element, width: int) -> None:
    """Consecutive k adjoin: transpose blocks of sixteen columns by sixteen k in registers."""
    whole_blocks = b.mul(b.divide("%k", str(LANES)), str(LANES))
    last = b.sub("%columns", "1")
    # Blocks of equal length share the code of a loop.
    lengths = sorted({lanes for _, lanes in _pieces(width)}, reverse=True)
    for length in lengths:
        starts = [first for first, lanes in _pieces(width) if lanes == length]
        with b.loop(str(starts[0]), str(starts[-1] + 1), str(LANES)) as first_column:
            columns = [
                b.offset(element.type, "%source", b.mul(b.minimum(b.add(first_column, str(i)), last), "%column_stride"))
                for i in range(length)
            ]
            columns += columns[:1] * (LANES - length)
            target = b.offset(element.type, "%panel", first_column)
            with b.loop("0", whole_blocks, str(LANES)) as k:
                places = [b.offset(element.type, column, k) for column in columns]
                for place in places[:length]:
                    b.prefetch(b.offset(element.type, place, "%ahead"), level=2)
                block = [element.load_vector(b, place) for place in places]
                rows = b.mul(k, str(width))
                for i, row in enumerate(transpose(b, element.vector, block)):
                    if length < LANES:
                        row = _first_lanes(b, element, row, length)
                    place = b.offset(element.type, target, b.add(rows, str(i * width)))
                    b.store(vector(element.type, length), row, place, element.bytes)
    _gather_panel(b, element, width, whole_blocks)


def _first_lanes(b: Builder, element: Element, row: str, count: int) -> str:
    if count == 1:
        return b.op(f"extractelement {element.vector} {row}, i64 0")
    picks = ", ".join(f"i32 {lane}" for lane in range(count))
    return b.op(f"shufflevector {element.vector} {row}, {element.vector} poison, <{count} x i32> <{picks}>")


def transpose(b: Builder, whole: str, rows: list[str]) -> list[str]:
    """The transpose of sixteen vectors of sixteen lanes.

    Two stages interleave within quarters of four lanes, two move whole quarters: for 32-bit elements each shuffle is
    one instruction on vectors of 512 bits, and the latter two vanish on vectors of 128 bits.
    """

    def shuffle(x: str, y: str, picks: list[int]) -> str:
        lanes = ", ".join(f"i32 {pick}" for pick in picks)
        return b.op(f"shufflevector {whole} {x}, {whole} {y}, <{LANES} x i32> <{lanes}>")

    def within(pattern: tuple[int, ...]) -> list[int]:
        """One pattern of four picks in each quarter; picks from 4 on are of the second vector."""
        return [4 * quarter + pick % 4 + LANES * (pick // 4) for quarter in range(4) for pick in pattern]

    def quarters(pattern: tuple[int, ...]) -> list[int]:
        """Whole quarters; numbers from 4 on are those of the second vector."""
        return [4 * quarter + lane for quarter in pattern for lane in range(4)]

    low_ones, high_ones = within((0, 4, 1, 5)), within((2, 6, 3, 7))
    low_pairs, high_pairs = within((0, 1, 4, 5)), within((2, 3, 6, 7))
    groups = []
    for g in range(0, LANES, 4):
        x, y, z, w = rows[g : g + 4]
        xy_low, xy_high = shuffle(x, y, low_ones), shuffle(x, y, high_ones)
        zw_low, zw_high = shuffle(z, w, low_ones), shuffle(z, w, high_ones)
        groups.append(
            [
                shuffle(xy_low, zw_low, low_pairs),
                shuffle(xy_low, zw_low, high_pairs),
                shuffle(xy_high, zw_high, low_pairs),
                shuffle(xy_high, zw_high, high_pairs),
            ]
        )
    even, odd = quarters((0, 2, 4, 6)), quarters((1, 3, 5, 7))
    columns: dict[int, str] = {}
    for j in range(4):
        x, y, z, w = (group[j] for group in groups)
        xy_even, xy_odd = shuffle(x, y, even), shuffle(x, y, odd)
        zw_even, zw_odd = shuffle(z, w, even), shuffle(z, w, odd)
        columns[j] = shuffle(xy_even, zw_even, even)
        columns[4 + j] = shuffle(xy_odd, zw_odd, even)
        columns[8 + j] = shuffle(xy_even, zw_even, odd)
        columns[12 + j] = shuffle(xy_odd, zw_odd, odd)
    return [columns[i] for i in range(LANES)]


@dataclass(frozen=True)
class PackCode:
    """The code of a kernel that packs all columns of a batch of matrices, one panel after another, each of them
    complete in k: panel p of a matrix starts at ``p * width * k``, matrices follow one another."""

    element: Element
    width: int
    way: str
    rank: int

    @property
    def key(self) -> str:
        return f"pack/{self.element.type}/{self.width}/{self.way}/{self.rank}"

    @property
    def arguments(self) -> Arguments:
        return Arguments(
            "&source", "offset", "k_stride", "column_stride", f"batch[{self.rank}]", f"extents[{self.rank}]",
            "&target", "n", "k", "panels",
        )  # fmt: skip

    def emit(self, module: Module, name: str) -> None:
        pack = pack_function(module, self.element, self.width, self.way)
        b, arguments, width = Builder(module, name), self.arguments, str(self.width)
        n, k, panels = (arguments.load(b, field) for field in ("n", "k", "panels"))
        k_stride, column_stride = arguments.load(b, "k_stride"), arguments.load(b, "column_stride")
        panel, matrix = b.remainder("%tile", panels), b.divide("%tile", panels)
        column = b.mul(panel, width)
        indices = split_index(b, matrix, arguments.load_all(b, "extents"))
        place = element_offset(b, arguments.load(b, "offset"), indices, arguments.load_all(b, "batch"))
        source = b.offset(self.element.type, arguments.load(b, "source"), b.add(place, b.mul(column, column_stride)))
        target = b.offset(self.element.type, arguments.load(b, "target"), b.mul("%tile", b.mul(k, width)))
        columns = b.minimum(b.sub(n, column), width)
        call_pack(b, pack, target, source, column_stride, k_stride, columns, k, b.mul(k_stride, str(_AHEAD)))
        b.finish()


def lower_pack(
    element: Element, width: int, batch: tuple[int, ...], n: int, k: int, source: MatrixAccess
) -> tuple[Call, MatrixAccess]:
    """A call that packs the matrices of ``source`` (k, n), each different one once, into a new operand; and how the
    panels are addressed: ``column_stride`` holds for the first columns of panels."""
    panels = -(-n // width)
    extents = tuple(extent if stride else 1 for extent, stride in zip(batch, source.batch_strides, strict=True))
    copied_strides = copied_batch_strides(extents, panels * width * k)
    target = Operand(prod(extents) * panels * width * k * element.bytes, "packed columns")
    code = PackCode(element, width, packing(source), len(batch))
    arguments = code.arguments.values(
        source=source.operand, offset=source.offset, k_stride=source.row_stride, column_stride=source.column_stride,
        batch=source.batch_strides, extents=extents, target=target, n=n, k=k, panels=panels,
    )  # fmt: skip
    call = Call(
        Kernel(code.key, code.emit),
        arguments,
        tiles=prod(extents) * panels,
        reads=(source.operand,),
        writes=(target,),
        label=f"pack {k}x{n}",
    )
    return call, MatrixAccess(target, 0, copied_strides, width, k)
