"""Loop programs, interpreted over whole index spaces: each value is an array of all its elements.

Its axes are (outer…, inner) in loops, (outer…, reduced, inner) in column programs and (batch, middle, inner) in epilogues; those
along which a value is the same have an extent of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from flambeau.graph.dtypes import DType, float64, int64
from flambeau.kernels.program import COLUMN_HEADER, EPILOGUE_HEADER, ROW_HEADER, Definition, Program, Store

from . import memory
from .arguments import Arguments
from .maths import PRIMITIVES
from .philox import philox
from .reductions import reduce_columns, reduce_rows
from .registers import convert, from_storage, rounded, storage_dtype, to_storage

Shape = tuple[int, ...]


class Interpreter:
    """One run of a program. Subclasses know the kinds' index spaces."""

    #: The extents of the values of each level, by level.
    shapes: dict[str, Shape]

    def __init__(self, program: Program, arguments: Arguments) -> None:
        self.program = program
        self.arguments = arguments
        self.values: list[np.ndarray] = []

    def run(self) -> None:
        """Compute all values, then store: what is stored may lie where something was read."""
        for value in self.program.values:
            self.values.append(np.asarray(getattr(self, "_" + value.kind)(value, *value.data)))
        for store in self.program.stores:
            self._store(store)

    def _number(self, value: Definition, kind: str, argument: int, before: Sequence[DType]) -> np.ndarray:
        given, number = float64 if kind == "f" else int64, self.arguments.number(argument, kind)
        for d in (*before, value.dtype):
            given, number = d, np.asarray(convert(given, d, number))
        return number

    def _load(self, value: Definition, operand: int, strides: int, inner: str, inner_stride: int) -> np.ndarray:
        return self._read(value, operand, self._places(value.level, strides, inner, inner_stride))

    def _gather(
        self, value: Definition, operand: int, strides: int, inner: str, inner_stride: int, indices: Any, wraps: bool
    ) -> np.ndarray:
        places = self._places(value.level, strides, inner, inner_stride)
        for reference, extent, stride, error in indices:
            index = convert(self.program.values[reference].dtype, int64, self.values[reference])
            index = checked_index(self.arguments, self._whole(index, value.level), extent, error, wraps)
            places = places + index * self.arguments.integer(stride)
        return self._read(value, operand, places)

    def _linear(self, value: Definition) -> np.ndarray:
        return self._positions(value.level)

    def _random(self, value: Definition, seed: int, offset: int) -> np.ndarray:
        first, second = philox(self.values[seed], self.values[offset] + self._positions(value.level))
        if value.dtype.itemsize == 4:
            return first.astype(np.uint32).view(np.int32)
        return (second << np.uint64(32) | first).view(np.int64)

    def _convert(self, value: Definition, reference: int) -> np.ndarray:
        return convert(self.program.values[reference].dtype, value.dtype, self.values[reference])

    def _op(self, value: Definition, name: str, compute: DType, references: Sequence[int], error: int) -> np.ndarray:
        operands = [self.values[reference] for reference in references]
        if error >= 0 and name == "check":
            shown = convert(compute, int64, operands[0]) if compute.kind == "integer" else np.int64(0)
            self.arguments.report(error, ~self._whole(operands[1], value.level), np.asarray(shown))
        elif error >= 0:
            self.arguments.report(error, self._whole(operands[1] == 0, value.level), np.asarray(0))
        return rounded(value.dtype, np.asarray(PRIMITIVES[name](compute, *operands)))

    def _store(self, store: Store) -> None:
        value = to_storage(store.dtype, self._whole(self.values[store.reference], store.level))
        if store.dense:
            positions = self._positions(store.level)
        else:
            places = self._places(store.level, store.strides, store.inner, store.inner_stride)
            positions = self._whole(places, store.level)
        memory.write(self.arguments.address(store.operand), positions, value)

    # --- places ----------------------------------------------------------------------------------------------------

    def _whole(self, x: np.ndarray, level: str) -> np.ndarray:
        return np.broadcast_to(x, self.shapes[level])

    def _positions(self, level: str) -> np.ndarray:
        return np.arange(prod(self.shapes[level])).reshape(self.shapes[level])

    def _places(self, level: str, strides: int, inner: str, inner_stride: int) -> np.ndarray:
        """For each value of a level, how many elements behind the beginning an access finds it."""
        extents = self.shapes[level]
        steps = self.arguments.integers(strides, self._stride_count(level))
        steps += [0] * (len(extents) - 1 - len(steps))
        steps.append({"0": 0, "1": 1}[inner] if inner != "s" else self.arguments.integer(inner_stride))
        return places_of(extents, steps)

    def _stride_count(self, level: str) -> int:
        """How many stride arguments an access has."""
        return self.program.rank

    def _read(self, value: Definition, operand: int, places: np.ndarray) -> np.ndarray:
        raw = memory.read(self.arguments.address(operand), storage_dtype(value.dtype), places)
        return from_storage(value.dtype, raw)


