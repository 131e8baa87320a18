"""What a device must offer: lowering what the compiler describes to calls, compiling kernels, memory, and running a plan.

The compiler knows devices by this contract alone. A plan is an array of step records of 32 bytes, four 64-bit numbers each:

======  =====================================================================================
offset  meaning
======  =====================================================================================
0       what :meth:`Device.load` gave for the kernel
8       address of its arguments, 64-bit numbers
16      number of tiles (zero: nothing to do; fewer than 2**31)
24      flags: :data:`NEW_PHASE`, :data:`STOP_ON_ERROR`
======  =====================================================================================

Steps up to the next one flagged :data:`NEW_PHASE` form a *phase*: their tiles may run in any order and at once. Every
tile of a phase has finished before the next phase starts. Kernels find addresses and numbers in a table of 64-bit words:
first the address of the error cell, then those of the plan's memory and the numbers given at each run. An argument that is
an operand is its slot in the table and a byte offset behind the address there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ..graph.convolution import Convolution
from ..graph.dtypes import DType
from .kernel import Call, Epilogue, Kernel, MatrixAccess, Operand, Scatter
from .program import Program

STEP_BYTES = 32

NEW_PHASE = 1
"""Flag of a step: a barrier before it (the first step of a plan begins a phase anyway)."""

STOP_ON_ERROR = 2
"""Flag of a phase's first step: if the error cell is not zero, the run ends before it."""

ALIGNMENT = 64
"""Memory that a device gives starts at a multiple of this many bytes: a cache line, and the widest vector register."""

PADDING = 64
"""Bytes behind the end of memory that a device gives, which may be read and written (and hold nothing)."""


class Memory(Protocol):
    """A range of a device's memory."""

    #: The name of the device.
    device: str
    address: int
    nbytes: int

    @property
    def recyclable(self) -> bool:
        """Whether it may be used again for another value when nobody holds it any more."""

    @property
    def ever_exposed(self) -> bool:
        """Whether others could see it at some time; while false, nobody needs to ask whether they do."""

    def exposed(self) -> bool:
        """Whether anybody outside may read or write the memory now."""

    def copy(self, nbytes: int) -> Memory:
        """Other memory with the first ``nbytes`` bytes."""

    def peek(self, dtype: Any, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0) -> Any:
        """The memory as a NumPy array, which the caller drops at once."""


class RecurringMemory(Protocol):
    """Memory of given sizes for one user, the same at each request as long as nobody else holds it."""

    def take(self) -> list[Any]:
        """Memory of arbitrary contents for each size."""


class Runner(Protocol):
    """Runs plans."""

    #: Runs a part of a plan: takes what :meth:`arguments` gives, and returns the last value of the error cell.
    native: Any

    def num_threads(self) -> int:
        """How many threads work on a plan, each with scratch memory of its own."""

    def arguments(
        self, table_address: int, steps_address: int, step_count: int, scratch_address: int, scratch_stride: int, threads: int
    ) -> tuple[int, ...]:
        """The arguments of :attr:`native` for a run with up to ``threads`` threads."""

    def native_timed(self) -> Callable[..., int]:
        """A function that takes the addresses of table and steps, their number, scratch memory and an array of ``int64``,
        and writes there how many nanoseconds each step took, one after the other."""


class Device(Protocol):
    """Something that computes."""

    @property
    def runner(self) -> Runner: ...

    def loop(self, program: Program, inner: int) -> tuple[Kernel, int]:
        """The kernel of a loop program, and how many bytes of private memory a tile needs where rows have ``inner`` elements."""

    def product(
        self, dtype: DType, batch: tuple[int, ...], m: int, n: int, k: int, a: MatrixAccess, b: MatrixAccess, c: MatrixAccess,
        epilogue: Epilogue | None = None,
    ) -> list[Call]:  # fmt: skip
        """The products of (batch, m, k) with (batch, k, n), put where ``c`` says, or handed to an epilogue."""

    def convolution(
        self, geometry: Convolution, x: Operand, w: Operand, y: Operand, epilogue: Epilogue | None = None
    ) -> list[Call]:
        """A convolution, put into ``y``, or handed to an epilogue."""

    def windows(
        self, name: str, attributes: Any, inputs: list[Operand], outputs: list[Operand | None]
    ) -> list[Call]:
        """The calls of a primitive that works on windows: gradients of convolutions, pooling and its gradients."""

    def scatter(self, scatter: Scatter) -> Call:
        """One call that writes values to computed positions."""

    def load(self, kernels: Sequence[Kernel]) -> list[int]:
        """Make kernels ready to run; for each the number that stands for it in step records."""

    def allocate(self, nbytes: int) -> Any:
        """Memory of at least ``nbytes`` bytes of arbitrary contents (see :class:`Memory`)."""

    def recurring(self, sizes: Sequence[int]) -> RecurringMemory:
        """Memory that is asked for again and again."""


_makers: dict[str, Callable[[], Device]] = {}
_devices: dict[str, Device] = {}


def register(name: str, make: Callable[[], Device]) -> None:
    """Say how the device called ``name`` is made when it is first needed; replaces one of that name."""
    _makers[name] = make
    _devices.pop(name, None)


def device_called(name: str) -> Device:
    """The device of that name. ``KeyError`` if there is none."""
    device = _devices.get(name)
    if device is None:
        device = _devices[name] = _makers[name]()
    return device
