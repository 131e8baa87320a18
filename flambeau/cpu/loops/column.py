"""Column kernels: reductions over an axis that is not the innermost, sixteen columns side by side.

Each column is reduced in sequence over runs of ``chunk`` rows; the runs' results combine in a binary tree. The tree
depends on the number of rows alone, so that splitting the rows among tiles (at powers of two runs) changes nothing.
"""

from __future__ import annotations

from ...graph.dtypes import dtype
from ...kernels.program import COLUMN_BLOCK, COLUMN_HEADER, LEVELS, Program
from ..conversion import register_type
from ..ir import LANES, Builder, Module
from ..vectors import tail_mask
from .body import Body, Place
from .reducers import Reducer, State, fold, push

ROWS_AHEAD = 8
"""How many rows ahead memory is fetched into the cache: rows lie too far apart for processors to see that by themselves."""
VECTORS = COLUMN_BLOCK // LANES


def scratch_bytes(program: Program) -> int:
    """Bytes of private memory that a tile needs: for each vector of columns a partial result, and a stack of them."""
    parts = [d for i, v in enumerate(program.values) if v.kind == "reduce" for d in _reducer(program, i).types]
    return sum((LEVELS + 1) * VECTORS * vector_bytes(d) for d in parts) + 64


def vector_bytes(d: dtype) -> int:
    """Room for a vector of partial results."""
    return LANES * max(d.itemsize, 4)


def _reducer(program: Program, index: int) -> Reducer:
    name, reference = program.values[index].data
    return Reducer(name, program.values[reference].dtype)


def emit_column(program: Program, module: Module, name: str) -> None:
    """Write the kernel of a column program."""
    _ColumnWriter(program, Builder(module, name)).write()


