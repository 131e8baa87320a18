"""The values of a program as instructions: shared by row and column kernels and by epilogues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...graph.dtypes import dtype, float64, int64
from ...kernels.program import Program, operands_of
from ..conversion import convert, from_storage, load, register_type, storage_type, store, to_storage
from ..elementwise import emit, philox
from ..ir import KernelBuilder
from ..values import INDEX, Pointer, Value, placed, where

Access = tuple[str, int]
"""A place in memory that a program reads or writes: ("value", number of a load or gather) or ("store", number)."""


@dataclass(slots=True)
class Place:
    """Where in the loop values are computed: one vector, or a single one, of elements.

    ``pointers`` gives for each access the address its innermost axis starts at; ``index`` is the position along that axis;
    ``linear`` the row-major position of the first lane. In an epilogue ``result`` is the template's.
    """

    lanes: int
    index: Value
    linear: Value
    pointers: dict[Access, Pointer]
    mask: Value | None = None
    result: Value | None = None


class Body:
    """Computes a program's values on demand, each once for a place. Its arguments are the kernel's from ``first`` on."""

    def __init__(self, b: KernelBuilder, program: Program, rank: int, first: int = 0) -> None:
        self.b = b
        self.program = program
        self.first = first
        #: For each access: base address and outer strides.
        self.bases: dict[Access, tuple[Pointer, list[Value]]] = {}
        #: Values that hold for the whole kernel or the whole row, and their repetitions in all lanes.
        self.scalars: dict[int, Value] = {}
        self.vectors: dict[int, Value] = {}
        self.element_users = self._used_by_elements()
        for index, value in enumerate(program.values):
            if value.kind in ("load", "gather"):
                self._base(("value", index), value.data[0], value.dtype, value.data[1], rank)
        for number, written in enumerate(program.stores):
            outer = 0 if written.dense else rank
            self._base(("store", number), written.operand, written.dtype, written.strides, outer)
        self._load_numbers()

    def _base(self, key: Access, operand: int, d: dtype, strides: int, rank: int) -> None:
        address = self.b.operand(self.first + operand, storage_type(d))
        self.bases[key] = address, [self.argument(strides + axis) for axis in range(rank)]

    def argument(self, index: int) -> Value:
        """The program's argument number ``index``."""
        argument: Value = self.b.arguments[self.first + index]
        return argument

    def _used_by_elements(self) -> set[int]:
        used: set[int] = set()
        for value in self.program.values:
            if value.level == "element" or value.kind == "reduce":
                used.update(operands_of(value))
        used.update(s.reference for s in self.program.stores if s.level != "row")
        used.update(range(len(self.program.values)) if self.program.kind != "loop" else ())
        return used

    def pointers(self, indices: Sequence[Value], kind: str = "value") -> dict[Access, Pointer]:
        """Where the innermost axis of each access of a kind starts, for indices of the outer axes."""
        return {
            key: base + placed(indices, strides) if strides else base
            for key, (base, strides) in self.bases.items()
            if key[0] == kind
        }

    def needed(self, references: list[int], level: str) -> list[int]:
        """The values of one level that the given ones are computed from, in order."""
        values, found, waiting = self.program.values, set[int](), list(references)
        while waiting:
            index = waiting.pop()
            if index not in found and values[index].level == level and values[index].kind != "reduce":
                found.add(index)
                waiting.extend(operands_of(values[index]))
        return sorted(found)

    def keep_scalar(self, index: int, value: Value) -> None:
        """Remember a value that holds for a whole row (or kernel), repeated in all lanes if elements use it."""
        self.scalars[index] = value
        if index in self.element_users:
            self.vectors[index] = value.broadcast()

    def _load_numbers(self) -> None:
        """Load the Python numbers at the kernel's entry."""
        for index, value in enumerate(self.program.values):
            if value.kind == "number":
                kind, argument, before = value.data
                given = float64 if kind == "f" else int64
                number = self.b.slot(self.argument(argument), register_type(given))
                for d in (*before, value.dtype):
                    number, given = convert(given, d, number), d
                self.keep_scalar(index, number)

    # --- one place -------------------------------------------------------------------------------------------------

    def compute(self, order: list[int], place: Place, known: dict[int, Value] | None = None) -> dict[int, Value]:
        """Instructions for the given values, in order; returns them, and those ``known`` before."""
        local: dict[int, Value] = dict(known or {})
        for index in order:
            local[index] = self._value(index, place, local)
        return local

    def operand(self, index: int, place: Place, local: dict[int, Value]) -> Value:
        """A value for use at a place: computed there, or held for the row."""
        if index in local:
            return local[index]
        return self.vectors[index] if place.lanes > 1 else self.scalars[index]

    def _value(self, index: int, place: Place, local: dict[int, Value]) -> Value:
        value = self.program.values[index]
        kind, data = value.kind, value.data
        if kind == "load":
            return self._load(value.dtype, place.pointers["value", index], data[2], data[3], place)
        if kind == "gather":
            return self._gather(index, place, local)
        if kind == "convert":
            return convert(self.program.values[data[0]].dtype, value.dtype, self.operand(data[0], place, local))
        if kind == "linear":
            return self._linear(place)
        if kind == "result":
            assert place.result is not None
            return place.result
        if kind == "random":
            seed, offset = (self.operand(reference, place, local) for reference in data)
            first, second = philox(seed, offset + self._linear(place))
            if value.dtype.itemsize == 4:
                return first
            return second.cast("zext", "i64") << 32 | first.cast("zext", "i64")
        assert kind == "op", kind
        name, compute, references, error = data
        operands = [self.operand(reference, place, local) for reference in references]
        if error >= 0 and name == "check":  # the value is shown if it is an integer
            shown = convert(compute, int64, operands[0]) if compute.kind == "integer" else None
            self._report(~operands[1], shown, error, place.mask)
        elif error >= 0:
            self._report(operands[1].equals(0), None, error, place.mask)
        return emit(name, compute, value.dtype, *operands)

    def _linear(self, place: Place) -> Value:
        return place.linear if place.lanes == 1 else self.b.lane_numbers() + place.linear

    def _load(self, d: dtype, pointer: Pointer, inner: str, stride: int, place: Place) -> Value:
        if inner == "0":
            return load(d, pointer).broadcast(place.lanes)
        if inner == "1":
            return load(d, pointer + place.index, place.lanes, place.mask)
        if place.lanes == 1:
            return load(d, pointer + place.index * self.argument(stride))
        return from_storage(d, pointer.gather(self._strided(place.index, stride), place.mask))

    def _strided(self, index: Value, stride: int) -> Value:
        """Positions (index + lane) * stride, the stride being an argument."""
        return (self.b.lane_numbers() + index) * self.argument(stride)

    def _gather(self, index: int, place: Place, local: dict[int, Value]) -> Value:
        value = self.program.values[index]
        _, _, inner, stride, indices, wraps = value.data
        pointer, d = place.pointers["value", index], value.dtype
        varying = place.lanes > 1 and any(reference in local for reference, *_ in indices)
        total: Value | int = 0
        for reference, extent, step, error in indices:
            if not varying and reference in self.scalars:
                at = self.scalars[reference]
            else:
                at = self.operand(reference, place, local)
            at = convert(self.program.values[reference].dtype, int64, at)
            mask = place.mask if varying else None
            at = self._checked(at, self.argument(extent), error, mask, wraps)
            total = placed([at], [self.argument(step)], total)
        if not varying:  # a plain walk in another order, or one that begins elsewhere
            return self._load(d, pointer + total if indices else pointer, inner, stride, place)
        assert isinstance(total, Value)
        if inner != "0":
            along = self.b.lane_numbers() + place.index if inner == "1" else self._strided(place.index, stride)
            total = total + along
        return from_storage(d, pointer.gather(total, place.mask))

    def _checked(self, at: Value, extent: Value, error: int, mask: Value | None, wraps: bool) -> Value:
        """A position out of range is reported, and 0 used in its place; negative ones may count from the end."""
        safe, bad = in_range(at, extent, wraps)
        self._report(bad, at, error, mask)
        return safe

    def _report(self, bad: Value, value: Value | None, error: int, mask: Value | None) -> None:
        report_error(self.b, bad, value, self.argument(error), mask)

    def store(self, number: int, value: Value, place: Place, dense: Pointer | None = None) -> None:
        """Write a value; ``dense`` is the address of the place's first element for dense stores."""
        written = self.program.stores[number]
        d = written.dtype
        if dense is not None:
            return store(d, value, dense, place.mask)
        pointer = place.pointers["store", number]
        if written.inner == "1":
            store(d, value, pointer + place.index, place.mask)
        elif written.inner == "0":
            store(d, value, pointer)
        elif place.lanes == 1:
            store(d, value, pointer + place.index * self.argument(written.inner_stride))
        else:
            pointer.scatter(to_storage(d, value), self._strided(place.index, written.inner_stride), place.mask)


def in_range(at: Value, extent: Value, wraps: bool) -> tuple[Value, Value]:
    """A position, 0 in the place of one that is out of range, and whether it is; negative ones may count from the end."""
    wrapped = where(at < 0, at + extent, at) if wraps else at
    bad = wrapped.compare("uge", extent)
    return where(bad, 0, wrapped), bad


def report_error(b: KernelBuilder, bad: Value, value: Value | None, number: Value, mask: Value | None = None) -> None:
    """If any lane is bad, put the error's number and the lane's value (if there is one) into the error cell, first come."""
    if mask is not None:
        bad = bad & mask
    with b.when(bad.any()):
        shown: Value | int = 0
        if value is not None:
            shown = where(bad, value, -(1 << 63)).reduce("smax") if bad.lanes > 1 else value
        cell = b.slot(0, INDEX.pointer)
        with b.when(cell.swap_if(0, number)):
            cell[1] = shown
