"""The values of a program as instructions: shared by row and column kernels."""

from __future__ import annotations

from ...graph.dtypes import dtype, float64, int64
from ...kernels.program import Program, Store, operands_of
from ..conversion import convert, from_storage, register_type, to_storage
from ..elementwise import emit, philox
from ..ir import LANES, Builder, splat, vector
from ..vectors import gather_vector, lane_numbers, load_vector, scatter_vector, store_vector


class Place:
    """Where in the loop values are computed: one vector (or one scalar) of elements.

    ``pointers`` gives for each load, gather and store the address its innermost axis starts at; ``index`` is the
    position along that axis; ``linear`` the row-major position of the first lane.
    """

    def __init__(
        self, lanes: int, index: str, linear: str, pointers: dict[tuple[str, int], str], mask: str | None
    ) -> None:
        self.lanes = lanes
        self.index = index
        self.linear = linear
        self.pointers = pointers
        self.mask = mask
        #: In an epilogue: the template's results.
        self.result = ""


class Body:
    """Computes a program's values on demand, each once for a place."""

    def __init__(self, b: Builder, program: Program, first: int = 0) -> None:
        self.b = b
        self.program = program
        #: Where the program's arguments begin among the kernel's.
        self.first = first
        #: Scalars valid for the whole kernel or the whole row, and their repetitions in all lanes.
        self.scalars: dict[int, str] = {}
        self.vectors: dict[int, str] = {}
        self.element_users = self._used_by_elements()

    def argument(self, index: int) -> str:
        """The program's argument number ``index``."""
        return self.b.argument(self.first + index)

    def operand_address(self, index: int) -> str:
        """The address of the operand at argument ``index``."""
        return self.b.operand(self.first + index)

    def _used_by_elements(self) -> set[int]:
        used: set[int] = set()
        for value in self.program.values:
            if value.level == "element" or value.kind == "reduce":
                used.update(operands_of(value))
        used.update(s.reference for s in self.program.stores if s.level != "row")
        used.update(range(len(self.program.values)) if self.program.kind != "loop" else ())
        return used

    def needed(self, references: list[int], level: str) -> list[int]:
        """The values of one level that the given ones are computed from, in order."""
        found: set[int] = set()
        waiting = list(references)
        while waiting:
            index = waiting.pop()
            if (
                index in found
                or self.program.values[index].level != level
                or self.program.values[index].kind == "reduce"
            ):
                continue
            found.add(index)
            waiting.extend(operands_of(self.program.values[index]))
        return sorted(found)

    def keep_scalar(self, index: int, value: str) -> None:
        """Remember a value that holds for a whole row (or kernel), repeated in all lanes if elements use it."""
        self.scalars[index] = value
        if index in self.element_users:
            self.vectors[index] = self.b.broadcast(self.program.values[index].dtype.llvm, value, LANES)

    def numbers(self) -> None:
        """Load the Python numbers at the kernel's entry."""
        b = self.b
        for index, value in enumerate(self.program.values):
            if value.kind != "number":
                continue
            kind, argument, before = value.data
            given = float64 if kind == "f" else int64
            number = b.slot(self.argument(argument), given.llvm)
            for d in (*before, value.dtype):
                number = convert(b, given, d, 1, number)
                given = d
            self.keep_scalar(index, number)

    # --- one place -------------------------------------------------------------------------------------------------

    def compute(self, order: list[int], place: Place, known: dict[int, str] | None = None) -> dict[int, str]:
        """Instructions for the given values, in order; returns their register names, and those ``known`` before."""
        local: dict[int, str] = dict(known or {})
        for index in order:
            local[index] = self._value(index, place, local)
        return local

    def operand(self, index: int, place: Place, local: dict[int, str]) -> str:
        """A value for use at a place: computed there, or held for the row."""
        if index in local:
            return local[index]
        return self.vectors[index] if place.lanes > 1 else self.scalars[index]

    def _value(self, index: int, place: Place, local: dict[int, str]) -> str:
        b, lanes = self.b, place.lanes
        value = self.program.values[index]
        kind, data = value.kind, value.data
        if kind == "load":
            return self._load(value.dtype, place.pointers["value", index], data[2], data[3], place)
        if kind == "gather":
            return self._gather(index, place, local)
        if kind == "convert":
            source = self.program.values[data[0]].dtype
            return convert(b, source, value.dtype, lanes, self.operand(data[0], place, local))
        if kind == "linear":
            return self._linear(place)
        if kind == "result":
            return place.result
        if kind == "random":
            seed, offset = (self.operand(reference, place, local) for reference in data)
            t = vector("i64", lanes)
            counter = b.op(f"add {t} {offset}, {self._linear(place)}")
            first, second = philox(b, lanes, seed, counter)
            if value.dtype.itemsize == 4:
                return first
            wide = b.op(f"zext {vector('i32', lanes)} {second} to {t}")
            high = b.op(f"shl {t} {wide}, {splat('i64', '32', lanes)}")
            low = b.op(f"zext {vector('i32', lanes)} {first} to {t}")
            return b.op(f"or {t} {high}, {low}")
        assert kind == "op", kind
        name, compute, references, error = data
        arguments = [self.operand(reference, place, local) for reference in references]
        if error >= 0 and name == "check":
            self._check(compute, arguments[0], arguments[1], error, place)
        elif error >= 0:
            self._check_divisor(compute, arguments[1], error, place)
        return emit(b, name, None, compute, value.dtype, lanes, *arguments)

    def _linear(self, place: Place) -> str:
        b = self.b
        if place.lanes == 1:
            return place.linear
        base = b.broadcast("i64", place.linear, place.lanes)
        return b.op(f"add {vector('i64', place.lanes)} {base}, {lane_numbers()}")

    def _load(self, d: dtype, pointer: str, inner: str, stride: int, place: Place) -> str:
        b, lanes = self.b, place.lanes
        if inner == "0" or lanes == 1:
            position = (
                "0" if inner == "0" else place.index if inner == "1" else b.mul(place.index, self.argument(stride))
            )
            raw = b.load(d.storage, b.offset(d.storage, pointer, position), d.itemsize)
            return b.broadcast(d.llvm, from_storage(b, d, 1, raw), lanes)
        if inner == "1":
            address = b.offset(d.storage, pointer, place.index)
            return from_storage(b, d, lanes, load_vector(b, d.storage, address, place.mask))
        positions = self._strided(place.index, self.argument(stride))
        return from_storage(b, d, lanes, gather_vector(b, d.storage, pointer, positions, place.mask))

    def _strided(self, index: str, stride: str) -> str:
        """Positions (index + lane) * stride."""
        b, t = self.b, vector("i64", LANES)
        places = b.op(f"add {t} {b.broadcast('i64', index, LANES)}, {lane_numbers()}")
        return b.op(f"mul {t} {places}, {b.broadcast('i64', stride, LANES)}")

    def _gather(self, index: int, place: Place, local: dict[int, str]) -> str:
        b, lanes = self.b, place.lanes
        value = self.program.values[index]
        _, _, inner, stride, indices, wraps = value.data
        pointer = place.pointers["value", index]
        d = value.dtype
        if not indices:  # a plain walk in another order
            return self._load(d, pointer, inner, stride, place)
        varying = lanes > 1 and any(reference in local for reference, *_ in indices)
        width = lanes if varying else 1
        t = vector("i64", width)
        total: str | None = None
        for reference, extent_argument, stride_argument, error in indices:
            at = local[reference] if varying and reference in local else None
            if at is None:
                at = (
                    self.scalars[reference]
                    if reference in self.scalars and width == 1
                    else self.operand(reference, place, local)
                )
            source = self.program.values[reference].dtype
            at = convert(b, source, int64, width, at)
            at = self._checked(at, self.argument(extent_argument), width, error, place.mask if varying else None, wraps)
            step = b.broadcast("i64", self.argument(stride_argument), width)
            offset = b.op(f"mul {t} {at}, {step}")
            total = offset if total is None else b.op(f"add {t} {total}, {offset}")
        assert total is not None
        if not varying:
            return self._load(d, b.offset(d.storage, pointer, total), inner, stride, place)
        if inner != "0":
            along = self._strided(place.index, "1" if inner == "1" else self.argument(stride))
            total = b.op(f"add {t} {total}, {along}")
        return from_storage(b, d, lanes, gather_vector(b, d.storage, pointer, total, place.mask))

    def _checked(self, at: str, extent: str, lanes: int, error: int, mask: str | None, wraps: bool) -> str:
        """A position out of range is reported, and 0 used in its place; negative ones may count from the end."""
        b, t = self.b, vector("i64", lanes)
        limit = b.broadcast("i64", extent, lanes)
        zero = "zeroinitializer" if lanes > 1 else "0"
        wrapped = at
        if wraps:
            negative = b.op(f"icmp slt {t} {at}, {zero}")
            shifted = b.op(f"add {t} {at}, {limit}")
            wrapped = b.op(f"select {vector('i1', lanes)} {negative}, {t} {shifted}, {t} {at}")
        bad = b.op(f"icmp uge {t} {wrapped}, {limit}")
        self.report(bad, at, error, lanes, mask)
        return b.op(f"select {vector('i1', lanes)} {bad}, {t} {zero}, {t} {wrapped}")

    def _check(self, d: dtype, value: str, holds: str, error: int, place: Place) -> None:
        """Report a value (shown if it is an integer) for which the condition does not hold."""
        b, lanes = self.b, place.lanes
        bad = b.op(f"xor {vector('i1', lanes)} {holds}, {splat('i1', 'true', lanes)}")
        shown = convert(b, d, int64, lanes, value) if d.kind == "integer" else splat("i64", "0", lanes)
        self.report(bad, shown, error, lanes, place.mask)

    def _check_divisor(self, d: dtype, divisor: str, error: int, place: Place) -> None:
        b, lanes = self.b, place.lanes
        zero = "zeroinitializer" if lanes > 1 else "0"
        bad = b.op(f"icmp eq {register_type(d, lanes)} {divisor}, {zero}")
        self.report(bad, splat("i64", "0", lanes), error, lanes, place.mask)

    def report(self, bad: str, value: str, error: int, lanes: int, mask: str | None) -> None:
        """Note the first error of a run in the error cell: its number, and the value that was wrong."""
        report_error(self.b, bad, value, self.first + error, lanes, mask)

    def store(self, store: Store, number: int, value: str, place: Place, dense_pointer: str | None = None) -> None:
        """Write a value; ``dense_pointer`` is the address of the place's first element for dense stores."""
        b, d, lanes = self.b, store.dtype, place.lanes
        raw = to_storage(b, d, lanes, value)
        if dense_pointer is not None:
            if lanes == 1:
                b.store(d.storage, raw, dense_pointer, d.itemsize)
            else:
                store_vector(b, d.storage, raw, dense_pointer, place.mask)
            return
        pointer = place.pointers["store", number]
        if lanes == 1 or store.inner == "0":
            position = "0" if store.inner == "0" else place.index
            if store.inner == "s":
                position = b.mul(place.index, self.argument(store.inner_stride))
            b.store(d.storage, raw, b.offset(d.storage, pointer, position), d.itemsize)
        elif store.inner == "1":
            store_vector(b, d.storage, raw, b.offset(d.storage, pointer, place.index), place.mask)
        else:
            positions = self._strided(place.index, self.argument(store.inner_stride))
            scatter_vector(b, d.storage, raw, pointer, positions, place.mask)


def report_error(b: Builder, bad: str, value: str, error: int, lanes: int, mask: str | None) -> None:
    """If any lane is bad, put the error's number (an argument) and the lane's value into the error cell, first come."""
    if lanes > 1:
        if mask is not None:
            bad = b.op(f"and {vector('i1', lanes)} {bad}, {mask}")
        some = b.call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", (vector("i1", lanes), bad))
    else:
        some = bad
    with b.when(some):
        if lanes > 1:
            t = vector("i64", lanes)
            lowest = splat("i64", str(-(1 << 63)), lanes)
            shown = b.op(f"select {vector('i1', lanes)} {bad}, {t} {value}, {t} {lowest}")
            value = b.call(f"llvm.vector.reduce.smax.v{lanes}i64", "i64", (t, shown))
        cell = b.slot("0")
        number = b.argument(error)
        swapped = b.op(f"cmpxchg ptr {cell}, i64 0, i64 {number} acq_rel acquire")
        with b.when(b.op(f"extractvalue {{ i64, i1 }} {swapped}, 1")):
            b.store("i64", value, b.offset("i64", cell, "1"), 8)
