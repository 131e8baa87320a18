"""Making programs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import strategies as st

from .integers import INTEGER_MAPS, INTEGER_PAIRS, INTEGER_SOURCES, INTEGERS_OF_FLOATS, READS
from .program import Instruction, Program
from .values import BINARY, SOURCES, UNARY
from .views import VIEWS
from .writes import LOOKS, WRITES

NAMES = (
    *(*UNARY, *BINARY, *READS, *READS, *SOURCES, *SOURCES, *VIEWS, *VIEWS, *WRITES, *WRITES, *LOOKS),
    *(*INTEGER_SOURCES, *INTEGER_SOURCES, *INTEGER_MAPS, *INTEGER_PAIRS, *INTEGERS_OF_FLOATS),
)

SHAPES = ((), (1,), (3,), (17,), (2, 3), (3, 3), (4, 5), (1, 6), (3, 1, 4), (2, 3, 4), (33,), (40, 7), (5, 33))

#: Most of these sizes no program had before.
_new_shapes = st.lists(st.integers(1, 29), min_size=1, max_size=3).map(tuple).filter(lambda shape: math.prod(shape) <= 800)

_numbers = st.integers(0, 63)
_instructions = st.builds(Instruction, st.sampled_from(NAMES), _numbers, _numbers, _numbers, _numbers, _numbers)


def programs(
    dtypes: Sequence[str] = ("float64",), most: int = 18, shapes: Sequence[tuple[int, ...]] = SHAPES
) -> st.SearchStrategy[Program]:
    """Programs of up to ``most`` instructions."""
    return st.builds(
        Program,
        st.lists(st.one_of(st.sampled_from(shapes), _new_shapes), min_size=2, max_size=3).map(tuple),
        st.sampled_from(list(dtypes)),
        st.lists(_instructions, min_size=1, max_size=most).map(tuple),
        st.booleans(),
    )
