"""Row kernels: loops whose innermost axis is walked in vectors, with reductions along it and work between them.

A program runs in *passes* over a row: what depends on a reduction along the row waits for the next pass. Values that
hold for a whole row are computed once, between passes, as scalars.
"""

from __future__ import annotations

from collections.abc import Callable

from ...kernels.program import LEVELS, ROW_CHUNK, ROW_HEADER, Program
from ..conversion import from_storage, register_type, to_storage
from ..ir import LANES, Builder, Module, vector
from ..vectors import lane_numbers, load_vector, store_vector, tail_mask
from .body import Body, Place
from .passes import Pass, kept_as, kept_rows, plan_passes
from .reducers import Reducer, State, fold, push

CACHE_LINE = 64


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
        self.passes = plan_passes(program)

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
        self.kept = self._kept_rows()
        self.sums = self._begin_sums(part)
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

    def _kept_rows(self) -> dict[int, str]:
        """For each value that is kept from pass to pass, where its row begins in scratch memory."""
        b = self.b
        places = kept_rows(self.program, self.passes)
        if not places:
            return {}
        length = b.op(f"and i64 {b.add(self.inner, str(LANES - 1))}, {-LANES}")
        return {i: b.offset("i8", "%scratch", b.mul(length, str(place))) for i, place in places.items()}

    def _begin_sums(self, part: str) -> dict[int, str]:
        """For each store that adds up columns, where this tile's row of sums begins; the sums are none yet."""
        b, sums = self.b, {}
        for number, store in enumerate(self.program.stores):
            if store.level == "column":
                sums[number] = b.offset(store.dtype.storage, self.bases["store", number][0], b.mul(part, self.inner))

        def clear(index: str, mask: str | None) -> None:
            for number, row in sums.items():
                d = self.program.stores[number].dtype
                (none,) = Reducer("sum", d).identity(LANES)
                store_vector(b, d.storage, none, b.offset(d.storage, row, index), mask)

        if sums:
            self._walk("0", self.inner, clear)
        return sums

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
                if key[1] in self.sums:
                    continue
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
        for stage, step in enumerate(self.passes):
            order = [
                i for i, v in enumerate(program.values) if v.level == "row" and v.stage == stage and v.kind != "reduce"
            ]
            for index in order:
                self.body.keep_scalar(index, self.body.compute([index], place)[index])
            self._pass(step)
        if program.partial:
            return
        for number, store in enumerate(program.stores):
            if store.level == "row":
                self.body.store(store, number, self.body.scalars[store.reference], place, pointers["store", number])

    # --- passes ----------------------------------------------------------------------------------------------------

    def _pass(self, step: Pass) -> None:
        """One walk along the row: the reductions of element values of this stage, and the stores that are ready."""
        b, reduces = self.b, step.reduces
        if not reduces:
            if step.stores:
                self._walk(self.from_, self.to, lambda index, mask: self._vector(index, mask, step, {}))
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
            self._walk(start, stop, lambda index, mask: self._vector(index, mask, step, accumulators))
            states: list[State] = []
            for i in reduces:
                reducer = self.reducers[i]
                state = tuple(b.load(register_type(d, LANES), s) for d, s in zip(reducer.types, accumulators[i]))
                states.append(reducer.across(b, state))
            push(b, trees, 1, run, states)
        for i, state in zip(reduces, fold(b, trees, 1, runs)):
            self._finish(i, state)

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

    def _walk(self, start: str, stop: str, work: Callable[[str, str | None], None]) -> None:
        """``work(index, mask)`` from ``start`` to ``stop``: for whole vectors, then for a masked rest."""
        b = self.b
        whole = b.add(start, b.op(f"and i64 {b.sub(stop, start)}, {-LANES}"))
        with b.loop(start, whole, str(LANES)) as index:
            work(index, None)
        rest = b.sub(stop, whole)
        with b.when(b.op(f"icmp sgt i64 {rest}, 0")):
            work(whole, tail_mask(b, rest))

    def _vector(self, index: str, mask: str | None, step: Pass, accumulators: dict[int, list[str]]) -> None:
        b, body, program = self.b, self.body, self.program
        place = Place(LANES, index, b.add(self.row_start, index), self.pointers, mask)
        if mask is None:
            for key, next_row in step.fetched:
                self._fetch(key, index, next_row)
        local = body.compute(step.computed, place, {i: self._read(i, index) for i in step.read})
        for i in step.kept:
            self._keep(i, index, local[i])
        for number in step.stores:
            store, pointer = program.stores[number], None
            if number in self.sums:
                self._add(number, index, mask, body.operand(store.reference, place, local))
                continue
            if store.dense:
                pointer = b.offset(store.dtype.storage, self.pointers["store", number], index)
            body.store(store, number, body.operand(store.reference, place, local), place, pointer)
        for i, slots in accumulators.items():
            reducer = self.reducers[i]
            value = body.operand(program.values[i].data[1], place, local)
            accumulate(b, body, reducer, slots, value, place)

    def _fetch(self, key: tuple[str, int], index: str, next_row: bool) -> None:
        """Fetch a vector of a load's or store's memory into the cache (an address beyond everything does no harm)."""
        b, program = self.b, self.program
        _, strides, storage = self.bases[key]
        if next_row:
            index = b.add(index, strides[-1] if key[0] == "value" else self.inner)
        d = program.values[key[1]].dtype if key[0] == "value" else program.stores[key[1]].dtype
        address = b.offset(storage, self.pointers[key], index)
        for line in range(max(LANES * d.itemsize // CACHE_LINE, 1)):
            b.prefetch(b.offset("i8", address, str(line * CACHE_LINE)), write=key[0] == "store", level=2)

    def _add(self, number: int, index: str, mask: str | None, value: str) -> None:
        """Add a vector of elements to the tile's sums of their columns."""
        b, d = self.b, self.program.stores[number].dtype
        address = b.offset(d.storage, self.sums[number], index)
        (total,) = Reducer("sum", d).combine(b, LANES, (load_vector(b, d.storage, address, mask),), (value,))
        store_vector(b, d.storage, total, address, mask)

    def _keep(self, i: int, index: str, value: str) -> None:
        """Write a vector of a value for later passes; lanes beyond the row's end have a place, too."""
        d = kept_as(self.program.values[i].dtype)
        address = self.b.offset(d.storage, self.kept[i], index)
        self.b.store(vector(d.storage, LANES), to_storage(self.b, d, LANES, value), address, d.itemsize)

    def _read(self, i: int, index: str) -> str:
        """A vector of a value that an earlier pass kept."""
        d = kept_as(self.program.values[i].dtype)
        address = self.b.offset(d.storage, self.kept[i], index)
        return from_storage(self.b, d, LANES, self.b.load(vector(d.storage, LANES), address, d.itemsize))


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
