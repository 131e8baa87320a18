"""Which element values a row kernel computes in which pass over a row, and which ones it keeps from pass to pass.

What depends on a reduction along the row waits for the next pass, which may need values of earlier passes again. Cheap
ones are computed anew from what is in memory. Expensive ones (an exponential, a chain of arithmetic) are kept: written to a
row of the tile's scratch memory when they are first computed, and read from there later. Neither changes a bit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ...graph.dtypes import dtype, float32
from ...graph.primitives import GATHER, PRIMITIVES, RANDOM_BITS
from ...kernels.program import Definition, Program, operands_of
from ..values import LANES

KEEPING_COST = 4
"""Instructions for a vector from which computing a value again costs more than writing it once and reading it."""


@dataclass(slots=True)
class Pass:
    """One walk along a row: its reductions and stores, and the element values for them."""

    #: Values that reduce (by index), and stores (by number).
    reduces: list[int]
    stores: list[int]
    #: Values to compute, in order, and values to read from where an earlier pass kept them.
    computed: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    #: The values among the computed ones that later passes read.
    kept: list[int] = field(default_factory=list)
    #: Memory to fetch into the cache meanwhile: ("value", index of a load) or ("store", number), for the next row or this.
    fetched: list[tuple[tuple[str, int], bool]] = field(default_factory=list)


def plan_passes(program: Program) -> list[Pass]:
    """The passes over a row, one for each stage. A program of partial results has one: nothing follows from those."""
    values = program.values
    stages = 1 if program.partial else 1 + max((v.stage for v in values), default=0)
    passes: list[Pass] = []
    first: dict[int, Pass] = {}  # the pass that computes a value first
    kept: set[int] = set()
    for stage in range(stages):
        step = Pass(
            [i for i, v in enumerate(values) if v.kind == "reduce" and v.stage == stage + 1],
            [n for n, s in enumerate(program.stores) if s.level != "row" and values[s.reference].stage == stage],
        )
        roots = [values[i].data[1] for i in step.reduces] + [program.stores[n].reference for n in step.stores]
        computed = _cone(values, roots, first)
        used = {*roots, *(reference for index in computed for reference in operands_of(values[index]))}
        for index in sorted(used & first.keys()):
            cone = _cone(values, [index], kept | computed | set(step.read))
            if index in kept:
                step.read.append(index)
            elif program.keeps and sum(_cost(values[i]) for i in cone) >= KEEPING_COST:
                kept.add(index)
                first[index].kept.append(index)
                step.read.append(index)
            else:
                again = {reference for i in cone for reference in operands_of(values[i])}
                step.read += sorted(again & kept - set(step.read))
                computed |= cone
        step.computed = sorted(computed)
        first.update((i, step) for i in step.computed if i not in first)
        passes.append(step)
    _plan_fetches(program, passes)
    return passes


def _plan_fetches(program: Program, passes: list[Pass]) -> None:
    """Have what a pass is the first to touch fetched during the busiest other pass, which leaves the memory idle."""
    values = program.values
    work = [sum(_cost(values[i]) for i in step.computed) for step in passes]
    touched: set[tuple[str, int]] = set()
    for number, step in enumerate(passes):
        loads = [i for i in step.computed if values[i].kind == "load" and values[i].data[2] == "1"]
        stores = [n for n in step.stores if program.stores[n].level == "element" and program.stores[n].dense]
        streams = [*(("value", i) for i in loads), *(("store", n) for n in stores)]
        others = [other for other in range(len(passes)) if other != number and passes[other].computed]
        if others:
            busiest = max(others, key=work.__getitem__)
            passes[busiest].fetched += [(s, busiest > number) for s in streams if s not in touched]
        touched.update(streams)


def _cone(values: list[Definition], wanted: Iterable[int], known: Iterable[int]) -> set[int]:
    """The element values that the wanted ones are computed from, themselves included, as far as they are not known."""
    found: set[int] = set()
    waiting = list(wanted)
    while waiting:
        index = waiting.pop()
        if index in found or index in known or values[index].level != "element" or values[index].kind == "reduce":
            continue
        found.add(index)
        waiting.extend(operands_of(values[index]))
    return found


def _cost(value: Definition) -> int:
    """About how many instructions a vector of the value takes once its operands are there."""
    if value.kind == "op":
        return PRIMITIVES[value.data[0]].cost
    if value.kind == "load" and value.data[2] == "s":
        return LANES
    if value.kind == "gather" and value.data[4]:
        return GATHER.cost
    return RANDOM_BITS.cost if value.kind == "random" else 1


def kept_as(d: dtype) -> dtype:
    """The dtype that a kept value has in memory: half types as in registers, so that no conversion is needed."""
    return float32 if d.kind == "float" and d.itemsize == 2 else d


def kept_rows(program: Program, passes: list[Pass]) -> dict[int, int]:
    """For each value kept, where its row begins: bytes for each element of a row. The widest dtypes come first."""
    kept = sorted((i for p in passes for i in p.kept), key=lambda i: -kept_as(program.values[i].dtype).itemsize)
    places, end = {}, 0
    for index in kept:
        places[index] = end
        end += kept_as(program.values[index].dtype).itemsize
    return places


def row_scratch_bytes(program: Program, inner: int) -> int:
    """Bytes of private memory that a tile needs for rows of ``inner`` elements."""
    if not program.keeps:
        return 0
    each = sum(kept_as(program.values[i].dtype).itemsize for p in plan_passes(program) for i in p.kept)
    return each * (-(-inner // LANES) * LANES)
