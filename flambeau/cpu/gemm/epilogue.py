"""What becomes of the elements of a product while they are still in registers."""

from __future__ import annotations

from typing import Protocol

from ...kernels.kernel import MatrixAccess, Operand
from ..ir import Builder, splat
from .arithmetic import Element
from .batches import element_offset


class Epilogue(Protocol):
    """Elementwise work on results, fused into the product's kernel, which also stores them.

    The template calls :meth:`begin` once, in the kernel's entry, and then :meth:`emit` several times, for the vectors
    and the edges of its loops. Each element is passed exactly once when the kernels run.
    """

    @property
    def key(self) -> str:
        """Describes the emitted code completely; a part of the kernel's key."""

    @property
    def arguments(self) -> list[int | Operand]:
        """Appended to the call's arguments."""

    @property
    def reads(self) -> tuple[Operand, ...]: ...

    @property
    def writes(self) -> tuple[Operand, ...]: ...

    def begin(self, b: Builder, first_argument: int) -> None:
        """Load the arguments, of which the first is the kernel's argument number ``first_argument``."""

    def emit(
        self, b: Builder, value: str, lanes: int, batch: list[str], row: str, column: str, mask: str | None
    ) -> None:
        """Finish and store results.

        ``value`` holds ``lanes`` results (16, or 1 where n = 1: then a scalar): those of ``row`` and of the columns
        from ``column`` on. ``batch`` has one index per batch dimension. Lanes whose ``mask`` is false hold no result:
        nothing may be read or stored for them. All indices are i64 values.
        """


class StoreResult:
    """The epilogue that only stores, to a matrix of any strides."""

    def __init__(self, element: Element, c: MatrixAccess) -> None:
        self._element = element
        self._c = c
        self._contiguous = c.column_stride == 1
        self.key = f"store{'' if self._contiguous else '-strided'}{len(c.batch_strides)}"
        self.arguments: list[int | Operand] = [c.operand, c.offset, c.row_stride, c.column_stride, *c.batch_strides]
        self.reads: tuple[Operand, ...] = ()
        self.writes: tuple[Operand, ...] = (c.operand,)

    def begin(self, b: Builder, first_argument: int) -> None:
        self._address = b.offset(self._element.type, b.operand(first_argument), b.argument(first_argument + 2))
        self._row_stride = b.argument(first_argument + 3)
        self._column_stride = b.argument(first_argument + 4)
        self._batch_strides = [b.argument(first_argument + 5 + i) for i in range(len(self._c.batch_strides))]

    def emit(
        self, b: Builder, value: str, lanes: int, batch: list[str], row: str, column: str, mask: str | None
    ) -> None:
        place = element_offset(b, b.mul(row, self._row_stride), batch, self._batch_strides)
        column = column if self._contiguous else b.mul(column, self._column_stride)
        address = b.offset(self._element.type, self._address, b.add(place, column))
        if lanes == 1:
            self._element.store(b, value, address)
        elif self._contiguous:
            self._element.store_vector(b, value, address, mask)
        else:
            self._element.scatter(b, value, address, self._column_stride, mask or splat("i1", "true", lanes))
