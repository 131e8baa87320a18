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
first the address of the error cell, then those of the plan's memory and the numbers given at each run: floats as float64,
integers and booleans as int64. An argument that is an operand is its slot in the table and a byte offset behind the address
there, one that is a number its slot.

The error cell is two words: zero, and nothing yet. Whoever finds an error while the first is zero puts the number there that
the call has for this error among its arguments, and into the second word the value that was wrong. Nothing is read or written
outside the operands then either: a wrong index counts as 0. What else is computed afterwards does not matter, but that no
phase is begun that is to stop on an error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from ..graph.dtypes import DType
from ..graph.windows import Convolution, Pooling
from .kernel import (
    Alignment,
    Attention,
    Call,
    Epilogue,
    Kernel,
    MatrixAccess,
    Operand,
    Recurrent,
    Scan,
    Scatter,
    Strided,
)
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
    #: How many bytes there are; at least what was asked for.
    nbytes: int
    #: Whether others could see it at some time; while false, nobody needs to ask whether they do.
    ever_exposed: bool
    #: To be set when the bare address was handed out, of which nothing can tell the end.
    exposed_forever: bool
    #: It is others' memory, and must not be written to.
    readonly: bool

    #: Whether another value may be put there when nobody holds this one any more. To be cleared when a second node names it.
    recyclable: bool

    def exposed(self) -> bool:
        """Whether anybody outside may read or write the memory now."""

    def array(self, dtype: Any, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0) -> Any:
        """The memory from byte ``offset`` on as a NumPy array, ``strides`` in bytes (default: contiguous). It shares the
        memory, keeps it alive and counts as exposure."""

    def copy(self, nbytes: int) -> Memory:
        """Other memory with the first ``nbytes`` bytes."""

    def peek(self, dtype: Any, shape: Sequence[int], strides: Sequence[int] | None = None, offset: int = 0) -> Any:
        """As :meth:`array`, for a view that the caller drops at once: it is no exposure."""


class ReusedMemory(Protocol):
    """Memory of given sizes for one user, the same at each request as long as nobody else holds it."""

    def take(self) -> list[Any]:
        """Memory of arbitrary contents for each size."""


class Runner(Protocol):
    """Runs plans."""

    @property
    def native(self) -> Any:
        """Runs a part of a plan: takes what :meth:`arguments` gives, and returns the last value of the error cell.

        It is called where nothing may come in between it and what follows, so it should be a C function.
        """

    def num_threads(self) -> int:
        """How many threads work on a plan, each with scratch memory of its own."""

    def arguments(
        self, table_address: int, steps_address: int, step_count: int, scratch_address: int, scratch_stride: int, threads: int
    ) -> tuple[int, ...]:
        """The arguments of :attr:`native` for a run with up to ``threads`` threads."""

    def native_timed(self) -> Callable[..., int]:
        """A function that takes the addresses of table and steps, their number, scratch memory and an array of ``int64``,
        and writes there how many nanoseconds each step took, one after the other."""


class Tiling(NamedTuple):
    """How the work of loops is cut for a device. Nothing of it shows in results: reductions have their order."""

    #: Elements that a tile covers, about.
    elements: int
    #: Columns that a tile of a column program covers at most.
    columns: int
    #: Rows of up to so many elements have values kept from one walk over them to the next.
    kept: int
    #: Reductions of at least so many elements are cut into parts, if there are fewer of them than ``few_rows``, or along
    #: columns than ``few_columns``.
    parted: int
    few_rows: int
    few_columns: int

    def is_parted(self, outer: int, reduced: int, inner: int) -> bool:
        """Whether reductions of (outer, reduced, inner) elements are cut into parts, which are combined afterwards."""
        return reduced >= self.parted and outer * inner < (self.few_columns if inner > 1 else self.few_rows)


