"""Products with sparse matrices: each entry takes a row of the dense matrix, times its value, to a row of the result."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.tensor import Tensor
from ...graph.dtypes import TYPE_NAMES
from ..by_name import real
from ..conversion import rounded_once
from ..from_data import from_array
from ..one_node import one_node
from .calls import sparse_operation
from .making import sparse_mask
from .parts import array_of, coalesced
from .tensor import CooTensor, SparseTensor


@rounded_once
def product_of_parts(entries: Tensor, rows: Tensor, columns: Tensor, matrix: Tensor, count: int) -> Tensor:
    """(count, n): the sums over entries of value times a row of the dense ``matrix`` (k, n), by the rows that they are in."""
    total = real.zeros(count, matrix.shape[1], dtype=matrix.dtype)
    return total.index_add(0, rows, entries.unsqueeze(1) * matrix.index_select(0, columns))  # type: ignore[no-any-return]


_mm_parts = one_node("MmBackward0")(product_of_parts)
_sparse_mm_parts = one_node("SparseAddmmBackward0")(product_of_parts)


@one_node("MvBackward0")
def _mv_parts(entries: Tensor, rows: Tensor, columns: Tensor, vector: Tensor, count: int) -> Tensor:
    return product_of_parts(entries, rows, columns, vector.unsqueeze(1), count).squeeze(1)  # type: ignore[no-any-return]


@one_node("SparseMmReduceImplBackward0")
@rounded_once
def reduced_product(entries: Tensor, rows: Tensor, columns: Tensor, matrix: Tensor, count: int, reduce: str) -> Tensor:
    """As :func:`product_of_parts`, with the means, maxima or minima of each row's terms for their sums; zeros for none."""
    terms = entries.unsqueeze(1) * matrix.index_select(0, columns)
    total = real.zeros(count, matrix.shape[1], dtype=matrix.dtype)
    spread = rows.unsqueeze(1).expand(terms.shape)
    return total.scatter_reduce(0, spread, terms, reduce, include_self=False)  # type: ignore[no-any-return]


def _check_matrix(x: SparseTensor, other: Tensor) -> None:
    """``RuntimeError`` unless a sparse matrix and a dense one can be multiplied."""
    if x.ndim != 2 or x.sparse_dim() != 2:
        raise RuntimeError(f"addmm: matrices expected, got {x.sparse_dim()}D tensor")
    if other.ndim != 2:
        raise RuntimeError(f"addmm: matrices expected, got {other.ndim}D tensor")
    if x.shape[1] != other.shape[0]:
        raise RuntimeError(f"addmm: Argument #3 (dense): Expected dim 0 size {x.shape[1]}, got {other.shape[0]}")
    check_alike(x, other)


def check_alike(x: Tensor, other: Tensor) -> None:
    """``RuntimeError`` unless both are of one dtype."""
    if x.dtype is not other.dtype:
        raise RuntimeError(f"expected scalar type {TYPE_NAMES[x.dtype]} but found {TYPE_NAMES[other.dtype]}")


def transposed(x: CooTensor) -> CooTensor:
    """A matrix with rows and columns changed over, in the same memory."""
    return CooTensor.of(x._places.flip(0), x._entries, (x._size[1], x._size[0]))


def times_dense(x: CooTensor, other: Tensor, product: Any = _mm_parts) -> Tensor:
    """A sparse matrix times a dense one."""
    _check_matrix(x, other)
    rows, columns = x._places.unbind(0)
    return product(x._entries, rows, columns, other, x._size[0])  # type: ignore[no-any-return]


def dense_times(other: Tensor, x: CooTensor) -> Tensor:
    """A dense matrix times a sparse one."""
    if other.ndim != 2 or x.ndim != 2 or other.shape[1] != x._size[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, other.shape))} and {'x'.join(map(str, x.shape))})"
        )
    return times_dense(transposed(x), other.t()).t()  # type: ignore[no-any-return]


