"""Making programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from .integers import INTEGER_MAPS, INTEGER_PAIRS, INTEGER_SOURCES, INTEGERS_OF_FLOATS, READS
from .program import Instruction, Loop, Program, Sizes
from .values import BINARY, PRODUCTS, SOURCES, UNARY
from .views import VIEWS
from .writes import LOOKS, WRITES

NAMES = (
    *(*UNARY, *BINARY, *PRODUCTS, *READS, *READS, *SOURCES, *SOURCES, *VIEWS, *VIEWS, *WRITES, *WRITES, *LOOKS),
    *(*INTEGER_SOURCES, *INTEGER_SOURCES, *INTEGER_MAPS, *INTEGER_PAIRS, *INTEGERS_OF_FLOATS),
)

SHAPES = ((), (1,), (3,), (17,), (2, 3), (3, 3), (4, 5), (1, 6), (3, 1, 4), (2, 3, 4), (33,), (40, 7), (5, 33))

#: Most of these sizes no program had before.
_new_shapes = st.lists(st.integers(1, 29), min_size=1, max_size=3).map(tuple).filter(lambda shape: math.prod(shape) <= 800)

_numbers = st.integers(0, 63)
_instructions = st.builds(Instruction, st.sampled_from(NAMES), _numbers, _numbers, _numbers, _numbers, _numbers)
_products = st.builds(
    Instruction, st.sampled_from((*PRODUCTS, "halves", "quarters")), _numbers, _numbers, _numbers, _numbers, _numbers
)


def _sequences(instructions: st.SearchStrategy[Instruction], most: int) -> st.SearchStrategy[tuple[Instruction, ...]]:
    """All lengths up to ``most`` are equally likely; left to themselves, most lists would be short."""
    return st.integers(1, most).flatmap(lambda length: st.tuples(*[instructions] * length))


#: Sizes at which programs are run besides their own: most have the same structure, some are so small that they do not.
sizes = st.builds(
    Sizes,
    times=st.integers(1, 2),
    over=st.sampled_from((1, 1, 1, 2)),
    more=st.integers(-2, 9),
    least=st.sampled_from((2, 2, 2, 1, 0)),
    apart=st.sampled_from((0, 0, 0, 1, 3)),
)


def programs(
    dtypes: Sequence[str] = ("float64",), most: int = 18, shapes: Sequence[tuple[int, ...]] = SHAPES
) -> st.SearchStrategy[Program]:
    """Programs of up to ``most`` instructions."""
    return st.builds(
        Program,
        st.lists(st.one_of(st.sampled_from(shapes), _new_shapes), min_size=2, max_size=3).map(tuple),
        st.sampled_from(list(dtypes)),
        _sequences(_instructions, most),
        st.booleans(),
    )


Shapes = tuple[tuple[int, ...], ...]

#: Of a batch, a number of features and another one: the shapes of a row, of the states, and of what does not change.
BODIES: tuple[Callable[[int, int, int], tuple[tuple[int, ...], Shapes, Shapes]], ...] = (
    lambda b, h, f: ((b, f), ((b, h),), ((h, f), (h, h), (h,))),
    lambda b, h, f: ((b, h), ((b, h), (b, h)), ((4 * h, h), (h, h), (4 * h,))),
    lambda b, h, f: ((b, h), ((b, h), (h,)), ((2 * h, h), (b, 1))),
    lambda b, h, f: ((f,), ((h,),), ((h, f), (h, h), ())),
    lambda b, h, f: ((b, 1, h), ((b, f, h),), ((h, h), (f, h), (b, 1, 1))),
    lambda b, h, f: ((), ((b, h),), ((h, h), (b, 1))),
)


def loops(dtypes: Sequence[str] = ("float64",), most: int = 7, runs: int = 3) -> st.SearchStrategy[list[Program]]:
    """Loops with bodies of up to ``most`` instructions, each at several sizes and of several lengths."""
    small = st.integers(1, 12)
    return st.builds(
        _runs_of_a_loop,
        st.sampled_from(BODIES),
        st.lists(st.tuples(st.integers(1, 20), small, small, small), min_size=runs, max_size=runs),
        st.sampled_from(list(dtypes)),
        _sequences(st.one_of(_instructions, _products), most),
        twice=st.sampled_from((False, False, False, True)),
        zeros=st.booleans(),
        squashed=st.sampled_from(("tanh", "sigmoid", "sin")),
        outputs=st.sampled_from(("stacked", "grown", "written")),
        axis=st.integers(0, 1),
        backwards=st.booleans(),
        layers=st.sampled_from((1, 1, 2)),
    )


def _runs_of_a_loop(
    body: Callable[[int, int, int], tuple[tuple[int, ...], Shapes, Shapes]],
    runs: list[tuple[int, int, int, int]],
    dtype: str,
    instructions: tuple[Instruction, ...],
    twice: bool,
    axis: int,
    **how: Any,
) -> list[Program]:
    programs = []
    for steps, *extents in runs:
        row, states, constants = body(*extents)
        axis = min(axis, len(row))
        loop = Loop(len(states), axis=axis, **how)
        rows = (*row[:axis], steps, *row[axis:])
        programs.append(Program((rows, *states, *constants), dtype, instructions, twice, loop=loop))
    return programs
