"""How partial results of a reduction combine. A state is one register value, or two for the position of an extremum."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph.dtypes import dtype, int64
from ..conversion import register_type
from ..elementwise import EMITTERS, constant
from ..ir import LANES, Builder, splat, vector

State = tuple[str, ...]


class Reducer:
    """A reduction of values of one dtype."""

    def __init__(self, name: str, d: dtype) -> None:
        self.name = name.removeprefix("reduce_")
        self.dtype = d
        self.indexed = self.name in ("argmax", "argmin")

    @property
    def types(self) -> tuple[dtype, ...]:
        """Dtypes of the state's parts."""
        return (self.dtype, int64) if self.indexed else (self.dtype,)

    def identity(self, lanes: int) -> State:
        """The state of no elements."""
        d = self.dtype
        if self.name in ("sum", "any"):
            return (constant(d, lanes, 0),)
        if self.name in ("prod", "all"):
            return (constant(d, lanes, 1),)
        lowest = self.name in ("max", "argmax")
        if d.kind == "float":
            extreme = constant(d, lanes, float("-inf") if lowest else float("inf"))
        elif d.kind == "bool":
            extreme = constant(d, lanes, 0 if lowest else 1)
        else:
            bits = 8 * d.itemsize
            low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if d.signed else (0, -1)
            extreme = splat(d.llvm, str(low if lowest else high), lanes)
        if self.indexed:
            return extreme, splat("i64", str((1 << 63) - 1), lanes)
        return (extreme,)

    def combine(self, b: Builder, lanes: int, left: State, right: State) -> State:
        """The state of the left elements followed by the right ones."""
        d = self.dtype
        if not self.indexed:
            name = {"sum": "add", "any": "bitwise_or", "prod": "mul", "all": "bitwise_and"}.get(self.name)
            if name is None:
                name = "maximum" if self.name == "max" else "minimum"
            return (EMITTERS[name](b, name, d, lanes, left[0], right[0]),)
        t, ones, places = register_type(d, lanes), vector("i1", lanes), vector("i64", lanes)
        earlier = b.op(f"icmp slt {places} {right[1]}, {left[1]}")
        if d.kind == "float":
            beyond = b.op(f"fcmp {'ogt' if self.name == 'argmax' else 'olt'} {t} {right[0]}, {left[0]}")
            equal = b.op(f"fcmp oeq {t} {right[0]}, {left[0]}")
            right_nan, left_nan = (
                b.op(f"fcmp uno {t} {right[0]}, {right[0]}"),
                b.op(f"fcmp uno {t} {left[0]}, {left[0]}"),
            )
            both = b.op(f"and {ones} {right_nan}, {left_nan}")
            equal = b.op(f"or {ones} {equal}, {both}")
            number = b.op(f"xor {ones} {left_nan}, {splat('i1', 'true', lanes)}")
            only = b.op(f"and {ones} {right_nan}, {number}")
            beyond = b.op(f"or {ones} {beyond}, {only}")
        else:
            sign = "" if d.kind == "bool" else "s" if d.signed else "u"
            order = ("u" if d.kind == "bool" else sign) + ("gt" if self.name == "argmax" else "lt")
            beyond = b.op(f"icmp {order} {t} {right[0]}, {left[0]}")
            equal = b.op(f"icmp eq {t} {right[0]}, {left[0]}")
        take = b.op(f"or {ones} {beyond}, {b.op(f'and {ones} {equal}, {earlier}')}")
        return (
            b.op(f"select {ones} {take}, {t} {right[0]}, {t} {left[0]}"),
            b.op(f"select {ones} {take}, {places} {right[1]}, {places} {left[1]}"),
        )

    def across(self, b: Builder, state: State) -> State:
        """Combine the lanes of a vector state into a scalar state: halves, quarters, and so on."""
        lanes = LANES
        while lanes > 1:
            half = lanes // 2
            low: list[str] = []
            high: list[str] = []
            for d, value in zip(self.types, state):
                whole = vector(d.llvm, lanes)
                for part, start in ((low, 0), (high, half)):
                    if half == 1:
                        part.append(b.op(f"extractelement {whole} {value}, i64 {start}"))
                    else:
                        picks = ", ".join(f"i32 {start + k}" for k in range(half))
                        part.append(b.op(f"shufflevector {whole} {value}, {whole} poison, <{half} x i32> <{picks}>"))
            state = self.combine(b, half, tuple(low), tuple(high))
            lanes = half
        return state


