"""The kernel of products in lane order: a matrix and a vector, or two vectors.

A product with m = 1 or n = 1 has *outputs* (the columns or the rows of the result), each the sum over k of a matrix
element times a vector element. Memory bounds it, so the matrix is read once, along whichever axis adjoins in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..arguments import Arguments
from ..epilogue import EpilogueCode
from ..ir import Builder, Function, KernelBuilder, Module, parameters
from ..lanes import sum_of_lanes
from ..register_tile import Sums
from ..values import FLAG, LANES, Pointer, Type, Value, fma, placed, unraveled, where

_ROWS = 4
"""Outputs that share the loads of the vector where k adjoins."""


@dataclass(frozen=True)
class VectorProductCode:
    """What the code of a vector product depends on.

    ``way``: which axis of the matrix adjoins in memory, ``outputs`` or ``k``, or ``any`` for neither. ``adjoining``:
    whether the vector's elements do. ``row``: the outputs are the columns of one row (m = 1), else rows of one column.
    ``rank`` and ``split`` as for the product of matrices.
    """

    type: Type
    way: str
    adjoining: bool
    row: bool
    rank: int
    split: bool

    @property
    def key(self) -> str:
        flags = f"{'row' if self.row else 'column'}{'-adjoining' if self.adjoining else ''}"
        return f"vector/{self.type}/{self.way}/{flags}/{self.rank}{'-split' if self.split else ''}"

    @property
    def arguments(self) -> Arguments:
        return Arguments(
            f"&matrix matrix_offset output_stride k_stride matrix_batch[{self.rank}]",
            f"&vector vector_offset vector_stride vector_batch[{self.rank}]",
            f"extents[{self.rank}] outputs k block tile_outputs output_tiles",
        )

    def scratch(self, tile_outputs: int) -> int:
        """Bytes of scratch memory: the results of a tile, and sixteen sums of each where outputs adjoin."""
        padded = -(-tile_outputs // LANES) * LANES
        return padded * self.type.bytes * (1 + LANES if self.way == "outputs" else 1)

    def emit(self, module: Module, name: str, epilogue: EpilogueCode) -> None:
        b = KernelBuilder(module, name)
        epilogue.begin(b, self.arguments.end)
        a = self.arguments.load(b, self.type)
        results = b.scratch.of(self.type)
        batch = unraveled(b.tile // a.output_tiles, a.extents)
        first = b.tile % a.output_tiles * a.tile_outputs
        outputs = (a.outputs - first).at_most(a.tile_outputs)
        matrix = a.matrix + (placed(batch, a.matrix_batch, a.matrix_offset) + first * a.output_stride)
        vector = a.vector + placed(batch, a.vector_batch, a.vector_offset)
        k = a.k
        if self.split:
            k = (k - batch[-1] * a.block).at_most(a.block)
        add_block = _add_block_by_outputs if self.way == "outputs" else self._add_block_by_k
        # Without any k there is still one (empty) block, whose sums are zeros.
        with b.loop(0, k.at_least(1), a.block) as first_k:
            add_block(
                b,
                results=results,
                matrix=matrix + first_k * a.k_stride,
                output_stride=a.output_stride,
                k_stride=a.k_stride,
                vector=vector + first_k * a.vector_stride,
                vector_stride=a.vector_stride,
                outputs=outputs,
                k=(k - first_k).at_most(a.block),
                first=first_k.equals(0),
            )
        if self.row:
            for i, mask in b.vectors(0, outputs):
                epilogue.emit((results + i).load(LANES), batch, b.index(0), first + i, mask)
        else:
            with b.loop(0, outputs) as i:
                epilogue.emit(results[i], batch, first + i, b.index(0))
        b.finish()

    def _add_block_by_k(
        self, b: Builder, results: Pointer, matrix: Pointer, output_stride: Value, outputs: Value, **values: Any
    ) -> None:
        """One K block of a tile where vectors run along k: four outputs at a time, then one."""
        in_fours = outputs & -_ROWS
        for rows, start, stop in ((_ROWS, 0, in_fours), (1, in_fours, outputs)):
            dot = _dot_function(b.module, self.type, rows, self.way == "k", self.adjoining)
            with b.loop(start, stop, rows) as output:
                line = matrix + output * output_stride
                dot(b, results=results + output, matrix=line, output_stride=output_stride, **values)


def _keep(result: Pointer, sum: Value, first: Value) -> None:
    """Store a block's sum as the result, or add it to the sum of the blocks before."""
    result.store(where(first, sum, result.load(sum.lanes) + sum))


