"""Norms of vectors and matrices, and condition numbers."""

from __future__ import annotations

import math
from typing import Any

from ..core.tensor import Tensor
from ..graph.primitives import TYPE_NAMES
from ..graph.shapes import wrap_dim, wrap_dims
from .decompositions import svdvals
from .norms import norm as torch_norm
from .operation import operation
from .systems import check_matrix, inv


@operation(only="linalg.vector_norm", out="exact")
def vector_norm(
    x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """The ``ord``-norm of the elements along ``dim`` (all of them if None), whatever the rank."""
    return torch_norm(x, float(ord), dim, keepdim, dtype=dtype)


def _largest(sizes: Tensor, axis: int, keepdim: bool = False) -> Tensor:
    """The largest of sizes along an axis, 0 where there are none."""
    return sizes.amax(axis, keepdim) if sizes.shape[axis] else sizes.sum(axis, keepdim)


@operation(only="linalg.matrix_norm", out="exact")
def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None,
) -> Tensor:  # fmt: skip
    """Norms of the matrices in two axes: "fro", "nuc", the largest (smallest, if negative) column sum (1), row sum
    (inf) or singular value (2)."""
    if A.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    check_matrix("linalg.matrix_norm", A, half=ord not in ("nuc", 2, -2))
    if not isinstance(dim, (tuple, list)) or len(dim) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    x = A if dtype is None else A.to(dtype)
    rows, columns = (wrap_dim(k, x.ndim) for k in dim)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dim[0]}, {dim[1]})")
    if ord == "fro":
        result = torch_norm(x, 2.0, (rows, columns), keepdim)
    elif ord == "nuc" or ord in (2, -2):
        values = svdvals(x.movedim((rows, columns), (-2, -1)))
        result = values.sum(-1) if ord == "nuc" else _largest(values, -1) if ord == 2 else values.amin(-1)
        if keepdim:
            for axis in sorted((rows, columns)):
                result = result.unsqueeze(axis)
    elif ord in (1, -1, math.inf, -math.inf):
        added, kept = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = x.abs().sum(added, keepdim=True)
        result = _largest(sums, kept, True) if ord > 0 else sums.amin(kept, keepdim=True)
        result = result if keepdim else result.squeeze((rows, columns))
    else:
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    return result


@operation(only="linalg.norm", out="exact")
def norm(
    A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None
) -> Tensor:
    """A vector norm, or a matrix norm where ``dim`` names two axes (or ``ord`` is given for a matrix)."""
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    pair = A.ndim == 2 if dim is None else not isinstance(dim, int) and len(wrap_dims(dim, A.ndim)) == 2
    if dim is None and A.ndim not in (1, 2):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got " + f"{A.ndim}D."
        )
    if pair:
        return matrix_norm(A, ord, (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


@operation(method=False, out="exact")
def nuclear_norm(input: Tensor, dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """The sum of the singular values of the matrices in two axes."""
    return matrix_norm(input, "nuc", dim, keepdim)


@operation(only="linalg.cond", out=True)
def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number: the largest by the smallest singular value, or by other norms that of A times that of A⁻¹."""
    if A.dtype.itemsize == 2 and p in (None, 2, -2):
        raise NotImplementedError(f"\"linalg_svd_cpu\" not implemented for '{TYPE_NAMES[A.dtype]}'")
    check_matrix("linalg.cond", A)
    if p is None or p in (2, -2):
        values = svdvals(A)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    return matrix_norm(A, p) * matrix_norm(inv(A), p)
