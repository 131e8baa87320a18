"""Column kernels: reductions over an axis that is not the innermost, sixteen columns side by side.

Each column is reduced in sequence over runs of ``chunk`` rows; the runs' results combine in a binary tree. The tree
depends on the number of rows alone, so that splitting the rows among tiles (at powers of two runs) changes nothing.
"""

from __future__ import annotations

from ..conversion import register_type
from ..ir import LANES, Builder, Module
from ..vectors import tail_mask
from .body import Body, Place
from .program import COLUMN_BLOCK, COLUMN_HEADER, LEVELS, Program
from .reducers import Reducer, State, fold, push

VECTORS = COLUMN_BLOCK // LANES


def scratch_bytes(program: Program) -> int:
    """Bytes of private memory that a tile needs: a stack of partial results for each vector of columns."""
    return sum(_stack_bytes(program, i) for i, v in enumerate(program.values) if v.kind == "reduce") + 64


def _reducer(program: Program, index: int) -> Reducer:
    name, reference = program.values[index].data
    return Reducer(name, program.values[reference].dtype)


def _stack_bytes(program: Program, index: int) -> int:
    return sum(LEVELS * VECTORS * LANES * max(d.itemsize, 4) for d in _reducer(program, index).types)


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
        self._set_pointers()
        offset = 0
        self.stack_base: dict[int, list[str]] = {}
        for i in self.reduces:
            addresses = []
            for d in self.reducers[i].types:
                addresses.append(b.op(f"getelementptr i8, ptr %scratch, i64 {offset}"))
                offset += LEVELS * VECTORS * LANES * max(d.itemsize, 4)
            self.stack_base[i] = addresses
        runs = b.divide(b.add(b.sub(self.last_row, self.first_row), b.sub(self.chunk, "1")), self.chunk)
        with b.loop("0", runs) as run:
            start = b.add(self.first_row, b.mul(run, self.chunk))
            stop = b.minimum(b.add(start, self.chunk), self.last_row)
            self._columns(lambda index, mask: self._run(run, start, stop, index, mask))
        self._columns(lambda index, mask: self._results(runs, index, mask))
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

    def _columns(self, work) -> None:  # type: ignore[no-untyped-def]
        """Call ``work(index, mask)`` for each vector of this tile's columns."""
        b = self.b
        whole = b.add(self.from_, b.op(f"and i64 {b.sub(self.to, self.from_)}, {-LANES}"))
        with b.loop(self.from_, whole, str(LANES)) as index:
            work(index, None)
        rest = b.sub(self.to, whole)
        with b.when(b.op(f"icmp sgt i64 {rest}, 0")):
            work(whole, tail_mask(b, rest))

    def _stacks(self, i: int, index: str) -> list[str]:
        """The stacks of partial results of the columns from ``index`` on."""
        b = self.b
        number = b.divide(b.sub(index, self.from_), str(LANES))
        found = []
        for d, base in zip(self.reducers[i].types, self.stack_base[i]):
            found.append(
                b.op(f"getelementptr i8, ptr {base}, i64 {b.mul(number, str(LEVELS * LANES * max(d.itemsize, 4)))}")
            )
        return found

    def _run(self, run: str, start: str, stop: str, index: str, mask: str | None) -> None:
        """Reduce rows ``start`` to ``stop`` of one vector of columns and put the result on its stack."""
        b, program = self.b, self.program
        slots = {}
        for i in self.reduces:
            reducer = self.reducers[i]
            slots[i] = [b.variable(register_type(d, LANES), p) for d, p in zip(reducer.types, reducer.identity(LANES))]
        stores = [(n, s) for n, s in enumerate(program.stores) if s.level == "element"]
        order = self.body.needed(
            [program.values[i].data[1] for i in self.reduces] + [s.reference for _, s in stores], "element"
        )
        with b.loop(start, stop) as row:
            pointers = {}
            for i in order:
                if ("value", i) in self.bases:
                    _, _, along, storage = self.bases["value", i]
                    pointers["value", i] = b.offset(storage, self.outer_pointers["value", i], b.mul(row, along))
            line = b.mul(b.add(b.mul(self.outer_index, self.reduced), row), self.inner)
            place = Place(LANES, index, b.add(line, index), pointers, mask)
            local = self.body.compute(order, place)
            for number, store in stores:
                base = self.bases["store", number][0]
                pointer = b.offset(store.dtype.storage, base, place.linear)
                self.body.store(store, number, self.body.operand(store.reference, place, local), place, pointer)
            for i in self.reduces:
                reducer = self.reducers[i]
                value = self.body.operand(program.values[i].data[1], place, local)
                new: State = (value, b.broadcast("i64", row, LANES)) if reducer.indexed else (value,)
                types = [register_type(d, LANES) for d in reducer.types]
                old = tuple(b.load(t, slot) for t, slot in zip(types, slots[i]))
                for t, slot, part in zip(types, slots[i], reducer.combine(b, LANES, old, new)):
                    b.store(t, part, slot)
        states = [
            tuple(b.load(register_type(d, LANES), slot) for d, slot in zip(self.reducers[i].types, slots[i]))
            for i in self.reduces
        ]
        push(b, [(self.reducers[i], self._stacks(i, index)) for i in self.reduces], LANES, run, states)

    def _results(self, runs: str, index: str, mask: str | None) -> None:
        """Combine the runs of one vector of columns, compute what follows from that, and store it."""
        b, program = self.b, self.program
        trees = [(self.reducers[i], self._stacks(i, index)) for i in self.reduces]
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