class _ColumnWriter:
    def __init__(self, program: Program, b: Builder) -> None:
        self.program = program
        self.b = b
        self.body = Body(b, program)
        self.reduces = [i for i, v in enumerate(program.values) if v.kind == "reduce"]
        self.reducers = {i: _reducer(program, i) for i in self.reduces}

    def write(self) -> None:
        b, program = self.b, self.program
        outer, self.reduced, self.inner, block, blocks, split_rows, splits, self.chunk = (
            b.argument(i) for i in range(len(COLUMN_HEADER))
        )
        self.outer = outer
        self.extents = [b.argument(len(COLUMN_HEADER) + axis) for axis in range(program.rank)]
        self.bases = self._bases()
        self.body.numbers()
        self.split = b.remainder("%tile", splits)
        rest = b.divide("%tile", splits)
        column_block = b.remainder(rest, blocks)
        self.outer_index = b.divide(rest, blocks)
        self.from_ = b.mul(column_block, block)
        self.to = b.minimum(b.add(self.from_, block), self.inner)
        self.first_row = b.mul(self.split, split_rows)
        self.last_row = b.minimum(b.add(self.first_row, split_rows), self.reduced)
        # A single vector of columns is taken as a rest: its partial results stay in registers.
        columns = b.sub(self.to, self.from_)
        narrow = b.op(f"icmp sle i64 {columns}, {LANES}")
        whole = b.op(f"select i1 {narrow}, i64 0, i64 {b.op(f'and i64 {columns}, {-LANES}')}")
        self.whole = b.add(self.from_, whole)
        self.rest = b.sub(self.to, self.whole)
        self.some_rest = b.op(f"icmp sgt i64 {self.rest}, 0")
        self.mask = tail_mask(b, self.rest)
        self._set_pointers()
        # For each part of each reduction: where its partial results, and where its stacks of them begin.
        self.totals: dict[int, list[str]] = {}
        self.stack_base: dict[int, list[str]] = {}
        offset = 0
        for i in self.reduces:
            self.totals[i], self.stack_base[i] = [], []
            for d in self.reducers[i].types:
                self.totals[i].append(b.offset("i8", "%scratch", str(offset)))
                offset += VECTORS * vector_bytes(d)
                self.stack_base[i].append(b.offset("i8", "%scratch", str(offset)))
                offset += LEVELS * VECTORS * vector_bytes(d)
        runs = b.divide(b.add(b.sub(self.last_row, self.first_row), b.sub(self.chunk, "1")), self.chunk)
        with b.loop("0", runs) as run:
            start = b.add(self.first_row, b.mul(run, self.chunk))
            stop = b.minimum(b.add(start, self.chunk), self.last_row)
            self._run_of_whole_vectors(run, start, stop)
            with b.when(self.some_rest):
                self._run_of_rest(run, start, stop)
        with b.loop(self.from_, self.whole, str(LANES)) as index:
            self._results(runs, index, None)
        with b.when(self.some_rest):
            self._results(runs, self.whole, self.mask)
        b.finish()

    def _bases(self) -> dict[tuple[str, int], tuple[str, list[str], str, str]]:
        """For each access: base address, outer strides, stride of the reduced axis, element type."""
        b, found, rank = self.b, {}, self.program.rank
        for index, value in enumerate(self.program.values):
            if value.kind in ("load", "gather"):
                strides = [b.argument(value.data[1] + axis) for axis in range(rank)]
                along = b.argument(value.data[1] + rank) if value.level == "element" else "0"
                found["value", index] = (b.operand(value.data[0]), strides, along, value.dtype.storage)
        for number, store in enumerate(self.program.stores):
            found["store", number] = (b.operand(store.operand), [], "0", store.dtype.storage)
        return found

    def _set_pointers(self) -> None:
        b = self.b
        coordinates, rest = [], self.outer_index
        for axis in range(self.program.rank - 1, 0, -1):
            coordinates.append(b.remainder(rest, self.extents[axis]))
            rest = b.divide(rest, self.extents[axis])
        coordinates.append(rest)
        coordinates.reverse()
        self.outer_pointers = {}
        for key, (base, strides, _, storage) in self.bases.items():
            if key[0] == "value":
                offset = "0"
                for coordinate, stride in zip(coordinates, strides):
                    offset = b.add(offset, b.mul(coordinate, stride))
                self.outer_pointers[key] = b.offset(storage, base, offset)

    def _places(self, bases: dict[int, list[str]], index: str, depth: int) -> dict[int, list[str]]:
        """For each reduction, where what belongs to the columns from ``index`` on lies: ``depth`` vectors each."""
        b = self.b
        number = b.divide(b.sub(index, self.from_), str(LANES))
        return {
            i: [
                b.offset("i8", base, b.mul(number, str(depth * vector_bytes(d))))
                for d, base in zip(self.reducers[i].types, bases[i])
            ]
            for i in self.reduces
        }

    def _trees(self, index: str) -> list[tuple[Reducer, list[str]]]:
        stacks = self._places(self.stack_base, index, LEVELS)
        return [(self.reducers[i], stacks[i]) for i in self.reduces]

    def _run_of_whole_vectors(self, run: str, start: str, stop: str) -> None:
        """Reduce rows ``start`` to ``stop`` and put the results on the stacks.

        Rows are read as they lie in memory, so that it is read in sequence; partial results stay in the first cache.
        """
        b = self.b
        with b.loop(self.from_, self.whole, str(LANES)) as index:
            places = self._places(self.totals, index, 1)
            for i in self.reduces:
                self._set(i, places[i], self.reducers[i].identity(LANES))
        with b.loop(start, stop) as row, b.loop(self.from_, self.whole, str(LANES)) as index:
            self._elements(row, index, None, self._places(self.totals, index, 1))
        with b.loop(self.from_, self.whole, str(LANES)) as index:
            places = self._places(self.totals, index, 1)
            push(b, self._trees(index), LANES, run, [self._get(i, places[i]) for i in self.reduces])

    def _run_of_rest(self, run: str, start: str, stop: str) -> None:
        """The same for the columns behind the last whole vector, with partial results in registers."""
        b = self.b
        slots = {
            i: [b.variable(register_type(d, LANES), p) for d, p in zip(r.types, r.identity(LANES))]
            for i, r in self.reducers.items()
        }
        with b.loop(start, stop) as row:
            self._elements(row, self.whole, self.mask, slots)
        push(b, self._trees(self.whole), LANES, run, [self._get(i, slots[i]) for i in self.reduces])

    def _get(self, i: int, places: list[str]) -> State:
        return tuple(self._load(d, place) for d, place in zip(self.reducers[i].types, places))

    def _load(self, d: dtype, place: str) -> str:
        """Load partial results. Freezing them keeps LLVM from making a slow masked store of "store the larger one"."""
        t = register_type(d, LANES)
        return self.b.op(f"freeze {t} {self.b.load(t, place, 1)}")

    def _set(self, i: int, places: list[str], state: State) -> None:
        for d, place, part in zip(self.reducers[i].types, places, state):
            self.b.store(register_type(d, LANES), part, place, 1)

    def _elements(self, row: str, index: str, mask: str | None, places: dict[int, list[str]]) -> None:
        """Compute and store one vector of a row, and combine it with its columns' partial results."""
        b, program = self.b, self.program
        stores = [(n, s) for n, s in enumerate(program.stores) if s.level == "element"]
        order = self.body.needed(
            [program.values[i].data[1] for i in self.reduces] + [s.reference for _, s in stores], "element"
        )
        pointers = {}
        for i in order:
            if ("value", i) in self.bases:
                _, _, along, storage = self.bases["value", i]
                pointers["value", i] = b.offset(storage, self.outer_pointers["value", i], b.mul(row, along))
                if mask is None and program.values[i].kind == "load" and program.values[i].data[2] == "1":
                    ahead = b.add(index, b.mul(along, str(ROWS_AHEAD)))
                    b.prefetch(b.offset(storage, pointers["value", i], ahead), level=2)
        line = b.mul(b.add(b.mul(self.outer_index, self.reduced), row), self.inner)
        place = Place(LANES, index, b.add(line, index), pointers, mask)
        local = self.body.compute(order, place)
        for number, store in stores:
            pointer = b.offset(store.dtype.storage, self.bases["store", number][0], place.linear)
            self.body.store(store, number, self.body.operand(store.reference, place, local), place, pointer)
        for i in self.reduces:
            reducer = self.reducers[i]
            value = self.body.operand(program.values[i].data[1], place, local)
            new: State = (value, b.broadcast("i64", row, LANES)) if reducer.indexed else (value,)
            self._set(i, places[i], reducer.combine(b, LANES, self._get(i, places[i]), new))

    def _results(self, runs: str, index: str, mask: str | None) -> None:
        """Combine the runs of one vector of columns, compute what follows from that, and store it."""
        b, program = self.b, self.program
        trees = self._trees(index)
        at = b.add(b.mul(self.outer_index, self.inner), index)
        pointers = {key: pointer for key, pointer in self.outer_pointers.items()}
        place = Place(LANES, index, at, pointers, mask)
        local: dict[int, str] = {}
        for i, state in zip(self.reduces, fold(b, trees, LANES, runs)):
            local[i] = state[1] if self.reducers[i].indexed else state[0]
        if program.partial:
            size = b.mul(self.outer, self.inner)
            at = b.add(b.mul(self.split, size), at)
        for number, store in enumerate(program.stores):
            if store.level != "result":
                continue
            for i in self.body.needed([store.reference], "result"):
                if i not in local:
                    local[i] = self.body._value(i, place, local)
            pointer = b.offset(store.dtype.storage, self.bases["store", number][0], at)
            self.body.store(store, number, self.body.operand(store.reference, place, local), place, pointer)


__all__ = ["emit_column", "scratch_bytes"]
