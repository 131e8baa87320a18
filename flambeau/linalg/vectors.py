"""Products of vectors and small matters of shape."""

from __future__ import annotations

from ..core.tensor import Tensor
from ..graph.primitives import TYPE_NAMES
from ..ops import products
from ..ops import scans as _scans
from ..ops.operation import write_out


def cross(input: Tensor, other: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """The cross product of vectors of three along ``dim``."""
    return products.cross(input, other, dim, out=out)


def vecdot(x: Tensor, y: Tensor, *, dim: int = -1, out: Tensor | None = None) -> Tensor:
    """Inner products of vectors along ``dim``. ``RuntimeError`` for integers."""
    if x.dtype.category < 2:
        raise RuntimeError(
            f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {TYPE_NAMES[x.dtype]}"
        )
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {TYPE_NAMES[x.dtype]} and y of type "
            f"{TYPE_NAMES[y.dtype]} instead"
        )
    result = (x * y).sum(dim)
    return result if out is None else write_out(out, result)


def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals over two axes (the last ones)."""
    return A.diagonal(offset, dim1, dim2)


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """Powers 0 to N - 1 of each element, along a new last axis."""
    if not x.ndim:
        x = x.unsqueeze(0)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    from ..ops.joining import cat

    powers = x.unsqueeze(-1).expand(*x.shape, max(count - 1, 0))
    return cat([x.new_ones(*x.shape, 1), _scans.cumprod(powers, -1)], -1)
