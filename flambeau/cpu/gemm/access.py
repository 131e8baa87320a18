"""What a call of a product computes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ...kernels.kernel import MatrixAccess
from .arithmetic import Element


@dataclass(frozen=True)
class Product:
    """The products of (batch, m, k) with (batch, k, n) that a call computes."""

    element: Element
    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    a: MatrixAccess
    b: MatrixAccess

    @property
    def matrices(self) -> int:
        """How many results there are."""
        return prod(self.batch)

    @property
    def multiply_adds(self) -> int:
        return self.matrices * self.m * self.n * self.k

    def split(self, block: int, blocks: int) -> Product:
        """The same with the K blocks as last dimension of the batch; ``k`` still counts all of them."""
        a_strides = (*self.a.batch_strides, block * self.a.column_stride)
        b_strides = (*self.b.batch_strides, block * self.b.row_stride)
        a, b = replace(self.a, batch_strides=a_strides), replace(self.b, batch_strides=b_strides)
        return replace(self, batch=(*self.batch, blocks), a=a, b=b)
