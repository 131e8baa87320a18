"""Row kernels: loops whose innermost axis is walked in vectors, with reductions along it and work between them.

A program runs in *passes* over a row: what depends on a reduction along the row waits for the next pass. Values that
hold for a whole row are computed once, between passes, as scalars.
"""

from __future__ import annotations

from ..conversion import register_type
from ..ir import LANES, Builder, Module
from ..vectors import lane_numbers, tail_mask
from .body import Body, Place
from .program import LEVELS, ROW_CHUNK, ROW_HEADER, Program
from .reducers import Reducer, State, fold, push


def emit_row(program: Program, module: Module, name: str) -> None:
    """Write the kernel of a row program."""
    _RowWriter(program, Builder(module, name)).write()


class _RowWriter:
    def __init__(self, program: Program, b: Builder) -> None:
        self.program = program
        self.b = b
        self.body = Body(b, program)
        self.reduces = [i for i, v in enumerate(program.values) if v.kind == "reduce"]
        self.reducers = {i: Reducer(program.values[i].data[0], self._reduced_dtype(i)) for i in self.reduces}

    def _reduced_dtype(self, index: int):  # type: ignore[no-untyped-def]
        return self.program.values[self.program.values[index].data[1]].dtype

    def write(self) -> None:
        b, program = self.b, self.program
        self.rows, self.inner, per_tile, block, blocks = (b.argument(i) for i in range(len(ROW_HEADER)))
        self.extents = [b.argument(len(ROW_HEADER) + axis) for axis in range(program.rank)]
        self.bases = self._bases()
        self.body.numbers()
        self.stacks = {
            i: [b.variable(f"[{LEVELS} x {register_type(d, 1)}]", align=16) for d in r.types]
            for i, r in self.reducers.items()
        }
        part, self.block_number = b.divide("%tile", blocks), b.remainder("%tile", blocks)
        begin = b.mul(part, per_tile)
        end = b.minimum(b.add(begin, per_tile), self.rows)
        self.from_ = b.mul(self.block_number, block)
        self.to = b.minimum(b.add(self.from_, block), self.inner)
        with b.loop(begin, end) as row:
            self._row(row)
        b.finish()

    def _bases(self) -> dict[tuple[str, int], tuple[str, list[str], str]]:
        """For each access: base address, outer strides, element type."""
        b, found = self.b, {}
        for index, value in enumerate(self.program.values):
            if value.kind in ("load", "gather"):
                strides = [b.argument(value.data[1] + axis) for axis in range(self.program.rank)]
                found["value", index] = (b.operand(value.data[0]), strides, value.dtype.storage)
        for number, store in enumerate(self.program.stores):
            strides = [] if store.dense else [b.argument(store.strides + axis) for axis in range(self.program.rank)]
            found["store", number] = (b.operand(store.operand), strides, store.dtype.storage)
        return found

    def _row(self, row: str) -> None:
        b, program = self.b, self.program
        coordinates, rest = [], row
        for axis in range(program.rank - 1, 0, -1):
            coordinates.append(b.remainder(rest, self.extents[axis]))
            rest = b.divide(rest, self.extents[axis])
        coordinates.append(rest)
        coordinates.reverse()
        self.row_start = b.mul(row, self.inner)
        pointers: dict[tuple[str, int], str] = {}
        for key, (base, strides, storage) in self.bases.items():
            if key[0] == "store" and program.stores[key[1]].dense:
                at = self.row_start if program.stores[key[1]].level == "element" else row
                pointers[key] = b.offset(storage, base, at)
            else:
                offset = None
                for coordinate, stride in zip(coordinates, strides):
                    term = b.mul(coordinate, stride)
                    offset = term if offset is None else b.add(offset, term)
                pointers[key] = base if offset is None else b.offset(storage, base, offset)
        self.pointers = pointers
        place = Place(1, "0", row, pointers, None)
        last = 0 if program.partial else max((v.stage for v in program.values), default=0)
        for stage in range(last + 1):
            order = [
                i for i, v in enumerate(program.values) if v.level == "row" and v.stage == stage and v.kind != "reduce"
            ]
            for index in order:
                self.body.keep_scalar(index, self.body.compute([index], place)[index])
            self._pass(stage)
        if program.partial:
            return
        for number, store in enumerate(program.stores):
            if store.level == "row":
                self.body.store(store, number, self.body.scalars[store.reference], place, pointers["store", number])

    # --- passes ----------------------------------------------------------------------------------------------------

    def _pass(self, stage: int) -> None:
        """One walk along the row: the reductions of element values of this stage, and the stores that are ready."""
        b, program = self.b, self.program
        reduces = [i for i in self.reduces if program.values[i].stage == stage + 1]
        stores = [
            (n, s) for n, s in enumerate(program.stores)
            if s.level == "element" and self._store_stage(s.reference) == stage
        ]  # fmt: skip
        if not reduces and not stores:
            return
        order = self.body.needed(
            [program.values[i].data[1] for i in reduces] + [s.reference for _, s in stores], "element"
        )
        if not reduces:
            self._vectors(self.from_, self.to, order, stores, {})
            return
        accumulators = {i: [b.variable(register_type(d, LANES)) for d in self.reducers[i].types] for i in reduces}
        trees = [(self.reducers[i], self.stacks[i]) for i in reduces]
        runs = b.divide(b.add(b.sub(self.to, self.from_), str(ROW_CHUNK - 1)), str(ROW_CHUNK))
        with b.loop("0", runs) as run:
            for i in reduces:
                identity = self.reducers[i].identity(LANES)
                for d, slot, part in zip(self.reducers[i].types, accumulators[i], identity):
                    b.store(register_type(d, LANES), part, slot)
            start = b.add(self.from_, b.mul(run, str(ROW_CHUNK)))
            stop = b.minimum(b.add(start, str(ROW_CHUNK)), self.to)
            self._vectors(start, stop, order, stores, accumulators)
            states: list[State] = []
            for i in reduces:
                reducer = self.reducers[i]
                state = tuple(b.load(register_type(d, LANES), s) for d, s in zip(reducer.types, accumulators[i]))
                states.append(reducer.across(b, state))
            push(b, trees, 1, run, states)
        for i, state in zip(reduces, fold(b, trees, 1, runs)):
            self._finish(i, state)

    def _store_stage(self, reference: int) -> int:
        value = self.program.values[reference]
        return value.stage

    def _finish(self, index: int, state: State) -> None:
        """Take a reduction's state as a value of the row, or store it as one split's part."""
        b, program = self.b, self.program
        reducer = self.reducers[index]
        if not program.partial:
            self.body.keep_scalar(index, state[1] if reducer.indexed else state[0])
            return
        for number, store in enumerate(program.stores):
            if store.level == "row" and store.reference == index:
                # Splits lie outermost, so that combining them is a reduction of columns.
                row = b.divide(self.row_start, b.maximum(self.inner, "1"))
                at = b.add(b.mul(self.block_number, self.rows), row)
                base, _, storage = self.bases["store", number]
                part = state[1] if store.dtype is not reducer.dtype and reducer.indexed else state[0]
                self.body.store(store, number, part, Place(1, "0", row, {}, None), b.offset(storage, base, at))

    def _vectors(self, start: str, stop: str, order, stores, accumulators) -> None:  # type: ignore[no-untyped-def]
        """Walk from ``start`` to ``stop``: whole vectors, then a masked rest."""
        b = self.b
        whole = b.add(start, b.op(f"and i64 {b.sub(stop, start)}, {-LANES}"))
        with b.loop(start, whole, str(LANES)) as index:
            self._vector(index, None, order, stores, accumulators)
        rest = b.sub(stop, whole)
        with b.when(b.op(f"icmp sgt i64 {rest}, 0")):
            self._vector(whole, tail_mask(b, rest), order, stores, accumulators)

    def _vector(self, index: str, mask: str | None, order, stores, accumulators) -> None:  # type: ignore[no-untyped-def]
        b, body = self.b, self.body
        place = Place(LANES, index, b.add(self.row_start, index), self.pointers, mask)
        local = body.compute(order, place)
        for number, store in stores:
            pointer = None
            if store.dense:
                pointer = b.offset(store.dtype.storage, self.pointers["store", number], index)
            body.store(store, number, body.operand(store.reference, place, local), place, pointer)
        for i, slots in accumulators.items():
            reducer = self.reducers[i]
            value = body.operand(self.program.values[i].data[1], place, local)
            accumulate(b, body, reducer, slots, value, place)


def accumulate(b: Builder, body: Body, reducer: Reducer, slots: list[str], value: str, place: Place) -> None:
    """Combine a vector of elements into accumulators, lanes outside the mask staying as they are."""
    types = [register_type(d, LANES) for d in reducer.types]
    old = tuple(b.load(t, slot) for t, slot in zip(types, slots))
    new: State = (value,)
    if reducer.indexed:
        base = b.broadcast("i64", place.index, LANES)

        new = (value, b.op(f"add <{LANES} x i64> {base}, {lane_numbers()}"))
    merged = reducer.combine(b, LANES, old, new)
    for t, slot, before, after in zip(types, slots, old, merged):
        if place.mask is not None:
            after = b.op(f"select <{LANES} x i1> {place.mask}, {t} {after}, {t} {before}")
        b.store(t, after, slot)