def both_sparse(x: CooTensor, y: CooTensor) -> CooTensor:
    """The product of two sparse matrices, with an entry for each place at which two entries meet."""
    if x.ndim != 2 or y.ndim != 2 or x._size[1] != y._size[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, x.shape))} and {'x'.join(map(str, y.shape))})"
        )
    check_alike(x, y)
    x, y = coalesced(x), coalesced(y)
    rows, inner = array_of(x._places)
    first_of, last_of = np.searchsorted(array_of(y._places)[0], [inner, inner + 1])
    counts = last_of - first_of
    # Every entry of x meets all of y in the row that is its column: so many, one after the other.
    of_x = np.repeat(np.arange(inner.size), counts)
    begun = np.repeat(np.cumsum(counts) - counts, counts)
    of_y = np.repeat(first_of, counts) + np.arange(of_x.size) - begun
    entries = x._entries.index_select(0, from_array(of_x)) * y._entries.index_select(0, from_array(of_y))
    places = from_array(np.stack([rows[of_x], array_of(y._places)[1][of_y]]))
    return coalesced(CooTensor.of(places, entries, (x._size[0], y._size[1])))


@sparse_operation("mm", "spmm")
def mm(input: Any, mat2: Any) -> Any:
    if isinstance(input, CooTensor):
        return both_sparse(input, mat2) if isinstance(mat2, CooTensor) else times_dense(input, mat2)
    return dense_times(input, mat2)


def sparse_mm(mat1: Any, mat2: Any) -> Any:
    """The product of ``torch.sparse.mm``, whose gradient keeps the places of the sparse operand."""
    if mat2.ndim < 2:
        raise IndexError(f"sparse.mm: the second operand must be a matrix, but has {mat2.ndim} dimension(s)")
    if isinstance(mat1, CooTensor) and not isinstance(mat2, CooTensor):
        return times_dense(mat1, mat2, _sparse_mm_parts)
    return mm(mat1, mat2)


@sparse_operation()
def mv(input: Any, vec: Any) -> Tensor:
    if not isinstance(input, CooTensor) or isinstance(vec, SparseTensor) or vec.ndim != 1 or input.ndim != 2:
        raise RuntimeError(f"vector + matrix @ vector expected, got matrices of {input.ndim} and {vec.ndim} dimensions")
    if input._size[1] != vec.shape[0]:
        raise RuntimeError(f"mv: expected self.size(-1) == vec.size(-1), but got {input._size[1]} and {vec.shape[0]}")
    check_alike(input, vec)
    rows, columns = input._places.unbind(0)
    return _mv_parts(input._entries, rows, columns, vec, input._size[0])  # type: ignore[no-any-return]


@one_node("BmmBackward0")
def _bmm_parts(entries: Tensor, places: Tensor, matrices: Tensor, rows: int) -> Tensor:
    batch, row, column = places.unbind(0)
    count, inner, width = matrices.shape
    flat = matrices.reshape(count * inner, width)
    result = product_of_parts(entries, batch * rows + row, batch * inner + column, flat, count * rows)
    return result.reshape(count, rows, width)  # type: ignore[no-any-return]


@sparse_operation()
def bmm(input: Any, mat2: Any) -> Tensor:
    if not isinstance(input, CooTensor) or isinstance(mat2, SparseTensor):
        raise RuntimeError("bmm: the first operand must be sparse, the second dense")
    if input._dimI() != 3 or mat2.ndim != 3 or input._size[0] != mat2.shape[0] or input._size[2] != mat2.shape[1]:
        raise RuntimeError(f"bmm: batches of sizes {list(input.shape)} and {list(mat2.shape)} cannot be multiplied")
    check_alike(input, mat2)
    return _bmm_parts(input._entries, input._places, mat2, input._size[1])  # type: ignore[no-any-return]


@sparse_operation("matmul", "linalg_matmul")
def matmul(input: Any, other: Any) -> Any:
    if not isinstance(other, Tensor) or not isinstance(input, Tensor):
        raise TypeError(f"matmul(): argument must be Tensor, not {type(other if isinstance(input, Tensor) else input).__name__}")
    if input.ndim == 2 and other.ndim == 2:
        return mm(input, other)
    if isinstance(input, CooTensor) and other.ndim == 1:
        return mv(input, other)
    if isinstance(other, CooTensor) and other.ndim == 2 and not isinstance(input, CooTensor) and input.ndim:
        flat = dense_times(input.reshape(-1, input.shape[-1]), other)
        return flat.reshape(*input.shape[:-1], other._size[1])
    if input.ndim == 3 and other.ndim == 3:
        return bmm(input, other)
    raise RuntimeError("expand is unsupported for Sparse tensors")


