"""Which bytes of which operands a loop program reads and writes, by its arguments; plans are verified with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..kernels.kernel import Number, Operand, Shifted
from ..kernels.program import COLUMN_HEADER, ROW_HEADER, Definition, Program, Store, operands_of
from .items import Access, Item


class Box(NamedTuple):
    """Elements of ``itemsize`` bytes at ``start`` + index · strides, in bytes from the beginning of an operand.

    ``number`` is what moves it at each run, by so many elements.
    """

    operand: Operand
    start: int
    axes: tuple[tuple[int, int], ...]
    itemsize: int
    number: Number | None = None

    @property
    def empty(self) -> bool:
        return any(extent == 0 for extent, _ in self.axes)

    @property
    def low(self) -> int:
        """The first byte."""
        return self.start + sum(min((extent - 1) * stride, 0) for extent, stride in self.axes)

    @property
    def high(self) -> int:
        """The byte behind the last one."""
        return self.start + self.itemsize + sum(max((extent - 1) * stride, 0) for extent, stride in self.axes)

    @property
    def runs(self) -> list[tuple[int, int]]:
        """The axes without those of one element, neighbours made one where a stride serves both."""
        merged: list[tuple[int, int]] = []
        for extent, stride in self.axes:
            if extent == 1:
                continue
            if merged and merged[-1][1] == extent * stride:
                merged[-1] = (merged[-1][0] * extent, stride)
            else:
                merged.append((extent, stride))
        return merged

    def of(self, marks: np.ndarray) -> np.ndarray:
        """The marks (one for each byte of the operand) of the bytes in the box."""
        axes = [(extent, stride) for extent, stride in self.axes if stride]
        shape = [*(extent for extent, _ in axes), self.itemsize]
        return np.lib.stride_tricks.as_strided(marks[self.start :], shape, [*(stride for _, stride in axes), 1])


def boxes_of(item: Item) -> Iterator[Box]:
    """What an item reads of values in memory, gathers wherever their indices may point, and what updates overwrite."""
    attributes, kind = item.attributes, item.primitive.kind
    for place, operand in enumerate(item.operands):
        if isinstance(operand, Access) and operand.source.operand is not None:
            axes = list(zip(operand.sizes, operand.strides))
            if kind == "gather" and place == 0:
                axes += zip(*attributes[:2])
            yield _box(operand.source, 0, axes, operand.offset)
    if kind == "write":
        offset = item.operands[2] if len(item.operands) > 2 else None
        assert not isinstance(offset, Access)
        yield _box(item, 0, list(zip(attributes.sizes, attributes.strides)), offset)
    elif kind == "scatter":
        shape, strides, offset, extents, index_strides, *_ = attributes
        yield _box(item, offset, [*zip(shape, strides), *zip(extents, index_strides)], None)


def _box(item: Item, offset: int, axes: Sequence[tuple[int, int]], number: Number | None) -> Box:
    itemsize = item.dtype.itemsize
    scaled = tuple((extent, stride * itemsize) for extent, stride in axes)
    return Box(item.store(), offset * itemsize, scaled, itemsize, number)


class Arguments:
    """A call's arguments as its kernel sees them: by the place of each."""

    def __init__(self, arguments: Sequence[Any]) -> None:
        self.at: dict[int, Any] = {}
        place = 0
        for argument in arguments:
            self.at[place] = argument
            place += 2 if isinstance(argument, Operand) else 1

    def __getitem__(self, place: int) -> Any:
        return self.at[place]

    def integers(self, first: int, count: int) -> list[int]:
        return [self.at[first + k] for k in range(count)]

    def box(self, place: int, axes: Sequence[tuple[int, int]], itemsize: int) -> Box:
        """A box that begins where the operand at ``place`` does; ``axes`` have strides in elements."""
        operand: Operand = self.at[place]
        scaled = tuple((extent, stride * itemsize) for extent, stride in axes)
        if isinstance(operand, Shifted):
            return Box(operand.base, operand.offset, scaled, itemsize, operand.number)
        return Box(operand, 0, scaled, itemsize)


