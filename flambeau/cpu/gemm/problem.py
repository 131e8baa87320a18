"""What a call of a product computes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ...kernels.kernel import MatrixAccess
from ..values import Type


@dataclass(frozen=True)
class Product:
    """The products of (batch, m, k) with (batch, k, n) that a call computes."""

    type: Type
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


def merge_batch(
    batch: tuple[int, ...], accesses: tuple[MatrixAccess, ...]
) -> tuple[tuple[int, ...], tuple[MatrixAccess, ...]]:
    """The same matrices in the same order with as few batch dimensions as the strides allow."""
    extents: list[int] = []
    strides: list[tuple[int, ...]] = []
    for extent, steps in zip(batch, zip(*(access.batch_strides for access in accesses), strict=True), strict=True):
        if extent == 1:
            continue
        if extents and all(outer == extent * inner for outer, inner in zip(strides[-1], steps, strict=True)):
            extents[-1] *= extent
            strides[-1] = steps
        else:
            extents.append(extent)
            strides.append(steps)
    merged = tuple(
        replace(access, batch_strides=tuple(steps[i] for steps in strides)) for i, access in enumerate(accesses)
    )
    return tuple(extents), merged


def contiguous_strides(extents: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Batch strides of matrices of ``size`` elements, one behind the other; 0 for dimensions of extent 1, which repeat."""
    return tuple(prod(extents[i + 1 :]) * size if extent > 1 else 0 for i, extent in enumerate(extents))
