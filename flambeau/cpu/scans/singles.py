"""Scans of lines one element at a time, four lines in turn: an addition takes several cycles, in which others may begin.

For what is quickly computed, that is faster than bringing sixteen lines together whose elements do not lie side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...graph.dtypes import DType, int64
from ..arguments import Arguments
from ..conversion import load, register_type, storage_type, store
from ..ir import KernelBuilder, Module
from ..values import BYTE, Value, placed, unraveled
from .accumulation import Accumulation


@dataclass(frozen=True)
class SinglesCode:
    """The code of the kernel; everything it is specialised on. ``together`` lines are walked in one loop."""

    name: str
    sources: tuple[DType, ...]
    result: DType
    rank: int
    together: int
    placed: bool

    @property
    def key(self) -> str:
        sources = ", ".join(d.name for d in self.sources)
        return f"{self.name} of {self.together} ({sources}) {self.result.name} rank{self.rank} places{self.placed:d}"

    @property
    def arguments(self) -> Arguments:
        """Tile t walks ``tile`` groups of the ``lines`` that an index over ``extents`` numbers. An access begins at ``first``,
        and goes ``step`` elements from one of a line to the next."""
        fields = [f"extents[{self.rank}] steps tile lines"]
        for access in (*(f"source{k}" for k in range(len(self.sources))), "result"):
            fields.append(f"&{access} {access}_strides[{self.rank}] {access}_first {access}_step")
        return Arguments(*fields, "&places" if self.placed else "")

    def emit(self, module: Module, name: str) -> None:
        """Write the kernel into a module."""
        b = KernelBuilder(module, name)
        a: Any = self.arguments.load(b, BYTE)
        accumulation = Accumulation(self.name, self.result, self.placed)
        accesses = [(f"source{k}", f"source{k}", d) for k, d in enumerate(self.sources)]
        accesses.append(("result", "result", self.result))
        if self.placed:
            accesses.append(("places", "result", int64))
        start = b.tile * (a.tile * self.together)
        with b.loop(start, (start + a.tile * self.together).at_most(a.lines), self.together) as first:
            walked = []
            for number in range(self.together):
                # The last line stands for those beyond it: the same is computed again, and written to the same place.
                line = unraveled((first + number).at_most(a.lines - 1), a.extents)
                begin = [
                    getattr(a, operand).of(storage_type(d))
                    + placed(line, getattr(a, f"{name}_strides"), getattr(a, f"{name}_first"))
                    for operand, name, d in accesses
                ]
                walked.append((begin, [b.variable(part) for part in accumulation.none(b, 1)]))
            with b.loop(0, a.steps) as step:
                at = [step * getattr(a, f"{name}_step") for _, name, _ in accesses]
                place = Value(b, register_type(int64), step.name)
                for begin, carried in walked:
                    addresses = [address + distance for address, distance in zip(begin, at)]
                    values = [load(d, address) for d, address in zip(self.sources, addresses)]
                    before = tuple(each.value for each in carried)
                    state = accumulation.advance(before, self.sources, values, place)
                    for variable, part in zip(carried, state):
                        variable.value = part
                    stored = accumulation.result(before if accumulation.before else state)
                    for (_, _, d), address, value in zip(accesses[-len(stored) :], addresses[-len(stored) :], stored):
                        store(d, value, address)
        b.finish()
