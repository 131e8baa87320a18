"""Scans of few lines, of neighbouring elements, in blocks of 256: lane l of sixteen has the elements from 16 l on.

Lanes are scanned at once; what those before have together, and all blocks before, is combined with each element's own lane
afterwards. This order is not PyTorch's, from left to right. It is taken where that makes hardly a difference: for logarithms,
and for sums of float32, whose float64 neither rounds where it would show nor overflows. What must go from one element to
the next does so between the conversions, which are made in lanes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...graph.dtypes import DType
from ..arguments import Arguments
from ..conversion import convert, from_storage, register_type, storage_type, to_storage
from ..ir import KernelBuilder, Module
from ..values import BYTE, LANES, Pointer, Value, placed, unraveled
from .accumulation import Accumulation
from .turning import BLOCK, turn


@dataclass(frozen=True)
class BlocksCode:
    """The code of the kernel; everything it is specialised on. Tile t scans line t; ``along`` tells whether its elements in the
    source are neighbours, as those of the result are, ``in_order`` whether they are accumulated from left to right."""

    name: str
    source: DType
    result: DType
    rank: int
    along: bool
    backwards: bool
    in_order: bool

    @property
    def key(self) -> str:
        rest = f"rank{self.rank} along{self.along:d} backwards{self.backwards:d} in_order{self.in_order:d}"
        return f"{self.name} in blocks {self.source.name} {self.result.name} {rest}"

    @property
    def arguments(self) -> Arguments:
        """An access begins at ``first``, and goes ``step`` elements from one of a line to the next."""
        fields = [f"extents[{self.rank}] steps"]
        fields += [f"&{x} {x}_strides[{self.rank}] {x}_first {x}_step" for x in ("source0", "result")]
        return Arguments(*fields)

    def emit(self, module: Module, name: str) -> None:
        _Writer(self, KernelBuilder(module, name)).write()


class _Writer:
    def __init__(self, code: BlocksCode, b: KernelBuilder) -> None:
        self.code = code
        self.b = b
        self.a: Any = code.arguments.load(b, BYTE)
        self.accumulation = accumulation = Accumulation(code.name, code.result, placed=False)
        self.source: Pointer = self.a.source0.of(storage_type(code.source))
        self.result: Pointer = self.a.result.of(storage_type(code.result))
        #: The elements of a block as the scan carries them, and what is accumulated in their places.
        self.block = b.array(register_type(accumulation.carried), BLOCK)
        #: Elements as they are in memory, and results.
        self.read, self.written = b.array(self.source.to, BLOCK), b.array(self.result.to, BLOCK)
        self.carried = b.variable(accumulation.none(b, 1)[0])

    def write(self) -> None:
        b, a = self.b, self.a
        line = unraveled(b.tile, a.extents)
        source = self.source + placed(line, a.source0_strides, a.source0_first)
        result = self.result + placed(line, a.result_strides, a.result_first)
        with b.loop(0, a.steps, BLOCK) as start:
            count = (a.steps - start).at_most(BLOCK)
            self._read(source + start * a.source0_step, count)
            if self.code.in_order:
                self._one_by_one(count)
            else:
                self._lanes_at_once()
            self._write(result + start * a.result_step, count)
        b.finish()

    # --- accumulating ------------------------------------------------------------------------------------------------

    def _combine(self, left: Value, right: Value) -> Value:
        return self.accumulation.combine((left,), (right,))[0]

    def _one_by_one(self, count: Value) -> None:
        """From left to right. Elements lie lane by lane: those of a lane are sixteen apart."""
        with self.b.loop(0, count) as number:
            place = number % LANES * LANES + number // LANES
            value = self._combine(self.carried.value, self.block[place])
            self.block[place] = self.carried.value = value

    def _lanes_at_once(self) -> None:
        b, block = self.b, self.block
        (none,) = self.accumulation.none(b)
        lanes = b.variable(none.type)
        lanes.value = none
        with b.loop(0, BLOCK, LANES) as step:
            value = self._combine(lanes.value, (block + step).load(LANES))
            block[step] = lanes.value = value
        before = b.array(block.to, LANES)
        with b.loop(0, LANES) as lane:
            before[lane] = self.carried.value
            self.carried.value = self._combine(self.carried.value, block[lane + BLOCK - LANES])
        left = before.load(LANES)
        with b.loop(0, BLOCK, LANES) as step:
            block[step] = self._combine(left, (block + step).load(LANES))

    # --- between memory and the block -------------------------------------------------------------------------------

    def _lane(self, address: Pointer, lane: Value) -> Pointer:
        """Where the elements of a lane, which are neighbours, lie in memory."""
        return address + (1 - LANES - lane * LANES) if self.code.backwards else address + lane * LANES

    def _present(self, lane: Value, count: Value, turned: bool) -> Value:
        """Which elements of a lane there are, as they lie in memory, the last one first if it is ``turned``."""
        left = (count - lane * LANES).at_least(0)
        return ~self.b.first_lanes((LANES - left).at_least(0)) if turned else self.b.first_lanes(left)

    def _step(self, step: Value, turned: bool) -> Value:
        """Where in a transposed block the lanes are at a step."""
        return (LANES - 1 - step if turned else step) * LANES

    def _read(self, address: Pointer, count: Value) -> None:
        b, code = self.b, self.code
        turned = code.along and code.backwards
        apart = b.lane_numbers() * self.a.source0_step
        for whole in b.either(count.equals(BLOCK)):
            with b.loop(0, LANES) as lane:
                mask = None if whole else self._present(lane, count, turned)
                if code.along:
                    values = self._lane(address, lane).load(LANES, mask)
                else:
                    values = (address + lane * LANES * self.a.source0_step).gather(apart, mask)
                self.read[lane * LANES] = values
        turn(b, self.read)
        with b.loop(0, LANES) as step:
            column = (self.read + self._step(step, turned)).load(LANES)
            x = convert(code.source, code.result, from_storage(code.source, column))
            self.block[step * LANES] = convert(code.result, self.accumulation.carried, x)

    def _write(self, address: Pointer, count: Value) -> None:
        b, code = self.b, self.code
        with b.loop(0, LANES) as step:
            (value,) = self.accumulation.result(((self.block + step * LANES).load(LANES),))
            self.written[self._step(step, code.backwards)] = to_storage(code.result, value)
        turn(b, self.written)
        for whole in b.either(count.equals(BLOCK)):
            with b.loop(0, LANES) as lane:
                mask = None if whole else self._present(lane, count, code.backwards)
                self._lane(address, lane).store((self.written + lane * LANES).load(LANES), mask)
