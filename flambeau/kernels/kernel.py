"""What the compiler hands to a device and what it gets back: operands, calls, and what is bound late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..graph.checks import Check
from ..graph.dtypes import DType
from .program import Program


class Kernel(Protocol):
    """Code of a device, which makes it once for each ``key``: it is best without sizes."""

    @property
    def key(self) -> str: ...


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


class Number:
    """A Python number given anew at each run: its place among the trace's numbers, and its kind (f, i or b)."""

    __slots__ = ("index", "kind")

    def __init__(self, index: int, kind: str) -> None:
        self.index = index
        self.kind = kind


class Shifted(Operand):
    """An operand that begins some bytes behind another: a fixed number, and ``number`` elements given at each run."""

    __slots__ = ("base", "number", "itemsize")

    def __init__(self, base: Operand, shift: int, number: Number | None = None, itemsize: int = 1) -> None:
        super().__init__(base.bytes, base.name)
        self.base = base
        self.offset = shift
        self.number = number
        self.itemsize = itemsize


class Late:
    """An argument that stands for an error which only running can find: the plan gives it a number."""

    __slots__ = ("check", "place", "dim", "extent", "value")

    def __init__(self, check: Check, place: int, dim: int = 0, extent: int = 0, value: int = 0) -> None:
        self.check = check
        self.place = place
        self.dim = dim
        self.extent = extent
        self.value = value

    def within(self, extent: int) -> Late:
        """The same for another extent."""
        return Late(self.check, self.place, self.dim, extent, self.value)

    def found(self, value: int) -> Late:
        """The same, with the value that was wrong."""
        return Late(self.check, self.place, self.dim, self.extent, value)


@dataclass(slots=True)
class Call:
    """One step of a plan: a kernel with its static arguments, cut into tiles that may run in any order.

    ``arguments`` are integers, operands (each fills two places: slot and offset), numbers given at each run (one place: the
    slot) and errors that running may find (one place: what is put into the error cell). ``scratch`` is the number
    of bytes of private memory that a tile needs. ``reads`` and ``writes`` are what the memory planner and the scheduler go by.
    ``program`` is what a loop kernel was made of: its arguments are the call's.
    """

    kernel: Kernel
    arguments: list[Any]
    tiles: int
    scratch: int = 0
    reads: tuple[Operand, ...] = ()
    writes: tuple[Operand, ...] = ()
    flops: int = 0
    label: str = ""
    program: Program | None = None


@dataclass(frozen=True)
class MatrixAccess:
    """A batch of strided matrices in memory.

    Element (batch, row, column) lies at ``operand + offset + sum(batch * batch_strides) + row * row_stride + column *
    column_stride``, all counted in elements. A stride of zero repeats a matrix, a row or a column.
    """

    operand: Operand
    offset: int
    batch_strides: tuple[int, ...]
    row_stride: int
    column_stride: int

    def transposed(self) -> MatrixAccess:
        """The same memory with rows and columns exchanged."""
        return MatrixAccess(self.operand, self.offset, self.batch_strides, self.column_stride, self.row_stride)


class Epilogue(NamedTuple):
    """What becomes of the results of a product or a convolution, a grid of (batch, middle, inner) elements, element by element.

    ``program`` is of kind ``epilogue``; its arguments begin with the extents of the two inner axes and the
    ``batch`` outer ones.
    """

    program: Program
    arguments: list[Any]
    reads: tuple[Operand, ...]
    writes: tuple[Operand, ...]
    batch: int


class Strided(NamedTuple):
    """Elements that a call reads: ``operand``, which begins where they do, with a stride in elements for each axis."""

    operand: Operand
    base: Operand
    dtype: DType
    strides: tuple[int, ...]


class Alignment(NamedTuple):
    """Samples whose frames are to be aligned with labels: ``log_probs`` (frames, samples, labels), the labels contiguous, and
    ``lengths`` of the samples' frames and ``target_lengths`` (int64), which lie one after the other.

    The ``total`` labels of the ``targets`` (int64) are rows of ``pitch`` labels, or the samples' targets one after the other if
    they are ``joined``. ``errors`` are a length below 0 or above ``frames``, a target's length below 0 or above ``pitch`` (of
    joined ones, the sum of lengths that is not ``total``), and a label that there is not.
    """

    frames: int
    samples: int
    labels: int
    blank: int
    pitch: int
    total: int
    joined: bool
    log_probs: Strided
    targets: Operand
    lengths: Operand
    target_lengths: Operand
    errors: tuple[Late, ...]


GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
"""The kinds of recurrent layers: how many times the hidden size their gates are wide. The formulas are in
:mod:`flambeau.ops.recurrence`."""

KEPT = {"lstm": 4, "gru": 4, "tanh": 1, "relu": 1}
"""How many times the hidden size wide what they keep for the gradient is: activations, in the order of the gates (of a GRU
also what the state gives to the last one; the new state where there is one gate)."""


class Recurrent(NamedTuple):
    """One direction of a recurrent layer over packed sequences of ``steps`` steps: ``rows`` rows, those of each step together,
    of as many sequences as ``sizes`` (int64) say, the first ones of ``sequences``. If it goes in ``reverse``, every sequence
    begins with its last step. ``weight`` (gates · hidden, hidden) is what the state is multiplied with."""

    kind: str
    dtype: DType
    reverse: bool
    steps: int
    sequences: int
    rows: int
    hidden: int
    sizes: Operand
    weight: MatrixAccess


class Scan(NamedTuple):
    """The elements of ``sources``, converted to ``dtype`` and accumulated along ``axis`` of ``shape``, from the last one on if it
    goes ``backwards``; ``name`` is the primitive's. ``result`` is contiguous and has these ``strides``, and so have the
    ``places`` (int64) of extrema, if they are wanted."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    axis: int
    backwards: bool
    sources: tuple[Strided, ...]
    strides: tuple[int, ...]
    result: Operand
    places: Operand | None


class Scatter(NamedTuple):
    """Values written to computed positions: over an index space of ``shape``, element (i, …) goes to ``strides`` · i plus, for
    each of ``indices``, its value times its step. ``mode`` says how (``set``, ``add``, ``mul``, ``amax``, ``amin``).

    An index beyond its ``extent`` is the error beside it; ``wraps`` says whether negative ones count from the end.
    """

    dtype: DType
    mode: str
    shape: tuple[int, ...]
    target: Operand
    base: Operand
    strides: tuple[int, ...]
    value: Strided
    indices: tuple[Strided, ...]
    extents: tuple[int, ...]
    steps: tuple[int, ...]
    errors: tuple[Late, ...]
    wraps: bool


class Attention(NamedTuple):
    """Attention of ``rows`` queries to ``places`` keys, for each element of ``batch``: softmax(query keyᵀ · scale + mask) value.

    Accesses have strides for (batch, rows or places, features), that of the mask for (batch, rows, places): where booleans
    are false nothing is seen, other elements are of ``dtype`` and are added. If ``causal``, no row sees places behind its own
    number. ``dropout`` has the numbers limit, factor, seed and offset: of the weights those are multiplied by the factor, the
    others by zero, of which the ``RANDOM_BITS`` (int32, numbered over batch, rows and places) are not below the limit.
    """

    dtype: DType
    batch: tuple[int, ...]
    rows: int
    places: int
    width: int
    value_width: int
    query: Strided
    key: Strided
    value: Strided
    mask: Strided | None
    causal: bool
    scale: Number
    dropout: tuple[Number, ...] | None
