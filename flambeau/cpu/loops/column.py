"""Column kernels: reductions over an axis that is not the innermost, sixteen columns side by side.

Each column is reduced in sequence over runs of ``chunk`` rows; the runs' results combine in a binary tree. The tree
depends on the number of rows alone, so that splitting the rows among tiles (at powers of two runs) changes nothing.
"""

from __future__ import annotations

from ...graph.dtypes import dtype
from ...kernels.program import COLUMN_HEADER, Program
from ..arguments import Arguments
from ..conversion import register_type
from ..ir import KernelBuilder, Module
from ..values import BYTE, LANES, Pointer, Value, unraveled, where
from .body import Body, Place
from .reducers import LEVELS, Reducer, State, Tree, fold, push

ROWS_AHEAD = 8
"""How many rows ahead memory is fetched into the cache: rows lie too far apart for processors to see that by themselves."""
MOST_COLUMNS = 256
"""Columns of a tile at most: their partial results stay in the first cache."""
VECTORS = MOST_COLUMNS // LANES


def scratch_bytes(program: Program) -> int:
    """Bytes of private memory that a tile needs: for each vector of columns a partial result, and a stack of them."""
    parts = [d for reducer in _reducers(program).values() for d in reducer.types]
    return sum((LEVELS + 1) * VECTORS * vector_bytes(d) for d in parts) + 64


def vector_bytes(d: dtype) -> int:
    """Room for a vector of partial results."""
    return LANES * max(d.itemsize, 4)


def _reducers(program: Program) -> dict[int, Reducer]:
    """The values that are reductions."""
    values = program.values
    return {i: Reducer(v.data[0], values[v.data[1]].dtype) for i, v in enumerate(values) if v.kind == "reduce"}


def emit_column(program: Program, module: Module, name: str) -> None:
    """Write the kernel of a column program."""
    _ColumnWriter(program, KernelBuilder(module, name)).write()


