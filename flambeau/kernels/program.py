"""What a loop kernel computes, without sizes: the whole description is its key.

Sizes, strides and addresses are arguments; a program only says at which argument each is found. There are three kinds, by
the index space that they walk:

========  ==================================================================================================================
loop      rows of ``inner`` elements. A row has a place along each of the outer axes, counted in row-major order.
column    (outer axes, ``reduced``, ``inner``): reductions run along the axis before the innermost.
epilogue  the results of a product or a convolution, (batch, middle, inner); it goes into the kernel that computes them.
========  ==================================================================================================================

Arguments begin with a header (:data:`ROW_HEADER`, :data:`COLUMN_HEADER` or :data:`EPILOGUE_HEADER`) and the extents of
the outer axes, of the batch in an epilogue. An access is an operand argument with a stride argument, in elements, for each
outer axis (an epilogue's are the batch as one, and the middle), then in column programs for the reduced axis. At

``operand + sum(place * stride) + i * inner stride``

is what it reads for place i of the innermost axis, all that a level does not have being left out.

*Levels* say for what a value is computed:

=======  ==================================================================  ============================================
level    a value for each                                                    its position, which ``linear`` gives
=======  ==================================================================  ============================================
kernel   call: Python numbers
row      row of a loop                                                       the row's number
element  element of the index space                                          in row-major order
result   (outer, inner) of a column program, from reductions and loads       in row-major order of (outer axes, inner)
=======  ==================================================================  ============================================

In a loop, a value that depends on a reduction along the row waits for the next walk over it: its *stage* says for how many,
one after the other. A value of stage s can be computed in walk s, and a reduction's stage is that of what it reduces plus one.

*Arithmetic*. Half types are computed as float32, and a value of a half type is rounded to it (to the nearest, ties to even).
Integers wrap. Booleans are bytes in memory, of which any but 0 is true. A float becomes an integer towards zero by way of
int32, of int64 if the target has 8 bytes or is uint8 (from float64); what that cannot hold, NaN too, becomes its least
number, of which narrower types take the low bits. float64 becomes a half type by way of float32.

*Reductions* have a fixed order, so that the same bits come out whatever the tiles. Along a row, element i is combined with
lane i mod :data:`LANES` of a run of :data:`ROW_CHUNK` elements, in sequence from the reduction's identity on. The lanes are
combined l with l + 8, then + 4, + 2, + 1, and the runs in a binary tree: the first 2**k of n runs (2**k < n <= 2**(k + 1))
with the rest, each combined in the same way. Along a column, runs are of ``chunk`` rows in sequence. Extrema find NaN before
any number, and positions of extrema are the first of equals.

*Partial* results: only reductions (none of positions) are computed, with the stores of elements, each tile for its part of
the reduced axis, a power of two of runs and so a subtree. Part p of row or result r is stored at ``p * count + r``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..graph.dtypes import dtype

ROW_HEADER = ("rows", "inner", "rows_per_tile", "inner_block", "blocks_per_row")
"""Tile t covers rows ``t // blocks_per_row * rows_per_tile`` on, and of each the block ``t % blocks_per_row``."""

COLUMN_HEADER = ("outer", "reduced", "inner", "column_block", "blocks", "split_rows", "splits", "chunk")
"""Tile t covers one outer index, one block of columns and one split of the reduced axis, the split varying fastest."""

EPILOGUE_HEADER = ("middle", "inner")

LANES = 16
"""Accumulators of a sum along a row."""
ROW_CHUNK = 1024
"""Elements that a sum takes in one run of its lane accumulators; runs combine in a binary tree."""
COLUMN_CHUNK = 64
"""Rows that a column sum adds in sequence; such runs combine in a binary tree."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One value of a program. ``kind`` says what ``data`` holds:

    ========== ==========================================================================================
    number     (kind of Python number, argument with its slot, dtypes that it is converted to before its own)
    load       (operand argument, first stride argument, inner class, inner stride argument)
    gather     as load, then ((index reference, extent, stride and error arguments), ...), and whether negative indices
               count from the end: the element that lies index times stride further, for each. What is not within
               the extent is the error, with the index as it was given
    linear     () — the position, int64
    random     (reference of seed, reference of offset) — Philox 4x32-10 with the seed as key, and offset + position as
               the counter's lower half: its first word (int32), or the first two as one, the first being the lower (int64)
    convert    (reference,)
    op         (primitive name, compute dtype, references, error argument or -1). A ``check`` gives its first operand
               and fails where the second is false (with the value, if an integer), integer division where its divisor is 0
    reduce     (reducer's name, reference)
    result     () — in an epilogue: what the product or convolution gave
    ========== ==========================================================================================

    The inner class is "1" (neighbours in memory), "0" (the same element) or "s" (a stride given as argument).
    """

    kind: str
    dtype: dtype
    level: str
    stage: int
    data: tuple[Any, ...]


def operands_of(value: Definition) -> tuple[int, ...]:
    """The values that one is computed from."""
    kind, data = value.kind, value.data
    if kind == "convert":
        return (data[0],)
    if kind == "op":
        return tuple(data[2])
    if kind == "random":
        return (data[0], data[1])
    if kind == "gather":
        return tuple(reference for reference, *_ in data[4])
    return (data[1],) if kind == "reduce" else ()


@dataclass(frozen=True, slots=True)
class Store:
    """A value written to memory. Dense stores go to the value's position; others have stride arguments as loads do.

    Nothing that is written is read by the same call, but that the element of a value may be where an operand's element of
    the same position is, which only this element of it then needs.

    A store of level ``column`` (in loops) adds the elements of each column up over the ``rows_per_tile`` rows of a tile, one
    after the other from zero: the operand has a row of such sums for each tile.
    """

    reference: int
    dtype: dtype
    level: str
    operand: int
    dense: bool = True
    strides: int = -1
    inner: str = "1"
    inner_stride: int = -1


@dataclass(slots=True)
class Program:
    """A loop kernel, or an epilogue. ``rank`` is the number of outer axes; ``partial`` says that reductions are stored per
    part. ``keeps`` allows to keep values from one walk over a row to the next, which takes scratch memory.

    Values come after those that they are computed from.
    """

    kind: str
    rank: int
    values: list[Definition] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    partial: bool = False
    keeps: bool = False

    @property
    def key(self) -> str:
        """A text that determines what is computed."""
        parts = [self.kind, str(self.rank), "partial" if self.partial else "", "keeps" if self.keeps else ""]
        for v in self.values:
            parts.append(f"{v.kind},{v.dtype.name},{v.level},{v.stage},{v.data!r}")
        for s in self.stores:
            parts.append(
                f"{s.reference},{s.dtype.name},{s.level},{s.operand},{s.dense},{s.strides},{s.inner},{s.inner_stride}"
            )
        return ";".join(parts)
