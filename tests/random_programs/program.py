"""What a program is, and what is noted of its run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

MOST_ELEMENTS = 3000
MOST_REGISTERS = 10


class NotApplicable(Exception):
    """An instruction does not fit the register's shape; it does nothing then."""


def need(condition: bool) -> None:
    if not condition:
        raise NotApplicable


@dataclass(frozen=True)
class Instruction:
    """``name`` of what to do, the registers, and numbers that choose axes, indices and the like."""

    name: str
    first: int
    second: int
    a: int
    b: int
    c: int


@dataclass(frozen=True)
class Sizes:
    """What becomes of the extents that a program names when it is run at another size.

    Extents that are equal stay equal, and others different, if nothing is divided, cut off at ``least`` or moved ``apart``.
    What is one stays one, for it is broadcast.
    """

    times: int = 1
    over: int = 1
    more: int = 0
    least: int = 2
    #: How much more for each axis that stands before this one.
    apart: int = 0

    def __call__(self, extent: int, place: int = 0) -> int:
        if extent < 2:
            return extent
        return max(self.least, extent * self.times // self.over + self.more + self.apart * place)


@dataclass(frozen=True)
class Loop:
    """That a program's instructions are the body of a loop over the rows of the first leaf, along ``axis``.

    The next ``states`` leaves are what the first step begins with, if not zeros of their shapes. A step's instructions see
    the states, the remaining leaves and a row; the last result of each state's shape, squashed by the instruction of that
    name so that it stays small, is the state in the next step. The first state of every step is an output. These are stacked
    at the end, or added as they come to a tensor that is ``grown``, or ``written`` into; there the steps see those before them.
    Outputs are the rows of the next layer, if there are several.
    """

    states: int
    zeros: bool
    squashed: str
    outputs: str
    axis: int
    backwards: bool
    layers: int


@dataclass(frozen=True)
class Program:
    """Leaves' shapes (the last does not require grad), the dtype, and the instructions."""

    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    instructions: tuple[Instruction, ...]
    twice: bool = False
    sizes: Sizes = Sizes()
    loop: Loop | None = None

    def at(self, sizes: Sizes) -> Program:
        """The same program at other sizes."""
        shapes, place = [], 0
        for shape in self.shapes:
            shapes.append(tuple(sizes(extent, place + axis) for axis, extent in enumerate(shape)))
            place += len(shape)
        return replace(self, shapes=tuple(shapes), sizes=sizes)


@dataclass
class Fact:
    """What an instruction did in PyTorch's run."""

    instruction: Instruction
    error: str | None = None
    applied: bool = False
    aliased: bool = False
    sizes: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()


@dataclass
class Outcome:
    """What can be seen after a run."""

    values: list[np.ndarray] = field(default_factory=list)
    strides: list[tuple[int, ...]] = field(default_factory=list)
    tracked: list[bool] = field(default_factory=list)
    gradients: list[np.ndarray | None] = field(default_factory=list)
    refused: str | None = None
    #: Whether the gradients are those of the run itself, not those of :class:`Functional`.
    own: bool = True
