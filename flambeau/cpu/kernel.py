"""What the compiler hands to a backend's templates and what it gets back: kernels, operands and calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .ir import Module


@dataclass(frozen=True, slots=True)
class Kernel:
    """Native code that knows no sizes.

    ``key`` describes the code completely (two kernels with one key are interchangeable), so it names the object on
    disk. ``emit(module, name)`` writes the function ``name`` with the signature of :mod:`flambeau.cpu.ir`.
    """

    key: str
    emit: Callable[[Module, str], None] = field(compare=False, hash=False)


class Operand:
    """Memory that a call reads or writes: a leaf, an output or a temporary of a plan.

    In a call's arguments an operand takes two places: its slot in the table and its byte offset behind that slot's
    address. The plan fills them in when memory has been planned.
    """

    __slots__ = ("bytes", "name", "slot", "offset")

    def __init__(self, bytes: int, name: str = "temporary") -> None:
        self.bytes = bytes
        self.name = name
        self.slot = -1
        self.offset = 0


@dataclass(slots=True)
class Call:
    """One step of a plan: a kernel with its static arguments, cut into tiles that may run in any order.

    ``arguments`` are integers or operands (an operand fills two places). ``scratch`` is the number of bytes of private
    memory that a tile needs. ``reads`` and ``writes`` are what the memory planner and the scheduler go by.
    """

    kernel: Kernel
    arguments: list[int | Operand]
    tiles: int
    scratch: int = 0
    reads: tuple[Operand, ...] = ()
    writes: tuple[Operand, ...] = ()
    flops: int = 0
    label: str = ""
