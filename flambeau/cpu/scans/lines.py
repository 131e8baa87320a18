"""Scans of many lines, sixteen side by side in the lanes of vectors, each walked from its first element to its last.

A line is what lies along the scanned axis. Where neighbouring lines are neighbours in memory, a vector of sixteen lines is
read as it lies there. Where the elements of a line are neighbours, blocks of sixteen elements of sixteen lines are transposed on
their way to a small array and from there. Anything else is gathered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...graph.dtypes import DType, int64
from ..arguments import Arguments
from ..conversion import from_storage, load, register_type, storage_type, store, to_storage
from ..ir import KernelBuilder, Module
from ..values import BYTE, LANES, Pointer, Value, placed, unraveled
from .accumulation import Accumulation
from .turning import BLOCK, turn

MOST_VECTORS = 8
"""Vectors of lines that are walked together where they lie side by side: for each step, neighbouring cache lines are read."""

SIDE_BY_SIDE, ALONG, REPEATED, APART = "side by side", "along", "repeated", "apart"
"""How the lines of a vector lie: each element beside that of the next line, beside the next one of its line, where that of the
next line lies (which is the same line again), or none of these."""


@dataclass(frozen=True)
class LinesCode:
    """The code of the kernel; everything it is specialised on. ``forms`` are those of the sources and the result."""

    name: str
    sources: tuple[DType, ...]
    result: DType
    rank: int
    lanes: int
    forms: tuple[str, ...]
    backwards: bool
    placed: bool

    @property
    def key(self) -> str:
        sources = ", ".join(d.name for d in self.sources)
        rest = f"rank{self.rank} lanes{self.lanes} backwards{self.backwards:d} places{self.placed:d}"
        return f"{self.name} ({sources}) {self.result.name} {', '.join(self.forms)} {rest}"

    @property
    def arguments(self) -> Arguments:
        """Tile t walks ``tile`` groups of the ``all`` there are. Each is up to ``vectors`` vectors of neighbouring lines, of
        which there are ``lines`` for an index over ``extents``.

        An access begins at ``first``, and goes ``line`` elements to the next line and ``step`` along one.
        """
        fields = [f"extents[{self.rank}] groups lines vectors steps tile all"]
        for access in (*(f"source{k}" for k in range(len(self.sources))), "result"):
            fields.append(f"&{access} {access}_strides[{self.rank}] {access}_first {access}_line {access}_step")
        return Arguments(*fields, "&places" if self.placed else "")

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Access:
    """One operand of the kernel: how its lines lie, and where those of a group begin."""

    def __init__(self, a: Any, name: str, operand: Pointer, d: DType, form: str) -> None:
        b = a.steps.builder
        self.dtype = d
        self.form = form
        self.base = operand.of(storage_type(d))
        self.strides, self.first, self.line, self.step = (
            getattr(a, f"{name}_{field}") for field in ("strides", "first", "line", "step")
        )
        #: A block of sixteen steps of sixteen lines, on its way.
        self.block = b.array(self.base.to, BLOCK) if form == ALONG else None

    def begin(self, outer: list[Value]) -> None:
        self.group = self.base + placed(outer, self.strides, self.first)

    def at(self, line: Value, step: Value) -> Pointer:
        return self.group + line * self.line + step * self.step


class _Writer:
    def __init__(self, code: LinesCode, b: KernelBuilder) -> None:
        self.code = code
        self.b = b
        self.a: Any = code.arguments.load(b, BYTE)
        a = self.a
        self.accumulation = Accumulation(code.name, code.result, code.placed)
        self.sources = [
            _Access(a, f"source{k}", getattr(a, f"source{k}"), d, form)
            for k, (d, form) in enumerate(zip(code.sources, code.forms))
        ]
        self.results = [_Access(a, "result", a.result, code.result, code.forms[-1])]
        if code.placed:
            self.results.append(_Access(a, "result", a.places, int64, code.forms[-1]))
        #: What each vector of lines carries from one block of steps to the next.
        self.carried = [b.array(register_type(d, code.lanes), MOST_VECTORS) for d in self.accumulation.types]

    def write(self) -> None:
        b, a, lanes = self.b, self.a, self.code.lanes
        start = b.tile * a.tile
        with b.loop(start, (start + a.tile).at_most(a.all)) as group:
            outer = unraveled(group // a.groups, a.extents)
            for access in (*self.sources, *self.results):
                access.begin(outer)
            self.first = group % a.groups * (a.vectors * lanes)
            self.stop = (self.first + a.vectors * lanes).at_most(a.lines)
            with b.loop(0, a.vectors) as vector:
                for carried, none in zip(self.carried, self.accumulation.none(b, lanes)):
                    carried[vector] = none
            with b.loop(0, a.steps, LANES) as step:
                count = (a.steps - step).at_most(LANES)
                if lanes < LANES or set(self.code.forms) <= {ALONG, REPEATED}:
                    with b.loop(self.first, self.stop, lanes) as line:
                        mask = b.first_lanes(self.stop - line, lanes) if lanes < LANES else None
                        self._block(line, mask, step, count)
                else:
                    for line, mask in b.vectors(self.first, self.stop):
                        self._block(line, mask, step, count)
        b.finish()

    def _block(self, line: Value, mask: Value | None, start: Value, count: Value) -> None:
        """A block of steps of one vector of lines; ``mask`` tells which of them there are, where that matters."""
        b, code = self.b, self.code
        sources = [source.at(line, start) for source in self.sources]
        results = [result.at(line, start) for result in self.results]
        for source, address in zip(self.sources, sources):
            if source.form == ALONG:
                self._read_along(source, address, line, count)
        vector = (line - self.first) // code.lanes
        states = [b.variable((carried + vector).load()) for carried in self.carried]
        with b.loop(0, count) as step:
            values = [self._read(source, at, step, mask) for source, at in zip(self.sources, sources)]
            place = Value(b, register_type(int64), (start + step).name).broadcast(code.lanes)
            before = tuple(each.value for each in states)
            state = self.accumulation.advance(before, code.sources, values, place)
            for variable, part in zip(states, state):
                variable.value = part
            stored = self.accumulation.result(before if self.accumulation.before else state)
            for result, address, value in zip(self.results, results, stored):
                self._store(result, address, step, value, mask)
        for carried, variable in zip(self.carried, states):
            carried[vector] = variable.value
        for result, address in zip(self.results, results):
            if result.form == ALONG:
                self._write_along(result, address, line, count)

    def _read(self, source: _Access, address: Pointer, step: Value, mask: Value | None) -> Value:
        d, lanes = source.dtype, self.code.lanes
        if source.block is not None:
            return load(d, self._turned(source, step), LANES)
        place = address + step * source.step
        if source.form == APART:
            return from_storage(d, place.gather(self.b.lane_numbers() * source.line, mask))
        return load(d, place).broadcast(lanes) if source.form == REPEATED else load(d, place, lanes, mask)

    def _store(self, result: _Access, address: Pointer, step: Value, value: Value, mask: Value | None) -> None:
        place = address + step * result.step
        if result.block is not None:
            store(result.dtype, value, self._turned(result, step))
        elif result.form == APART:
            place.scatter(to_storage(result.dtype, value), self.b.lane_numbers() * result.line, mask)
        else:
            store(result.dtype, value, place, mask)

    # --- lines whose elements are neighbours ------------------------------------------------------------------------

    def _turned(self, access: _Access, step: Value) -> Pointer:
        """Where in an access's block the sixteen lines are at a step."""
        assert access.block is not None
        return access.block + (LANES - 1 - step if self.code.backwards else step) * LANES

    def _row(self, access: _Access, address: Pointer, row: Value) -> Pointer:
        """Where the block begins in memory in one of sixteen lines."""
        return address + row * access.line + (1 - LANES if self.code.backwards else 0)

    def _present(self, count: Value) -> Value:
        """Which elements of a line's sixteen belong to a block of ``count`` steps."""
        return ~self.b.first_lanes(LANES - count) if self.code.backwards else self.b.first_lanes(count)

    def _read_along(self, source: _Access, address: Pointer, line: Value, count: Value) -> None:
        """Lines beyond the last one are that line once more."""
        assert source.block is not None
        last = self.stop - 1 - line
        for whole in self.b.either(count.equals(LANES)):
            mask = None if whole else self._present(count)
            with self.b.loop(0, LANES) as row:
                source.block[row * LANES] = self._row(source, address, row.at_most(last)).load(LANES, mask)
        turn(self.b, source.block)

    def _write_along(self, result: _Access, address: Pointer, line: Value, count: Value) -> None:
        assert result.block is not None
        turn(self.b, result.block)
        rows = (self.stop - line).at_most(LANES)
        for whole in self.b.either(count.equals(LANES)):
            mask = None if whole else self._present(count)
            with self.b.loop(0, rows) as row:
                self._row(result, address, row).store((result.block + row * LANES).load(LANES), mask)