def _with_sum(name: str, input: Any, product: Any, beta: Any, alpha: Any) -> Any:
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    try:
        spread = input if input.shape == product.shape else input.expand(product.shape)
    except RuntimeError:
        raise RuntimeError(
            f"{name}: expected the matrix to be added to have a size that expands to {list(product.shape)}, but got "
            f"{list(input.shape)}"
        ) from None
    if isinstance(spread, CooTensor):
        return spread * beta + product
    return product + (spread if beta == 1 else spread * beta)


@sparse_operation()
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1) -> Any:
    return _with_sum("addmm", input, mm(mat1, mat2), beta, alpha)


def sparse_addmm(mat: Any, mat1: Any, mat2: Any, *, beta: Any = 1.0, alpha: Any = 1.0) -> Any:
    """``beta * mat + alpha * (mat1 @ mat2)`` of ``torch.sparse.addmm``."""
    return _with_sum("addmm", mat, sparse_mm(mat1, mat2), beta, alpha)


@sparse_operation()
def addmv(input: Tensor, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _with_sum("addmv", input, mv(mat, vec), beta, alpha)  # type: ignore[no-any-return]


@sparse_operation()
def baddbmm(input: Tensor, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    return _with_sum("baddbmm", input, bmm(batch1, batch2), beta, alpha)  # type: ignore[no-any-return]


@sparse_operation()
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    result = matmul(input, weight.t() if weight.ndim == 2 else weight)
    return result if bias is None else result + bias


# --- with a sparse result ---------------------------------------------------------------------------------------------


def _occupied_rows(x: CooTensor) -> Any:
    return np.unique(array_of(coalesced(x)._places)[0])


@sparse_operation()
def hspmm(mat1: CooTensor, mat2: Tensor) -> CooTensor:
    product = times_dense(mat1, mat2)
    rows = from_array(_occupied_rows(mat1))
    return CooTensor.of(rows.unsqueeze(0), product.index_select(0, rows), product.shape, True)


@sparse_operation()
def smm(input: CooTensor, mat2: Tensor) -> CooTensor:
    product = times_dense(input, mat2)
    rows = _occupied_rows(input)
    width = product.shape[1]
    places = from_array(np.stack([np.repeat(rows, width), np.tile(np.arange(width), rows.size)]))
    mask = CooTensor.of(places, real.zeros(places.shape[1], dtype=product.dtype), product.shape, True)
    return sparse_mask(product, mask)  # type: ignore[no-any-return]


@sparse_operation()
def sspaddmm(input: CooTensor, mat1: CooTensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> CooTensor:
    return input * beta + smm(mat1, mat2) * alpha  # type: ignore[no-any-return]


def sampled(mask: Any, rows: Tensor, columns: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Any:
    """``beta * mask + alpha * (mat1 @ mat2)`` where ``mask``, with entries in these rows and columns, has some."""
    if mat1.ndim != 2 or mat2.ndim != 2 or mat1.shape[1] != mat2.shape[0]:
        raise RuntimeError(f"sampled_addmm: matrices of sizes {list(mat1.shape)} and {list(mat2.shape)} cannot be multiplied")
    if mask.shape != (mat1.shape[0], mat2.shape[1]):
        raise RuntimeError(
            f"sampled_addmm: Expected self to have sizes {[mat1.shape[0], mat2.shape[1]]}, but got {list(mask.shape)}"
        )
    check_alike(mat1, mat2)
    return mask.with_entries(_sampled_parts(mask._entries, rows, columns, mat1, mat2, beta, alpha))


@one_node("SparseSampledAddmmBackward0")
@rounded_once
def _sampled_parts(
    entries: Tensor, rows: Tensor, columns: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any
) -> Tensor:
    product = (mat1.index_select(0, rows) * mat2.t().index_select(0, columns)).sum(1)
    product = product if alpha == 1 else product * alpha
    return product + entries * beta if beta else product  # type: ignore[no-any-return]


