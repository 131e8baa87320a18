"""What a loop kernel computes, without sizes: the whole description is its key.

Sizes, strides and addresses are arguments; a program only says at which argument each is found. A kernel's arguments
begin with a header (see :data:`ROW_HEADER` and :data:`COLUMN_HEADER`) followed by the extents of the outer axes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..graph.dtypes import dtype

ROW_HEADER = ("rows", "inner", "rows_per_tile", "inner_block", "blocks_per_row")
"""Tile t covers rows ``t // blocks_per_row * rows_per_tile`` on, and of each the block ``t % blocks_per_row``."""

COLUMN_HEADER = ("outer", "reduced", "inner", "column_block", "blocks", "split_rows", "splits", "chunk")
"""Tile t covers one outer index, one block of columns and one split of the reduced axis, the split varying fastest."""

ROW_CHUNK = 1024
"""Elements that a sum takes in one run of its 16 lane accumulators; runs combine in a binary tree."""
COLUMN_CHUNK = 64
"""Rows that a column sum adds in sequence; such runs combine in a binary tree."""
COLUMN_BLOCK = 256
"""Columns that one tile of a column reduction works on."""
LEVELS = 40
"""Depth of the stack on which a binary tree of partial results is built."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a program. ``kind`` says what ``data`` holds:

    ========== ==========================================================================================
    number     (kind of Python number, argument with its slot, dtypes that it is converted to before its own)
    load       (operand argument, first stride argument, inner class, inner stride argument)
    gather     as load, then ((index reference, extent, stride and error arguments), ...), and whether negative indices
               count from the end
    linear     () — position of the element in row-major order, int64
    random     (reference of seed, reference of offset) — Philox bits
    convert    (reference,)
    op         (primitive name, compute dtype, references, error argument or -1)
    reduce     (reducer's name, reference)
    ========== ==========================================================================================

    The inner class is "1" (neighbours in memory), "0" (the same element) or "s" (a stride given as argument).
    """

    kind: str
    dtype: dtype
    level: str
    stage: int
    data: tuple[Any, ...]


def operands_of(value: Value) -> tuple[int, ...]:
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
    """A value written to memory. Dense stores go to row-major positions; others have stride arguments as loads do.

    A store of level ``column`` adds each row's elements up: a tile has one row of sums.
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
    """A loop kernel. ``rank`` is the number of outer axes; ``partial`` says that reductions are stored per split.

    ``keeps`` says that values may be kept from one pass over a row to the next, which takes scratch memory.
    """

    kind: str
    rank: int
    values: list[Value] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    partial: bool = False
    keeps: bool = False

    @property
    def key(self) -> str:
        """A text that determines the machine code."""
        parts = [self.kind, str(self.rank), "partial" if self.partial else "", "keeps" if self.keeps else ""]
        for v in self.values:
            parts.append(f"{v.kind},{v.dtype.name},{v.level},{v.stage},{v.data!r}")
        for s in self.stores:
            parts.append(
                f"{s.reference},{s.dtype.name},{s.level},{s.operand},{s.dense},{s.strides},{s.inner},{s.inner_stride}"
            )
        return ";".join(parts)
