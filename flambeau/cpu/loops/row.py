"""Row kernels: loops whose innermost axis is walked in vectors, with reductions along it and work between them.

A program runs in *passes* over a row: what depends on a reduction along the row waits for the next pass. Values that
hold for a whole row are computed once, between passes, as single values.
"""

from __future__ import annotations

from ...kernels.program import ROW_CHUNK, ROW_HEADER, Program
from ..arguments import Arguments
from ..conversion import load, register_type, storage_type, store
from ..ir import KernelBuilder, Module, Variable
from ..values import BYTE, LANES, Pointer, Value, unraveled, where
from .body import Access, Body, Place
from .passes import Pass, kept_as, kept_rows, plan_passes
from .reducers import LEVELS, Reducer, State, fold, push

CACHE_LINE = 64


def emit_row(program: Program, module: Module, name: str) -> None:
    """Write the kernel of a row program."""
    _RowWriter(program, KernelBuilder(module, name)).write()


class _RowWriter:
    def __init__(self, program: Program, b: KernelBuilder) -> None:
        self.program = program
        self.b = b
        self.a = Arguments(*ROW_HEADER, f"extents[{program.rank}]").load(b, BYTE)
        self.body = Body(b, program, program.rank)
        values = program.values
        #: The values that are reductions, and the stacks of their partial results.
        self.reducers = {
            i: Reducer(v.data[0], values[v.data[1]].dtype) for i, v in enumerate(values) if v.kind == "reduce"
        }
        self.stacks = {i: [b.array(register_type(d), LEVELS, 16) for d in r.types] for i, r in self.reducers.items()}
        self.passes = plan_passes(program)

    def write(self) -> None:
        b, a = self.b, self.a
        part, self.block_number = b.tile // a.blocks_per_row, b.tile % a.blocks_per_row
        begin = part * a.rows_per_tile
        end = (begin + a.rows_per_tile).at_most(a.rows)
        self.start = self.block_number * a.inner_block
        self.stop = (self.start + a.inner_block).at_most(a.inner)
        self.kept = self._kept_rows()
        self.sums = self._begin_sums(part)
        with b.loop(begin, end) as row:
            self._row(row)
        b.finish()

    def _kept_rows(self) -> dict[int, Pointer]:
        """For each value that is kept from pass to pass, where its row begins in scratch memory."""
        places = kept_rows(self.program, self.passes)
        if not places:
            return {}
        length = (self.a.inner + (LANES - 1)) & -LANES
        return {
            i: (self.b.scratch + length * place).of(storage_type(kept_as(self.program.values[i].dtype)))
            for i, place in places.items()
        }

    def _begin_sums(self, part: Value) -> dict[int, Pointer]:
        """For each store that adds up columns, where this tile's row of sums begins; the sums are none yet."""
        sums = {
            number: self.body.bases["store", number][0] + part * self.a.inner
            for number, written in enumerate(self.program.stores)
            if written.level == "column"
        }
        if sums:
            for index, mask in self.b.vectors(0, self.a.inner):
                for number, row in sums.items():
                    d = self.program.stores[number].dtype
                    (none,) = Reducer("sum", d).identity(self.b)
                    store(d, none, row + index, mask)
        return sums

    def _row(self, row: Value) -> None:
        program, body = self.program, self.body
        self.row_start = row * self.a.inner
        indices = unraveled(row, self.a.extents)
        self.pointers = body.pointers(indices)
        for number, written in enumerate(program.stores):
            key = "store", number
            if not written.dense:
                self.pointers |= {key: body.pointers(indices, "store")[key]}
            elif number not in self.sums:
                self.pointers[key] = body.bases[key][0] + (self.row_start if written.level == "element" else row)
        place = Place(1, self.b.index(0), row, self.pointers)
        for stage, step in enumerate(self.passes):
            for index, value in enumerate(program.values):
                if value.level == "row" and value.stage == stage and value.kind != "reduce":
                    body.keep_scalar(index, body.compute([index], place)[index])
            self._pass(step)
        if program.partial:
            return
        for number, written in enumerate(program.stores):
            if written.level == "row":
                body.store(number, body.scalars[written.reference], place, self.pointers["store", number])

    # --- passes ----------------------------------------------------------------------------------------------------

    def _pass(self, step: Pass) -> None:
        """One walk along the row: the reductions of element values of this stage, and the stores that are ready."""
        b, reducers = self.b, {i: self.reducers[i] for i in step.reduces}
        if not reducers:
            if step.stores:
                for index, mask in b.vectors(self.start, self.stop):
                    self._vector(index, mask, step, {})
            return
        accumulators = {i: [b.variable(register_type(d, LANES)) for d in r.types] for i, r in reducers.items()}
        trees = [(reducer, self.stacks[i]) for i, reducer in reducers.items()]
        runs = (self.stop - self.start + (ROW_CHUNK - 1)) // ROW_CHUNK
        with b.loop(0, runs) as run:
            for i, reducer in reducers.items():
                for accumulator, none in zip(accumulators[i], reducer.identity(b)):
                    accumulator.value = none
            start = self.start + run * ROW_CHUNK
            for index, mask in b.vectors(start, (start + ROW_CHUNK).at_most(self.stop)):
                self._vector(index, mask, step, accumulators)
            states = [r.across(tuple(part.value for part in accumulators[i])) for i, r in reducers.items()]
            push(b, trees, run, states)
        for i, state in zip(reducers, fold(b, trees, 1, runs)):
            self._finish(i, state)

    def _finish(self, index: int, state: State) -> None:
        """Take a reduction's state as a value of the row, or store it as one split's part."""
        program, reducer = self.program, self.reducers[index]
        if not program.partial:
            self.body.keep_scalar(index, state[-1])
            return
        for number, written in enumerate(program.stores):
            if written.level == "row" and written.reference == index:
                # Splits lie outermost, so that combining them is a reduction of columns.
                row = self.row_start // self.a.inner.at_least(1)
                at = self.body.bases["store", number][0] + (self.block_number * self.a.rows + row)
                part = state[-1] if written.dtype is not reducer.dtype else state[0]
                store(written.dtype, part, at)

    def _vector(self, index: Value, mask: Value | None, step: Pass, accumulators: dict[int, list[Variable]]) -> None:
        body, program = self.body, self.program
        place = Place(LANES, index, self.row_start + index, self.pointers, mask)
        if mask is None:
            for key, next_row in step.fetched:
                self._fetch(key, index, next_row)
        local = body.compute(step.computed, place, {i: self._read(i, index) for i in step.read})
        for i in step.kept:
            d = kept_as(program.values[i].dtype)  # lanes beyond the row's end have a place, too
            store(d, local[i], self.kept[i] + index)
        for number in step.stores:
            written = program.stores[number]
            value = body.operand(written.reference, place, local)
            if number in self.sums:
                self._add(number, index, mask, value)
            else:
                dense = self.pointers["store", number] + index if written.dense else None
                body.store(number, value, place, dense)
        for i, parts in accumulators.items():
            self._accumulate(self.reducers[i], parts, body.operand(program.values[i].data[1], place, local), place)

    def _read(self, i: int, index: Value) -> Value:
        """A vector of a value that an earlier pass kept."""
        return load(kept_as(self.program.values[i].dtype), self.kept[i] + index, LANES)

    def _fetch(self, key: Access, index: Value, next_row: bool) -> None:
        """Fetch a vector of a load's or store's memory into the cache (an address beyond everything does no harm)."""
        _, strides = self.body.bases[key]
        if next_row:
            index = index + (strides[-1] if key[0] == "value" else self.a.inner)
        address = self.pointers[key] + index
        for line in range(max(LANES * address.to.bytes // CACHE_LINE, 1)):
            (address.of(BYTE) + line * CACHE_LINE).prefetch(level=2, write=key[0] == "store")

    def _add(self, number: int, index: Value, mask: Value | None, value: Value) -> None:
        """Add a vector of elements to the tile's sums of their columns."""
        d, address = self.program.stores[number].dtype, self.sums[number] + index
        (total,) = Reducer("sum", d).combine((load(d, address, LANES, mask),), (value,))
        store(d, total, address, mask)

    def _accumulate(self, reducer: Reducer, parts: list[Variable], value: Value, place: Place) -> None:
        """Combine a vector of elements into accumulators, lanes outside the mask staying as they are."""
        old = tuple(part.value for part in parts)
        new: State = (value, self.b.lane_numbers() + place.index) if reducer.indexed else (value,)
        for part, before, after in zip(parts, old, reducer.combine(old, new)):
            part.value = after if place.mask is None else where(place.mask, after, before)
