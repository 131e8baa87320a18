"""What a program is, and what is noted of its run."""

from __future__ import annotations

from dataclasses import dataclass, field

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
class Program:
    """Leaves' shapes (the last does not require grad), the dtype, and the instructions."""

    shapes: tuple[tuple[int, ...], ...]
    dtype: str
    instructions: tuple[Instruction, ...]
    twice: bool = False


@dataclass
class Fact:
    """What an instruction did in PyTorch's run."""

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
