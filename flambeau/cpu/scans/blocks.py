"""Scans of few lines, of neighbouring elements, in blocks of 256: lane l of sixteen scans the elements from 16 l on.

What the lanes before have together, and all blocks before, is combined with each element's own lane afterwards. This order is
not PyTorch's, from left to right. It is taken where that makes no difference but for rounding: for logarithms, and for sums of
float32 and float64 that stay finite. Anything else goes from one element to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...graph.dtypes import DType, float64, int64
from ..arguments import Arguments
from ..conversion import convert, from_storage, register_type, storage_type, to_storage
from ..ir import KernelBuilder, Module, Variable
from ..lanes import sum_of_lanes
from ..values import BYTE, LANES, Pointer, Value, placed, unraveled
from .accumulation import Accumulation
from .turning import BLOCK, turn


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
        for access in ("source0", "result"):
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
        self.source = self.a.source0.of(storage_type(code.source))
        self.results: list[tuple[DType, Pointer]] = [(code.result, self.a.result)]
        if code.placed:
            self.results.append((int64, self.a.places))
        self.results = [(d, address.of(storage_type(d))) for d, address in self.results]
        #: The block's elements, as the scan carries them, and their places; what was accumulated takes their place.
        self.block = [b.array(register_type(d), BLOCK) for d in accumulation.types]
        self.carried = [b.variable(part) for part in accumulation.none(b, 1)]
        #: Elements as they are in memory, and results.
        self.raw = b.array(self.source.to, BLOCK)
        self.turned = [b.array(address.to, BLOCK) for _, address in self.results]

    def write(self) -> None:
        b, a, accumulation = self.b, self.a, self.accumulation
        line = unraveled(b.tile, a.extents)
        source = self.source + placed(line, a.source0_strides, a.source0_first)
        results = [address + placed(line, a.result_strides, a.result_first) for _, address in self.results]
        ordered = self.code.result.kind == "float" and accumulation.name in ("scan_sum", "scan_prod")
        finite = ordered and accumulation.name == "scan_sum" and accumulation.carried is float64
        with b.loop(0, a.steps, BLOCK) as start:
            count = (a.steps - start).at_most(BLOCK)
            self._read(source + start * a.source0_step, start, count)
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
            for number, address in enumerate(results):
                self._write(self.turned[number], address + start * a.result_step, count, number)
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

    def _lane(self, address: Pointer, lane: Value) -> Pointer:
        """Where the elements of a lane, which are neighbours, lie in memory."""
        return address + (1 - LANES - lane * LANES) if self.code.backwards else address + lane * LANES

    def _present(self, lane: Value, count: Value, along: bool) -> Value:
        """Which elements of a lane there are, as they lie in memory."""
        left = (count - lane * LANES).at_least(0)
        if along and self.code.backwards:
            return ~self.b.first_lanes((LANES - left).at_least(0))
        return self.b.first_lanes(left)

    def _step(self, step: Value, along: bool) -> Value:
        """Where in a block that was turned the lanes are at a step."""
        return (LANES - 1 - step if along and self.code.backwards else step) * LANES

    def _read(self, address: Pointer, start: Value, count: Value) -> None:
        b, code, accumulation, along = self.b, self.code, self.accumulation, self.code.along
        apart = b.lane_numbers() * self.a.source0_step
        for whole in b.either(count.equals(BLOCK)):
            with b.loop(0, LANES) as lane:
                mask = None if whole else self._present(lane, count, along)
                if along:
                    values = self._lane(address, lane).load(LANES, mask)
                else:
                    values = (address + lane * LANES * self.a.source0_step).gather(apart, mask)
                self.raw[lane * LANES] = values
        turn(b, self.raw)
        with b.loop(0, LANES) as step:
            column = (self.raw + self._step(step, along)).load(LANES)
            x = convert(code.source, code.result, from_storage(code.source, column))
            self.block[0][step * LANES] = convert(code.result, accumulation.carried, x)
            if accumulation.placed:
                self.block[1][step * LANES] = b.lane_numbers() * LANES + (start + step)

    def _write(self, result: Pointer, address: Pointer, count: Value, number: int) -> None:
        b, d = self.b, self.results[number][0]
        with b.loop(0, LANES) as step:
            value: Value = (self.block[number] + step * LANES).load(LANES)
            (value,) = self.accumulation.result((value,)) if number == 0 else (value,)
            result[self._step(step, True)] = to_storage(d, value)
        turn(b, result)
        for whole in b.either(count.equals(BLOCK)):
            with b.loop(0, LANES) as lane:
                mask = None if whole else self._present(lane, count, True)
                self._lane(address, lane).store((result + lane * LANES).load(LANES), mask)


def _set(variables: Sequence[Variable], state: Sequence[Value]) -> None:
    for variable, part in zip(variables, state):
        variable.value = part
