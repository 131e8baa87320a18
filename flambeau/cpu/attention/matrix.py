"""Matrices in memory, one for each element of a batch: as arguments of a kernel, and in its code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...kernels.kernel import Strided
from ..values import Pointer, Value, placed


class Matrix(NamedTuple):
    """Where the first element lies, and how far apart rows, and elements of a row, are."""

    start: Pointer
    row: Value | int
    element: Value | int = 1

    def from_row(self, number: Value | int) -> Matrix:
        """The rows from one on."""
        return Matrix(self.start + number * self.row, self.row, self.element)

    def from_element(self, number: Value | int) -> Matrix:
        """The elements of rows from one on."""
        return Matrix(self.start + number * self.element, self.row, self.element)

    @property
    def turned(self) -> Matrix:
        """The same elements with rows for columns."""
        return Matrix(self.start, self.element, self.row)


def matrix_arguments(rank: int, *names: str) -> str:
    """The arguments that say where batches of matrices are."""
    return " ".join(f"&{name} {name}_batch[{rank}] {name}_row {name}_element" for name in names)


def matrix_values(**accesses: Strided) -> dict[str, Any]:
    """The values of these arguments."""
    values: dict[str, Any] = {}
    for name, access in accesses.items():
        *batch, row, element = access.strides
        values |= {name: access.base, f"{name}_batch": tuple(batch), f"{name}_row": row, f"{name}_element": element}
    return values


def matrix_of(arguments: Any, name: str, indices: Sequence[Value]) -> Matrix:
    """The matrix of one element of the batch, in code."""
    start, batch, row, element = (getattr(arguments, name + part) for part in ("", "_batch", "_row", "_element"))
    return Matrix(start + placed(indices, batch, 0), row, element)


def way_of_packing(access: Strided) -> str:
    """How rows of matrices are packed as columns of a panel (see :func:`..gemm.pack.packing`), by their strides."""
    row, element = access.strides[-2:]
    return "k" if element == 1 else "columns" if row == 1 else "any"
