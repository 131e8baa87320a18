"""Scans of few lines, of neighbouring elements, in blocks of 256: lane l of sixteen scans the elements from 16 l on.

What the lanes before have together, and all blocks before, is combined with each element's own lane afterwards. This order is
not PyTorch's, from left to right. It is taken where that makes no difference but for rounding: for extrema, for integers,
for logarithms, and for sums of float32 and float64 that stay finite. Anything else goes from one element to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...graph.dtypes import DType, float64, int64
from ..arguments import Arguments
from ..conversion import convert, from_storage, register_type, storage_type, to_storage
from ..ir import KernelBuilder, Module, Variable
from ..lanes import sum_of_lanes, transposed
from ..values import BYTE, LANES, Pointer, Value, placed, unraveled
from .accumulation import Accumulation

BLOCK = LANES * LANES


@dataclass(frozen=True)
class BlocksCode:
    """The code of the kernel; everything it is specialised on. Tile t scans line t; ``along`` tells whether its elements in the
    source are neighbours, as those of the result are."""

    name: str
    source: DType
    result: DType
    rank: int
    along: bool
    backwards: bool
    placed: bool

    @property
    def key(self) -> str:
        rest = f"rank{self.rank} along{self.along:d} backwards{self.backwards:d} places{self.placed:d}"
        return f"{self.name} in blocks {self.source.name} {self.result.name} {rest}"

    @property
    def arguments(self) -> Arguments:
        fields = [f"extents[{self.rank}] steps"]
        for access in ("source", "result"):
            fields.append(f"&{access} {access}_strides[{self.rank}] {access}_first {access}_step")
        return Arguments(*fields, "&places" if self.placed else "")

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Writer:
    def __init__(self, code: BlocksCode, b: KernelBuilder) -> None:
        self.code = code
        self.b = b
        self.a: Any = code.arguments.load(b, BYTE)
        self.accumulation = accumulation = Accumulation(code.name, code.result, code.placed)
        self.source = self.a.source.of(storage_type(code.source))
        self.results: list[tuple[DType, Pointer]] = [(code.result, self.a.result)]
        if code.placed:
            self.results.append((int64, self.a.places))
        self.results = [(d, address.of(storage_type(d))) for d, address in self.results]
        #: The block's elements, as the scan carries them, and their places; what was accumulated takes their place.
        self.block = [b.array(register_type(d), BLOCK) for d in accumulation.types]
        self.carried = [b.variable(part) for part in accumulation.none(b, 1)]

    def write(self) -> None:
        b, a, accumulation = self.b, self.a, self.accumulation
        line = unraveled(b.tile, a.extents)
        source = self.source + placed(line, a.source_strides, a.source_first)
        results = [address + placed(line, a.result_strides, a.result_first) for _, address in self.results]
        ordered = self.code.result.kind == "float" and accumulation.name in ("scan_sum", "scan_prod")
        finite = ordered and accumulation.name == "scan_sum" and accumulation.carried is float64
        with b.loop(0, a.steps, BLOCK) as start:
            count = (a.steps - start).at_most(BLOCK)
            self._read(source + start * a.source_step, start, count)
            if finite:
                for holds in b.either(self._stays_finite()):
                    if holds:
                        self._lanes_at_once()
                    else:
                        self._one_by_one(count)
            elif ordered:
                self._one_by_one(count)
            else:
                self._lanes_at_once()
            for (d, _), address, block in zip(self.results, results, self.block):
                self._write(d, address + start * a.result_step, block, count)
        b.finish()

    # --- accumulating ------------------------------------------------------------------------------------------------

    def _stays_finite(self) -> Value:
        """Whether all sums of a block's elements are finite: that of their magnitudes is, with what is carried."""
        b, (block,) = self.b, self.block
        total = b.variable(b.constant(block.to.vector(), 0))
        with b.loop(0, BLOCK, LANES) as place:
            total.value = total.value + abs((block + place).load(LANES))
        return sum_of_lanes(total.value) + abs(self.carried[0].value) < float("inf")

    def _one_by_one(self, count: Value) -> None:
        """From left to right. Elements lie lane by lane: those of a lane are sixteen apart."""
        with self.b.loop(0, count) as number:
            place = number % LANES * LANES + number // LANES
            own = tuple(block[place] for block in self.block)
            state = self.accumulation.combine(tuple(each.value for each in self.carried), own)
            for variable, block, part in zip(self.carried, self.block, state):
                variable.value = part
                block[place] = part

    def _lanes_at_once(self) -> None:
        b, accumulation, block = self.b, self.accumulation, self.block
        states = [b.variable(part.type) for part in accumulation.none(b)]
        _set(states, accumulation.none(b))
        with b.loop(0, BLOCK, LANES) as step:
            own = tuple((each + step).load(LANES) for each in block)
            state = accumulation.combine(tuple(each.value for each in states), own)
            _set(states, state)
            for array, part in zip(block, state):
                array[step] = part
        before = [b.array(array.to, LANES) for array in block]
        with b.loop(0, LANES) as lane:
            so_far = tuple(each.value for each in self.carried)
            for array, part in zip(before, so_far):
                array[lane] = part
            _set(self.carried, accumulation.combine(so_far, tuple(array[lane + BLOCK - LANES] for array in block)))
        left = tuple(array.load(LANES) for array in before)
        with b.loop(0, BLOCK, LANES) as step:
            state = accumulation.combine(left, tuple((array + step).load(LANES) for array in block))
            for array, part in zip(block, state):
                array[step] = part

    # --- between memory and the block -------------------------------------------------------------------------------

    def _lanes(self, address: Pointer, along: bool, count: Value) -> Iterator[tuple[Pointer, Value | None, Value]]:
        """For each lane: where its elements begin in memory, at which positions from there they lie if they are not
        neighbours, and which of them there are."""
        b, step = self.b, self.a.source_step
        for lane in range(LANES):
            left = count - lane * LANES
            if not along:
                yield address + step * (lane * LANES), b.lane_numbers() * step, b.first_lanes(left.at_least(0))
            elif self.code.backwards:
                yield address + (1 - LANES - lane * LANES), None, ~b.first_lanes((LANES - left).at_least(0))
            else:
                yield address + lane * LANES, None, b.first_lanes(left.at_least(0))

    def _read(self, address: Pointer, start: Value, count: Value) -> None:
        b, code, accumulation = self.b, self.code, self.accumulation
        for whole in b.either(count.equals(BLOCK)):
            lanes = []
            for place, positions, there in self._lanes(address, code.along, count):
                mask = None if whole else there
                lanes.append(place.load(LANES, mask) if positions is None else place.gather(positions, mask))
            columns = transposed(lanes)
            for step, column in enumerate(columns[::-1] if code.along and code.backwards else columns):
                x = convert(code.source, code.result, from_storage(code.source, column))
                self.block[0][step * LANES] = convert(code.result, accumulation.carried, x)
        if accumulation.placed:
            with b.loop(0, LANES) as number:
                self.block[1][number * LANES] = b.lane_numbers() * LANES + (start + number)

    def _write(self, d: DType, address: Pointer, block: Pointer, count: Value) -> None:
        b, code = self.b, self.code
        columns = []
        for step in range(LANES):
            value: Value = (block + step * LANES).load(LANES)
            (value,) = self.accumulation.result((value,)) if d is code.result else (value,)
            columns.append(to_storage(d, value))
        rows = transposed(columns[::-1] if code.backwards else columns)
        for whole in b.either(count.equals(BLOCK)):
            for values, (place, _, there) in zip(rows, self._lanes(address, True, count)):
                place.store(values, None if whole else there)


def _set(variables: Sequence[Variable], state: Sequence[Value]) -> None:
    for variable, part in zip(variables, state):
        variable.value = part
