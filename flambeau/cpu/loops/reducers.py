"""How partial results of a reduction combine. A state is one value, or two for the position of an extremum."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph.dtypes import dtype, int64
from ..conversion import register_type
from ..elementwise import EMITTERS, ordered
from ..ir import Builder, Variable
from ..values import FLAG, LANES, Pointer, Value, where

State = tuple[Value, ...]

LEVELS = 40
"""Depth of the stack on which a binary tree of partial results is built."""

_PRIMITIVES = {
    "sum": "add", "any": "bitwise_or", "prod": "mul", "all": "bitwise_and", "max": "maximum", "min": "minimum",
}  # fmt: skip


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

    def identity(self, b: Builder, lanes: int = LANES) -> State:
        """The state of no elements."""
        value = b.constant(register_type(self.dtype, lanes), self._none())
        return (value, b.constant(register_type(int64, lanes), (1 << 63) - 1)) if self.indexed else (value,)

    def _none(self) -> float:
        d, lowest = self.dtype, self.name in ("max", "argmax")
        if self.name in ("sum", "any", "prod", "all"):
            return int(self.name in ("prod", "all"))
        if d.kind == "float":
            return float("-inf" if lowest else "inf")
        if not d.signed:  # all ones are the largest byte, and true
            return 0 if lowest else -1
        extreme = 1 << 8 * d.itemsize - 1
        return -extreme if lowest else extreme - 1

    def combine(self, left: State, right: State) -> State:
        """The state of the left elements followed by the right ones."""
        d = self.dtype
        if not self.indexed:
            return (EMITTERS[_PRIMITIVES[self.name]](d, left[0], right[0]),)
        earlier = right[1] < left[1]
        beyond = ordered("gt" if self.name == "argmax" else "lt", d, right[0], left[0])
        equal = right[0].equals(left[0])
        if d.kind == "float":
            right_nan, left_nan = right[0].is_nan(), left[0].is_nan()
            equal = equal | (right_nan & left_nan)
            beyond = beyond | (right_nan & ~left_nan)
        take = beyond | (equal & earlier)
        return where(take, right[0], left[0]), where(take, right[1], left[1])

    def across(self, state: State) -> State:
        """Combine the lanes of a vector state into a state of single values: halves, quarters, and so on."""
        while state[0].lanes > 1:
            low, high = zip(*(value.halves() for value in state))
            state = self.combine(low, high)
        return state


Tree = tuple[Reducer, Sequence[Pointer]]
"""A reduction, and for each part of its state the stack on which its binary tree is built."""


def push(b: Builder, trees: Sequence[Tree], number: Value, states: Sequence[State]) -> None:
    """Add run ``number``'s states to binary trees.

    The carry of a binary counter: as long as the tree of the same size is there, combine with it and go up one level.
    """
    level = b.variable(b.index(0))
    held = [[b.variable(part) for part in state] for state in states]
    with b.repeat() as proceed:
        current = level.value
        proceed(((number >> current) & 1).differs(0))
        for (reducer, stacks), parts in zip(trees, held):
            _set(parts, reducer.combine(_at(stacks, current), _get(parts)))
        level.value = current + 1
    for (_, stacks), parts in zip(trees, held):
        for stack, part in zip(stacks, parts):
            (stack + current).store(part.value, align=1)


def fold(b: Builder, trees: Sequence[Tree], lanes: int, count: Value) -> list[State]:
    """Combine the trees left on the stacks after ``count`` runs, the smallest (latest) first; identities if none."""
    held = [[b.variable(part) for part in reducer.identity(b, lanes)] for reducer, _ in trees]
    none_yet = b.variable(b.constant(FLAG, True))
    # As many levels as the count has bits: rows are often short, and looking at more costs more than adding them up.
    zeros = b.intrinsic("ctlz", count.type, count, flags="i1 false")
    with b.loop(0, 64 - zeros) as level:
        with b.when(((count >> level) & 1).differs(0)):
            first = none_yet.value
            for (reducer, stacks), parts in zip(trees, held):
                left = _at(stacks, level)
                both = reducer.combine(left, _get(parts))
                _set(parts, tuple(where(first, one, two) for one, two in zip(left, both)))
            none_yet.value = 0
    return [_get(parts) for parts in held]


def _at(stacks: Sequence[Pointer], level: Value) -> State:
    return tuple((stack + level).load(align=1) for stack in stacks)


def _get(parts: Sequence[Variable]) -> State:
    return tuple(part.value for part in parts)


def _set(parts: Sequence[Variable], state: State) -> None:
    for part, value in zip(parts, state):
        part.value = value