def push(
    b: Builder, reducers: Sequence[tuple[Reducer, list[str]]], lanes: int, number: str, states: list[State]
) -> None:
    """Add run ``number``'s states to binary trees kept on stacks (addresses of arrays, one for each state part).

    The carry of a binary counter: as long as the tree of the same size is there, combine with it and go up one level.
    """
    level = b.variable("i64", "0")
    held = [
        [b.variable(register_type(d, lanes), part) for d, part in zip(r.types, s)]
        for (r, _), s in zip(reducers, states)
    ]
    head, body, end = b.label("carry"), b.label("merge"), b.label("settle")
    b.jump(head)
    b.place(head)
    current = b.load("i64", level)
    bit = b.op(f"and i64 {b.op(f'lshr i64 {number}, {current}')}, 1")
    b.branch(b.op(f"icmp ne i64 {bit}, 0"), body, end)
    b.place(body)
    for (reducer, stacks), slots in zip(reducers, held):
        left = tuple(
            b.load(register_type(d, lanes), b.offset(register_type(d, lanes), stack, current), 1)
            for d, stack in zip(reducer.types, stacks)
        )
        right = tuple(b.load(register_type(d, lanes), slot) for d, slot in zip(reducer.types, slots))
        for d, slot, part in zip(reducer.types, slots, reducer.combine(b, lanes, left, right)):
            b.store(register_type(d, lanes), part, slot)
    b.store("i64", b.add(current, "1"), level)
    b.jump(head)
    b.place(end)
    for (reducer, stacks), slots in zip(reducers, held):
        for d, stack, slot in zip(reducer.types, stacks, slots):
            t = register_type(d, lanes)
            b.store(t, b.load(t, slot), b.offset(t, stack, current), 1)


def fold(b: Builder, reducers: Sequence[tuple[Reducer, list[str]]], lanes: int, count: str) -> list[State]:
    """Combine the trees left on the stacks after ``count`` runs, the smallest (latest) first; identities if none."""
    held = [
        [b.variable(register_type(d, lanes), part) for d, part in zip(r.types, r.identity(lanes))] for r, _ in reducers
    ]
    any_yet = b.variable("i1", "false")
    # As many levels as the count has bits: rows are often short, and looking at more costs more than adding them up.
    zeros = b.call("llvm.ctlz.i64", "i64", ("i64", count), ("i1", "false"))
    with b.loop("0", b.sub("64", zeros)) as level:
        bit = b.op(f"and i64 {b.op(f'lshr i64 {count}, {level}')}, 1")
        with b.when(b.op(f"icmp ne i64 {bit}, 0")):
            first = b.op(f"xor i1 {b.load('i1', any_yet)}, true")
            for (reducer, stacks), slots in zip(reducers, held):
                left = tuple(
                    b.load(register_type(d, lanes), b.offset(register_type(d, lanes), stack, level), 1)
                    for d, stack in zip(reducer.types, stacks)
                )
                right = tuple(b.load(register_type(d, lanes), slot) for d, slot in zip(reducer.types, slots))
                merged = reducer.combine(b, lanes, left, right)
                for d, slot, alone, both in zip(reducer.types, slots, left, merged):
                    t = register_type(d, lanes)
                    b.store(t, b.op(f"select i1 {first}, {t} {alone}, {t} {both}"), slot)
            b.store("i1", "true", any_yet)
    return [
        tuple(b.load(register_type(d, lanes), slot) for d, slot in zip(r.types, s)) for (r, _), s in zip(reducers, held)
    ]
