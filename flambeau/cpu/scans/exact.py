"""Scans of lines of neighbouring elements, of which the parts may be combined in any order and give the same bits: extrema, and
sums and products of integers.

Sixteen neighbours are scanned in the lanes of a vector, in four steps: each lane takes what the lane 1, 2, 4, 8 places before it
has (W. D. Hillis and G. L. Steele, "Data Parallel Algorithms", 1986). An extremum is seldom exceeded, and then nothing is to be
done but to store it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...graph.dtypes import DType, int64
from ..arguments import Arguments
from ..conversion import convert, from_storage, register_type, storage_type, to_storage
from ..ir import KernelBuilder, Module
from ..values import BYTE, LANES, Pointer, Type, Value, placed, unraveled
from .accumulation import Accumulation, State

TURNED = range(LANES - 1, -1, -1)


@dataclass(frozen=True)
class ExactCode:
    """The code of the kernel; everything it is specialised on."""

    name: str
    source: DType
    result: DType
    rank: int
    backwards: bool
    placed: bool

    @property
    def key(self) -> str:
        rest = f"rank{self.rank} backwards{self.backwards:d} places{self.placed:d}"
        return f"{self.name} in vectors {self.source.name} {self.result.name} {rest}"

    @property
    def arguments(self) -> Arguments:
        """Tile t walks ``tile`` of the ``lines``, each of ``steps`` neighbouring elements; an access begins at ``first``."""
        fields = [f"extents[{self.rank}] steps tile lines"]
        fields += [f"&{x} {x}_strides[{self.rank}] {x}_first {x}_step" for x in ("source0", "result")]
        return Arguments(*fields, "&places" if self.placed else "")

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Writer:
    def __init__(self, code: ExactCode, b: KernelBuilder) -> None:
        self.code = code
        self.b = b
        self.a: Any = code.arguments.load(b, BYTE)
        self.accumulation = Accumulation(code.name, code.result, code.placed)
        self.source = self.a.source0.of(storage_type(code.source))
        self.results: list[tuple[DType, Pointer]] = [(code.result, self.a.result.of(storage_type(code.result)))]
        if code.placed:
            self.results.append((int64, self.a.places.of(storage_type(int64))))
        none = self.accumulation.none(b)
        #: What came before a vector, in every lane.
        self.carried = [b.variable(part.type) for part in none]

    def write(self) -> None:
        b, a = self.b, self.a
        start = b.tile * a.tile
        with b.loop(start, (start + a.tile).at_most(a.lines)) as number:
            line = unraveled(number, a.extents)
            source = self.source + placed(line, a.source0_strides, a.source0_first)
            results = [address + placed(line, a.result_strides, a.result_first) for _, address in self.results]
            self._carry(self.accumulation.none(b))
            for step, mask in b.vectors(0, a.steps):
                self._vector(source, results, step, mask)
        b.finish()

    def _vector(self, source: Pointer, results: list[Pointer], step: Value, mask: Value | None) -> None:
        b, code = self.b, self.code
        if code.backwards and mask is not None:
            mask = mask.pick(TURNED)
        x = from_storage(code.source, self._place(source, step).load(LANES, mask))
        if code.backwards:
            x = x.pick(TURNED)
        x = convert(code.source, code.result, x)
        before = tuple(each.value for each in self.carried)
        if not code.name.endswith(("max", "min")):
            self._store(results, step, self._advance(before, x, step), mask)
            return
        for exceeded in b.either(self.accumulation.exceeded(before[0], x).any()):
            self._store(results, step, self._advance(before, x, step) if exceeded else before, mask)

    def _place(self, address: Pointer, step: Value) -> Pointer:
        return address + (1 - LANES - step) if self.code.backwards else address + step

    def _advance(self, before: State, x: Value, step: Value) -> State:
        """The states of a vector's elements; what they have together is carried on."""
        b, accumulation = self.b, self.accumulation
        numbers: Sequence[Value] = (b.lane_numbers("i32"),) if self.code.placed else ()
        none = (accumulation.none(b)[0], b.constant(Type.of("i32", LANES), 0))
        state: State = (x, *numbers)
        for distance in (1, 2, 4, 8):
            picks = [lane - distance if lane >= distance else LANES for lane in range(LANES)]
            state = accumulation.combine(tuple(p.pick(picks, n) for p, n in zip(state, none)), state)
        if self.code.placed:
            place = Value(b, register_type(int64), step.name)
            state = (state[0], state[1].cast("sext", "i64") + place)
        self._carry(accumulation.combine(before, tuple(part.pick([LANES - 1] * LANES) for part in state)))
        return accumulation.combine(before, state)

    def _carry(self, state: State) -> None:
        for variable, part in zip(self.carried, state):
            variable.value = part

    def _store(self, results: list[Pointer], step: Value, state: State, mask: Value | None) -> None:
        for (d, _), address, value in zip(self.results, results, state):
            stored = value.pick(TURNED) if self.code.backwards else value
            self._place(address, step).store(to_storage(d, stored), mask)