class ProgramAccesses:
    """The loads and stores of a row or column program with the arguments of one call, and its iteration space."""

    def __init__(self, program: Program, arguments: Arguments, tiles: int) -> None:
        self.program, self.arguments, self.tiles = program, arguments, tiles
        self.column = program.kind == "column"
        header = COLUMN_HEADER if self.column else ROW_HEADER
        self.header = dict(zip(header, arguments.integers(0, len(header))))
        self.outer = arguments.integers(len(header), program.rank)

    def check_tiles(self) -> None:
        """The tiles cover the iteration space, each element once."""
        h = self.header
        if self.column:
            assert prod(self.outer) == h["outer"], "the outer axes have not as many elements as the header says"
            assert h["blocks"] == -(-h["inner"] // h["column_block"]), "the blocks of columns leave some out"
            assert h["splits"] * h["split_rows"] >= h["reduced"] or h["splits"] == 1, "the splits leave out rows"
            tiles = h["outer"] * h["blocks"] * h["splits"]
        else:
            assert prod(self.outer) == h["rows"], "the outer axes have not as many rows as the header says"
            assert h["blocks_per_row"] * h["inner_block"] >= h["inner"], "the blocks of rows leave elements out"
            tiles = -(-h["rows"] // h["rows_per_tile"]) * h["blocks_per_row"]
        assert self.tiles == tiles, f"{self.tiles} tiles instead of {tiles}"

    def loads(self) -> Iterator[tuple[int, Box]]:
        """Where each load and gather reads, by the number of the value."""
        for index, value in enumerate(self.program.values):
            if value.kind in ("load", "gather"):
                yield index, self._load(value)

    def stores(self) -> Iterator[tuple[Store, Box]]:
        for store in self.program.stores:
            yield store, self._store(store)

    def in_step(self, index: int, read: Box, store: Store, written: Box) -> bool:
        """Whether a load reads just the element that a store writes, and never after it was written."""
        value = self.program.values[index]
        if value.kind == "gather" or value.level != store.level or not store.dense or read.number is not None:
            return False
        if (read.start, read.itemsize) != (written.start, written.itemsize) or read.runs != written.runs:
            return False
        return self.column or store.level != "element" or self._last_pass(index) <= self._stage(store)

    def _inner(self, kind: str, place: int) -> int:
        return self.arguments[place] if kind == "s" else int(kind)

    def _load(self, value: Definition) -> Box:
        base, first, kind, inner, *gathered = value.data
        strides = self.arguments.integers(first, len(self.outer) + self.column)
        axes = list(zip(self.outer, strides))
        if self.column and value.level == "element":
            axes.append((self.header["reduced"], strides[-1]))
        if self.column or value.level == "element":
            axes.append((self.header["inner"], self._inner(kind, inner)))
        for _, extent, stride, late in gathered[0] if gathered else ():
            assert self.arguments[late] is not None, "a gather has no check"
            axes.append((self.arguments[extent], self.arguments[stride]))
        return self.arguments.box(base, axes, value.dtype.itemsize)

    def _store(self, store: Store) -> Box:
        h, itemsize = self.header, store.dtype.itemsize
        if not store.dense:
            strides = self.arguments.integers(store.strides, len(self.outer))
            axes = [*zip(self.outer, strides), (h["inner"], self._inner(store.inner, store.inner_stride))]
            return self.arguments.box(store.operand, axes, itemsize)
        parts = 1
        if self.column:
            elements = h["outer"] * h["inner"] * (h["reduced"] if store.level == "element" else 1)
            parts = h["splits"] if store.level == "result" and self.program.partial else 1
        elif store.level == "column":
            elements, parts = h["inner"], self.tiles
        else:
            elements = h["rows"] * (h["inner"] if store.level == "element" else 1)
            parts = h["blocks_per_row"] if store.level == "row" and self.program.partial else 1
        return self.arguments.box(store.operand, [(parts * elements, 1)], itemsize)

    def _stage(self, store: Store) -> int:
        return self.program.values[store.reference].stage

    def _last_pass(self, index: int) -> int:
        """The last pass over a row that may compute an element value."""
        values = self.program.values
        roots = [(value.data[1], value.stage - 1) for value in values if value.kind == "reduce"]
        roots += [(store.reference, self._stage(store)) for store in self.program.stores]
        last = 0
        for root, stage in roots:
            seen, waiting = {root}, [root]
            while waiting:
                value = values[waiting.pop()]
                new = set(operands_of(value)) - seen if value.kind != "reduce" else set()
                seen |= new
                waiting += new
            if index in seen:
                last = max(last, stage)
        return last