class _ColumnWriter:
    def __init__(self, program: Program, b: KernelBuilder) -> None:
        self.program = program
        self.b = b
        self.a = Arguments(*COLUMN_HEADER, f"extents[{program.rank}]").load(b, BYTE)
        self.body = Body(b, program, program.rank)
        self.reducers = _reducers(program)
        #: For each access of elements, its stride along the reduced axis.
        self.along = {
            key: self.body.argument(value.data[1] + program.rank)
            for key in self.body.bases
            if key[0] == "value" and (value := program.values[key[1]]).level == "element"
        }

    def write(self) -> None:
        b, a = self.b, self.a
        self.split, rest = b.tile % a.splits, b.tile // a.splits
        column_block, self.outer_index = rest % a.blocks, rest // a.blocks
        self.start = column_block * a.column_block
        self.stop = (self.start + a.column_block).at_most(a.inner)
        first_row = self.split * a.split_rows
        last_row = (first_row + a.split_rows).at_most(a.reduced)
        # A single vector of columns is taken as a rest: its partial results stay in registers.
        columns = self.stop - self.start
        self.whole = self.start + where(columns <= LANES, 0, columns & -LANES)
        rest = self.stop - self.whole
        some_rest, self.mask = rest > 0, b.first_lanes(rest)
        self.outer_pointers = self.body.pointers(unraveled(self.outer_index, a.extents))
        # For each part of each reduction: where its partial results, and where its stacks of them begin.
        self.totals: dict[int, list[Pointer]] = {}
        self.stacks: dict[int, list[Pointer]] = {}
        place = 0
        for i, reducer in self.reducers.items():
            self.totals[i], self.stacks[i] = [], []
            for d in reducer.types:
                for starts, depth in ((self.totals[i], 1), (self.stacks[i], LEVELS)):
                    starts.append((b.scratch + place).of(register_type(d, LANES)))
                    place += depth * VECTORS * vector_bytes(d)
        runs = (last_row - first_row + (a.chunk - 1)) // a.chunk
        with b.loop(0, runs) as run:
            start = first_row + run * a.chunk
            stop = (start + a.chunk).at_most(last_row)
            self._run_of_whole_vectors(run, start, stop)
            with b.when(some_rest):
                self._run_of_rest(run, start, stop)
        with b.loop(self.start, self.whole, LANES) as index:
            self._results(runs, index, None)
        with b.when(some_rest):
            self._results(runs, self.whole, self.mask)
        b.finish()

    def _places(self, starts: dict[int, list[Pointer]], index: Value, depth: int) -> dict[int, list[Pointer]]:
        """For each reduction, where what belongs to the columns from ``index`` on lies: ``depth`` vectors each."""
        number = (index - self.start) // LANES
        return {
            i: [
                (start.of(BYTE) + number * (depth * vector_bytes(d))).of(start.to)
                for d, start in zip(reducer.types, starts[i])
            ]
            for i, reducer in self.reducers.items()
        }

    def _trees(self, index: Value) -> list[Tree]:
        stacks = self._places(self.stacks, index, LEVELS)
        return [(reducer, stacks[i]) for i, reducer in self.reducers.items()]

    def _run_of_whole_vectors(self, run: Value, start: Value, stop: Value) -> None:
        """Reduce rows ``start`` to ``stop`` and put the results on the stacks.

        Rows are read as they lie in memory, so that it is read in sequence; partial results stay in the first cache.
        """
        b = self.b
        with b.loop(self.start, self.whole, LANES) as index:
            places = self._places(self.totals, index, 1)
            for i, reducer in self.reducers.items():
                _set(places[i], reducer.identity(b))
        with b.loop(start, stop) as row, b.loop(self.start, self.whole, LANES) as index:
            self._elements(row, index, None, self._places(self.totals, index, 1))
        with b.loop(self.start, self.whole, LANES) as index:
            places = self._places(self.totals, index, 1)
            push(b, self._trees(index), run, [_get(places[i]) for i in self.reducers])

    def _run_of_rest(self, run: Value, start: Value, stop: Value) -> None:
        """The same for the columns behind the last whole vector, with partial results in registers."""
        b = self.b
        places = {i: [b.variable(none).place for none in r.identity(b)] for i, r in self.reducers.items()}
        with b.loop(start, stop) as row:
            self._elements(row, self.whole, self.mask, places)
        push(b, self._trees(self.whole), run, [_get(places[i]) for i in self.reducers])

    def _elements(self, row: Value, index: Value, mask: Value | None, places: dict[int, list[Pointer]]) -> None:
        """Compute and store one vector of a row, and combine it with its columns' partial results."""
        a, body, program = self.a, self.body, self.program
        stores = [(n, s.reference) for n, s in enumerate(program.stores) if s.level == "element"]
        reduced = {i: program.values[i].data[1] for i in self.reducers}
        order = body.needed([*reduced.values(), *(reference for _, reference in stores)], "element")
        pointers = {}
        for i in order:
            key = "value", i
            if key in self.along:
                value, along = program.values[i], self.along[key]
                pointers[key] = self.outer_pointers[key] + row * along
                if mask is None and value.kind == "load" and value.data[2] == "1":
                    (pointers[key] + (index + along * ROWS_AHEAD)).prefetch(level=2)
        place = Place(LANES, index, (self.outer_index * a.reduced + row) * a.inner + index, pointers, mask)
        local = body.compute(order, place)
        for number, reference in stores:
            dense = body.bases["store", number][0] + place.linear
            body.store(number, body.operand(reference, place, local), place, dense)
        for i, reducer in self.reducers.items():
            operand = body.operand(reduced[i], place, local)
            new: State = (operand, row.broadcast()) if reducer.indexed else (operand,)
            _set(places[i], reducer.combine(_get(places[i]), new))

    def _results(self, runs: Value, index: Value, mask: Value | None) -> None:
        """Combine the runs of one vector of columns, compute what follows from that, and store it."""
        a, body, program = self.a, self.body, self.program
        at = self.outer_index * a.inner + index
        place = Place(LANES, index, at, self.outer_pointers, mask)
        local = {i: state[-1] for i, state in zip(self.reducers, fold(self.b, self._trees(index), LANES, runs))}
        if program.partial:
            at = self.split * (a.outer * a.inner) + at
        for number, written in enumerate(program.stores):
            if written.level == "result":
                order = [i for i in body.needed([written.reference], "result") if i not in local]
                local = body.compute(order, place, local)
                dense = body.bases["store", number][0] + at
                body.store(number, body.operand(written.reference, place, local), place, dense)


def _get(places: list[Pointer]) -> State:
    """Load partial results. Freezing them keeps LLVM from making a slow masked store of "store the larger one"."""
    return tuple(place.load(align=1).freeze() for place in places)


def _set(places: list[Pointer], state: State) -> None:
    for place, part in zip(places, state):
        place.store(part, align=1)