def _dot_function(module: Module, type: Type, rows: int, contiguous: bool, adjoining: bool) -> Function:
    """An internal function for one K block of ``rows`` outputs, sixteen k at a time."""

    def vector_at(start: Pointer, k: Value, stride: Value, adjoins: bool, mask: Value | None) -> Value:
        if adjoins:
            return (start + k).load(LANES, mask)
        return (start + k * stride).gather(start.builder.lane_numbers() * stride, mask)

    def write(b: Builder, given: Any) -> None:
        sums = Sums(b, rows, 1, type.vector())
        starts = [given.matrix + given.output_stride * row for row in range(rows)]
        for k, mask in b.vectors(0, given.k):
            x = vector_at(given.vector, k, given.vector_stride, adjoining, mask)
            sums.add((vector_at(start, k, given.k_stride, contiguous, mask) for start in starts), [x], mask)
        for row in range(rows):
            _keep(given.results + row, sum_of_lanes(sums.row(row)[0]), given.first)

    given = parameters(type, "results matrix vector", "output_stride k_stride vector_stride k", first=FLAG)
    name = f"dot_{type}_{rows}_{'k' if contiguous else 'any'}{'_adjoining' if adjoining else ''}"
    return module.function(name, given, write)


def _add_block_by_outputs(
    b: Builder,
    results: Pointer,
    matrix: Pointer,
    vector: Pointer,
    outputs: Value,
    k: Value,
    first: Value,
    **strides: Any,
) -> None:
    """One K block of a tile where vectors run along outputs: sixteen arrays of sums, one for each lane of the order,
    in scratch memory, so that long stretches of the matrix are read in turn."""
    type = results.to
    padded = (outputs + (LANES - 1)) & -LANES
    sums = results + padded
    with b.loop(0, padded * LANES, LANES) as i:
        sums[i] = b.constant(type.vector(), 0)
    in_groups = k & -LANES
    for lanes, start, stop in ((LANES, 0, in_groups), (1, in_groups, k)):
        update = _update_function(b.module, type, lanes)
        with b.loop(start, stop, lanes) as at:
            update(
                b,
                sums=sums + (at - start) * padded if lanes == 1 else sums,
                sums_stride=padded,
                matrix=matrix + at * strides["k_stride"],
                vector=vector + at * strides["vector_stride"],
                outputs=outputs,
                **strides,
            )
    with b.loop(0, padded, LANES) as output:
        lane_sums = [(sums + (output + padded * lane)).load(LANES) for lane in range(LANES)]
        while len(lane_sums) > 1:  # l with l + 8, then + 4, + 2, + 1
            half = len(lane_sums) // 2
            lane_sums = [lane_sums[i] + lane_sums[i + half] for i in range(half)]
        _keep(results + output, lane_sums[0], first)


def _update_function(module: Module, type: Type, lanes: int) -> Function:
    """An internal function that adds the products of ``lanes`` consecutive k to as many arrays of sums."""

    def write(b: Builder, given: Any) -> None:
        def operands(lane: Value | int) -> tuple[Value, Pointer, Pointer]:
            """The factor of one lane in all lanes of a vector, the row of the matrix it multiplies, and the sums."""
            factor = given.vector[given.vector_stride * lane].broadcast()
            return factor, given.matrix + given.k_stride * lane, given.sums + given.sums_stride * lane

        def add(factor: Value, row: Pointer, sums: Pointer, output: Value, mask: Value | None) -> None:
            place = sums + output
            place.store(fma((row + output).load(LANES, mask), factor, place.load(LANES)))

        unrolled = [operands(lane) for lane in range(lanes)]
        for output, mask in b.vectors(0, given.outputs):
            if mask is None:
                for each in unrolled:
                    add(*each, output, mask)
            else:
                # A loop, for where a processor has no masked loads each becomes sixteen branches.
                with b.loop(0, lanes) as lane:
                    add(*operands(lane), output, mask)

    given = parameters(type, "sums matrix vector", "sums_stride k_stride vector_stride outputs")
    return module.function(f"update_{type}_{lanes}", given, write)