class LoopInterpreter(Interpreter):
    """Rows, with reductions along them."""

    def __init__(self, program: Program, arguments: Arguments) -> None:
        super().__init__(program, arguments)
        header = len(ROW_HEADER)
        self.rows, self.inner, self.rows_per_tile, self.block, self.blocks = arguments.integers(0, header)
        outer = tuple(arguments.integers(header, program.rank))
        self.shapes = {"kernel": (), "row": (*outer, 1), "element": (*outer, self.inner)}

    def _reduce(self, value: Definition, name: str, reference: int) -> np.ndarray:
        d, x = self.program.values[reference].dtype, self._whole(self.values[reference], "element")
        name = name.removeprefix("reduce_")
        if not self.program.partial:
            return reduce_rows(name, d, x)
        parts = [reduce_rows(name, d, x[..., k * self.block : (k + 1) * self.block]) for k in range(self.blocks)]
        return np.stack(parts).reshape(self.blocks, self.rows)

    def _store(self, store: Store) -> None:
        if store.level == "row" and self.program.partial:
            store_all(self.arguments.address(store.operand), store.dtype, self.values[store.reference])
        elif store.level == "column":
            rows = self._whole(self.values[store.reference], "element").reshape(self.rows, self.inner)
            tiles = range(0, self.rows, self.rows_per_tile)
            sums = [_sum_in_sequence(rows[k : k + self.rows_per_tile]) for k in tiles]
            store_all(self.arguments.address(store.operand), store.dtype, np.stack(sums))
        else:
            super()._store(store)


class ColumnInterpreter(Interpreter):
    """Reductions along the axis before the last."""

    def __init__(self, program: Program, arguments: Arguments) -> None:
        super().__init__(program, arguments)
        header = len(COLUMN_HEADER)
        self.outer, self.reduced, self.inner, _, _, self.split_rows, self.splits, self.chunk = arguments.integers(0, header)
        outer = tuple(arguments.integers(header, program.rank))
        self.shapes = {
            "kernel": (), "element": (*outer, self.reduced, self.inner), "result": (*outer, 1, self.inner),
        }  # fmt: skip

    def _stride_count(self, level: str) -> int:
        return self.program.rank + (level == "element")

    def _reduce(self, value: Definition, name: str, reference: int) -> np.ndarray:
        d, x = self.program.values[reference].dtype, self._whole(self.values[reference], "element")
        name = name.removeprefix("reduce_")
        if not self.program.partial:
            return reduce_columns(name, d, x, self.chunk)
        starts = [k * self.split_rows for k in range(self.splits)]
        parts = [reduce_columns(name, d, x[..., start : start + self.split_rows, :], self.chunk) for start in starts]
        return np.stack(parts).reshape(self.splits, self.outer * self.inner)

    def _store(self, store: Store) -> None:
        if store.level == "result" and self.program.partial:
            store_all(self.arguments.address(store.operand), store.dtype, self.values[store.reference])
        else:
            super()._store(store)


class EpilogueInterpreter(Interpreter):
    """What becomes of the results of a product or a convolution."""

    def __init__(self, program: Program, arguments: Arguments, results: np.ndarray) -> None:
        super().__init__(program, arguments)
        middle, inner = arguments.integers(0, len(EPILOGUE_HEADER))
        self.results = results.reshape(-1, middle, inner)
        self.shapes = {"kernel": (), "element": self.results.shape}

    def _result(self, value: Definition) -> np.ndarray:
        return self.results

    def _stride_count(self, level: str) -> int:
        return 2


def run(program: Program, arguments: Arguments) -> None:
    """Run a program of kind loop or column."""
    {"loop": LoopInterpreter, "column": ColumnInterpreter}[program.kind](program, arguments).run()


def places_of(extents: Sequence[int], strides: Sequence[int]) -> np.ndarray:
    """How far each place of an index space lies from the first; axes with a stride of zero have an extent of 1."""
    total = np.zeros([1] * len(extents), np.int64)
    for axis, (extent, stride) in enumerate(zip(extents, strides, strict=True)):
        if stride or not extent:
            along = [1] * len(extents)
            along[axis] = extent
            total = total + (np.arange(extent) * stride).reshape(along)
    return total


def checked_index(arguments: Arguments, index: np.ndarray, extent: int, error: int, wraps: bool) -> np.ndarray:
    """Indices within the extent that an argument gives; where one is not, it is reported, and 0."""
    limit = arguments.integer(extent)
    wrapped = np.where(index < 0, index + limit, index) if wraps else index
    bad = (wrapped < 0) | (wrapped >= limit)
    arguments.report(error, bad, index)
    return np.where(bad, 0, wrapped)


def store_all(address: int, d: DType, values: np.ndarray) -> None:
    """Store values one behind the other."""
    raw = to_storage(d, values).ravel()
    memory.write(address, np.arange(raw.size), raw)


def _sum_in_sequence(rows: np.ndarray) -> np.ndarray:
    total = np.zeros_like(rows[0])
    for row in rows:
        total = total + row
    return total
