"""The innermost loop of products and of convolutions: tiles of results that are kept in the machine's vector registers while
products are added to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from .ir import Builder, Function, Module, parameters
from .target import host
from .values import FLAG, INDEX, Pointer, Type, Value, fma, where


@dataclass(frozen=True, slots=True)
class Registers:
    """A machine's vector registers: how many, and of how many bytes each."""

    count: int
    bytes: int

    @property
    def masked_loads(self) -> bool:
        """Whether a load can leave out lanes cheaply."""
        return self.bytes >= 32

    def lanes(self, type: Type) -> int:
        """Elements of a register."""
        return self.bytes // type.bytes


@cache
def host_registers() -> Registers:
    """The registers of the machine this runs on."""
    target = host()
    many = target.vector_bits == 512 or target.triple.startswith(("aarch64", "arm64"))
    return Registers(32 if many else 16, target.vector_bits // 8)


@dataclass(frozen=True, slots=True)
class RegisterTile:
    """``rows`` factors, each repeated in all lanes, times ``vectors`` vectors of ``lanes`` elements."""

    rows: int
    vectors: int
    lanes: int

    @property
    def key(self) -> str:
        return f"{self.rows}x{self.vectors}x{self.lanes}"

    @property
    def width(self) -> int:
        """Elements of a row."""
        return self.vectors * self.lanes


class Sums:
    """The sums of products of some rows and some vectors, in registers; zeros at first."""

    def __init__(self, b: Builder, rows: int, vectors: int, type: Type) -> None:
        zero = b.constant(type, 0)
        self._sums = [[b.variable(zero) for _ in range(vectors)] for _ in range(rows)]

    def add(self, rows: Iterable[Value], vectors: Sequence[Value], mask: Value | None = None) -> None:
        """Add the products of each row's factor and each vector, rounding each sum once. Lanes outside the mask stay as they
        are, be they a negative zero."""
        for sums, row in zip(self._sums, rows):
            for sum, vector in zip(sums, vectors):
                before = sum.value
                after = fma(row, vector, before)
                sum.value = after if mask is None else where(mask, after, before)

    def write(self, place: Callable[[int, int], Pointer], adding: bool) -> None:
        """Store each sum at the place of its row and vector, or add it to what is there."""
        for i, sums in enumerate(self._sums):
            for j, sum in enumerate(sums):
                at, value = place(i, j), sum.value
                at.store(at.load(value.lanes) + value if adding else value)

    def row(self, number: int) -> list[Value]:
        """The sums of one row."""
        return [sum.value for sum in self._sums[number]]


def multiply_function(
    module: Module,
    type: Type,
    tile: RegisterTile,
    *,
    panel: int = 0,
    clamped: bool = False,
    narrow: bool = False,
    places: bool = False,
    pitched: bool = False,
    ahead: bool = False,
) -> Function:
    """An internal function for ``results[row][column] (+)= sum over k of left[row][k] * right[k][column]``, a tile of rows
    and columns. The sum is one chain of fused multiply-adds from zero; unless ``first``, it is added to the result that is
    there. Its parameters by name, as far as the form of the function needs them:

    ``left``, ``left_row``, ``left_k``
        factor (row, k) lies at ``left + row * left_row + k * left_k`` or, in a panel, at ``left + k * panel + row``.
    ``rows``
        if ``clamped``, only so many rows (of those that are in no panel) exist, and further ones repeat the last.
    ``right``, ``right_k``, ``places``
        where the columns of k begin: ``right + k * right_k``, or with ``places`` ``right + places[k]``.
    ``columns``
        if ``narrow``, only so many columns, less than one vector, may be read.
    ``results``, ``results_row``
        rows of results adjoin or, if ``pitched``, are so far apart.
    ``left_ahead``, ``right_ahead``
        if ``ahead``, what lies so many elements further on at each k (in a panel, for ``left``) is fetched into the
        second-level cache.
    """
    flags = {
        f"panel{panel}": panel,
        "clamped": clamped,
        "narrow": narrow,
        "places": places,
        "pitched": pitched,
        "ahead": ahead,
    }
    name = "_".join(["multiply", type.spelled, tile.key, *(flag for flag, held in flags.items() if held)])
    forms = {
        "k": True,
        "left_row left_k rows": not panel,
        "right_k": not places,
        "results_row": pitched,
        "columns": narrow,
        "left_ahead right_ahead": ahead,
    }
    indices = " ".join(names for names, wanted in forms.items() if wanted)
    others = {"places": INDEX.pointer} if places else {}
    signature = parameters(type, "left right results", indices, first=FLAG, **others)

    def write(b: Builder, given: Any) -> None:
        sums = Sums(b, tile.rows, tile.vectors, type.vector(tile.lanes))
        mask = b.first_lanes(given.columns, tile.lanes) if narrow else None
        starts = [given.left] if panel else _row_starts(given, tile.rows, clamped)
        lefts, right = [b.variable(start) for start in starts], b.variable(given.right)
        with b.loop(0, given.k) as k:
            line = given.right + given.places[k] if places else right.value
            vectors = [(line + v * tile.lanes).load(tile.lanes, mask) for v in range(tile.vectors)]
            here = [left.value for left in lefts]
            if ahead:
                (line + given.right_ahead).prefetch(level=2)
                if panel:
                    (here[0] + given.left_ahead).prefetch(level=2)
            factors = (here[0][row] if panel else here[row].load() for row in range(tile.rows))
            sums.add((factor.broadcast(tile.lanes) for factor in factors), vectors)
            for left, place in zip(lefts, here):
                left.value = place + (panel or given.left_k)
            if not places:
                right.value = line + given.right_k

        def result(row: int, vector: int) -> Pointer:
            line = given.results + (given.results_row * row if pitched else row * tile.width)
            place: Pointer = line + vector * tile.lanes
            return place

        for first in b.either(given.first):
            sums.write(result, adding=not first)

    return module.function(name, signature, write)


def _row_starts(given: Any, rows: int, clamped: bool) -> list[Pointer]:
    """Where the rows of factors start."""
    last = given.rows - 1 if clamped else None
    # Frozen, the pointers look unrelated to LLVM. Else it reaches row after row by adding to a single pointer, and
    # that chain of additions takes as long as all the multiplications.
    numbers = (row if last is None else last.at_most(row) for row in range(rows))
    return [(given.left + given.left_row * number).freeze() for number in numbers]
