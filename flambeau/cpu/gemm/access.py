"""Where the elements of a matrix operand lie."""

from __future__ import annotations

from dataclasses import dataclass

from ..kernel import Operand


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