class Device(Protocol):
    """Something that computes."""

    tiling: Tiling

    @property
    def runner(self) -> Runner: ...

    def loop(self, program: Program, inner: int) -> tuple[Kernel, int]:
        """The kernel of a loop program, and how many bytes of private memory a tile needs where rows have ``inner`` elements."""

    def product(
        self, dtype: DType, batch: tuple[int, ...], m: int, n: int, k: int, a: MatrixAccess, b: MatrixAccess,
        result: MatrixAccess | Epilogue,
    ) -> list[Call]:  # fmt: skip
        """The products of (batch, m, k) with (batch, k, n), put somewhere or handed to an epilogue.

        ``dtype``, that of all three, is float32, float64 or an integer's, which wraps. Extents may be zero; without any k the
        results are zeros. No memory that is written is that of ``a`` or ``b``.
        """

    def convolution(self, geometry: Convolution, x: Operand, w: Operand, result: Operand | Epilogue) -> list[Call]:
        """A convolution of contiguous operands, put into a contiguous one or handed to an epilogue."""

    def windows(
        self, name: str, dtype: DType, geometry: Convolution | Pooling, inputs: Sequence[Operand],
        outputs: Sequence[Operand | None],
    ) -> list[Call]:  # fmt: skip
        """The calls of the primitive called ``name``, one that works on windows: the gradients of a convolution, pooling and
        its gradients. Operands are contiguous; of several outputs those that nobody needs are None, or left out at the end.
        """

    def attention(self, attention: Attention, result: Strided, sums: Operand) -> list[Call]:
        """Attention, put into ``result``, whose features adjoin; rows that see nothing are zeros. ``sums`` (batch, rows) are the
        logarithms of the sums of the exponentials of scores, infinite for such rows."""

    def attention_gradient(
        self, attention: Attention, gradient: Strided, sums: Operand, delta: Operand, results: tuple[Operand, Operand, Operand]
    ) -> list[Call]:
        """The gradients of query, key and value, contiguous, from that of the result, the ``sums`` and ``delta`` (batch,
        rows), which is the sum of the gradient times the result."""

    def scatter(self, scatter: Scatter) -> Call:
        """One call that writes values to computed positions."""

    def scan(self, scan: Scan) -> list[Call]:
        """The calls that accumulate along an axis.

        float32 is accumulated as float64 and half types as float32, and rounded once for each result. What is equal among
        extrema is found last, NaN before any number.
        """

    def ctc_loss(self, dtype: DType, problem: Alignment, loss: Operand, states: Operand) -> list[Call]:
        """The calls that compute each sample's loss, infinite where the target does not fit, and what :meth:`ctc_gradient` wants
        to know: frames · (2 · total + 3 · samples) elements."""

    def ctc_gradient(
        self, dtype: DType, problem: Alignment, zero_infinity: bool, grad: Strided, loss: Operand, states: Operand,
        result: Operand,
    ) -> list[Call]:  # fmt: skip
        """The calls that compute the gradient of the log-probabilities, which are taken for normalised, contiguous like them: NaN
        where the loss is infinite, or 0 if ``zero_infinity``."""

    def recurrent(
        self, problem: Recurrent, projected: Strided, initial: Sequence[Strided], bias: Operand | None, output: Operand,
        ends: Sequence[Operand], kept: tuple[Operand, Sequence[Operand]] | None,
    ) -> list[Call]:  # fmt: skip
        """The calls that take a recurrent layer's steps. What the input gives to the gates is ``projected`` (rows, gates ·
        hidden), ``initial`` are the states (sequences, hidden) at the beginning, ``bias`` (gates · hidden) is added to the
        product of the state. Results are contiguous: the ``output`` (rows, hidden), the states at the ends of sequences, and
        for the gradient what is :data:`~flambeau.kernels.kernel.KEPT` and each state before each row (rows, hidden)."""

    def recurrent_gradient(
        self, problem: Recurrent, d_output: Strided | None, d_ends: Sequence[Strided], kept: Operand,
        before: Sequence[Operand], d_projected: Operand, d_initial: Sequence[Operand], d_product: Operand | None,
    ) -> list[Call]:  # fmt: skip
        """The calls that compute gradients, contiguous, from those of the output and of the states at the end: of what the
        input gives to the gates (rows, gates · hidden), of the states at the beginning, and for a GRU of what the product
        of the state and its bias gives to the gates, which for others is the first."""

    def load(self, kernels: Sequence[Kernel]) -> list[int]:
        """Make kernels of this device's calls ready to run; for each the number that stands for it in step records. It
        stands for it as long as there is a plan."""

    def allocate(self, nbytes: int) -> Any:
        """Memory of at least ``nbytes`` bytes of arbitrary contents (see :class:`Memory`)."""

    def reused(self, sizes: Sequence[int]) -> ReusedMemory:
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
