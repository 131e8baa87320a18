"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.composite import composite
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph import primitives as p
from ..graph.placeholder import as_count
from ..graph.shapes import Size, wrap_dim
from ..graph.trace import record
from .arguments import check_whole
from .conversion import computed_in_double
from .elementwise import differentiated
from .one_node import one_node
from .operation import operation, titled


@operation()
@differentiated(lambda grad, offset, dim1, dim2: grad.diagonal(offset, dim1, dim2))
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The last axis laid along the diagonal of two new axes ``dim1`` and ``dim2``, zeros elsewhere."""
    rank = input.ndim + 1
    a, b = wrap_dim(dim1, rank), wrap_dim(dim2, rank)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    extent = input.shape[-1] + abs(offset)
    sizes = list(input.shape[:-1])
    for axis in sorted((a, b)):
        sizes.insert(axis, extent)
    result = input.new_zeros(sizes)
    result.diagonal(offset, a, b).copy_(input)
    return result  # type: ignore[no-any-return]


@one_node("DiagonalBackward0_copy")
def _diagonal(input: Tensor, diagonal: int) -> Tensor:
    return input.diagonal(diagonal).clone()  # type: ignore[no-any-return]


@operation(out="exact")
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A matrix with a vector on its diagonal; or the diagonal of a matrix as a vector."""
    if input.ndim == 1:
        result = diag_embed(input, diagonal)
    elif input.ndim == 2:
        result = _diagonal(input, diagonal)
    else:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return result


@operation()
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with all elements on its diagonal."""
    return diag_embed(input.reshape(-1), offset)


@operation()
@one_node("TraceBackward0")
def trace(input: Tensor) -> Tensor:
    """The sum of a matrix's diagonal."""
    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix, but got tensor with dim " + str(input.ndim))
    if input.dtype.kind == "bool":
        raise NotImplementedError("\"trace\" not implemented for 'Bool'")
    return _trace(input)


@computed_in_double
def _trace(x: Tensor) -> Tensor:
    return x.diagonal().sum()


def _triangle(name: str, x: Tensor, diagonal: int, primitive: p.Primitive) -> Tensor:
    """Elements kept where ``column - row`` compares with ``diagonal``, else zero."""
    if x.ndim < 2:
        raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
    check_whole(name, "diagonal", diagonal)
    m, n = x.shape[-2:]
    first = max(-m, min(as_count(diagonal), n))  # all diagonals beyond the corners are alike
    return composite(_triangle_values, primitive, x, first)[0]  # type: ignore[no-any-return]


def _triangle_values(primitive: p.Primitive, x: Tensor, first: int) -> tuple[Tensor]:
    m, n = x.shape[-2:]
    rows = record(p.IOTA, (Size((m, 1)), dtypes.int64), (first, None), (1, None))
    columns = record(p.IOTA, (Size((n,)), dtypes.int64), (0, None), (1, None))
    kept = record(primitive, None, (columns, None), (rows, None))
    zero = False if x.dtype.kind == "bool" else 0  # booleans stay booleans
    return (Tensor._from_node(record(p.WHERE, None, (kept, None), (x._read(), x._view), (zero, None))),)


@operation(inplace="part", out="exact")
@differentiated(lambda grad, diagonal: grad.tril(diagonal))
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Matrices with zeros above a diagonal."""
    return _triangle("tril", input, diagonal, p.LE)


@operation(inplace="part", out="exact")
@differentiated(lambda grad, diagonal: grad.triu(diagonal))
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Matrices with zeros below a diagonal."""
    return _triangle("triu", input, diagonal, p.GE)


def _triangle_indices(name: str, function: Any) -> Any:
    def indices(
        row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Tensor:
        from .creation import finished
        from .from_data import from_array

        if row < 0 or col < 0:
            raise RuntimeError(f"{'row' if row < 0 else 'col'} must be non-negative, got{row if row < 0 else col}")
        offset = max(-row, min(offset, col))  # beyond, nothing changes
        found = np.stack(function(row, offset, col)).astype(np.int64)
        return finished(from_array(found).to(dtype or dtypes.int64), requires_grad, device)

    meaning = f"Rows and columns of the places that ``{name[:4]}`` keeps, as a 2 × n tensor in row-major order."
    return operation(method=False)(titled(indices, name, meaning))


tril_indices = _triangle_indices("tril_indices", np.tril_indices)
triu_indices = _triangle_indices("triu_indices", np.triu_indices)


@operation(only="linalg.diagonal")
def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals over two axes (the last ones)."""
    return A.diagonal(offset, dim1, dim2)
