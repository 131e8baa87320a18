"""Functions of matrices: norms and condition, rank, pseudoinverse, least squares, exponentials."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import return_types
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import TYPE_NAMES
from ..graph.limits import finfo
from ..graph.shapes import wrap_dim, wrap_dims
from .choice import nan_to_num, where
from .conversion import rounded_once
from .creation import zeros
from .decompositions import eigvalsh, linalg_eigh, linalg_svd, svdvals
from .dispatch import tracked
from .elementwise import differentiated
from .host import on_host
from .joining import cat
from .matrix import matmul
from .norms import norm as torch_norm
from .one_node import one_node
from .operation import operation
from .systems import check_matrix, check_square, inv_ex


@operation(only="linalg.vector_norm", out="exact")
def vector_norm(x: Tensor, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
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
def norm(A: Tensor, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
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
    """The condition number: the largest by the smallest singular value, or by other norms that of A times that of A⁻¹.

    That of a singular matrix is infinite, that of one without elements 0.
    """
    if A.dtype.itemsize == 2 and p in (None, 2, -2):
        raise NotImplementedError(f"\"linalg_svd_cpu\" not implemented for '{TYPE_NAMES[A.dtype]}'")
    check_matrix("linalg.cond", A, half=True)
    if isinstance(p, str) or A.numel() and p not in (None, 2, -2):
        check_square(f"linalg.cond(ord={p})", A, half=True)
    if p not in (None, 2, -2, 1, -1, math.inf, -math.inf, "fro", "nuc"):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if A.numel() == 0:
        return zeros(A.shape[:-2], dtype=A.dtype)
    if p is None or p in (2, -2):
        values = svdvals(A)
        largest, smallest = values[..., :1], values[..., -1:]
        return (smallest / largest if p == -2 else largest / smallest).squeeze(-1)
    if p == "nuc":
        values = svdvals(A)
        return values.sum(-1) * values.reciprocal().sum(-1)
    inverse, failed = inv_ex(A)
    inverse = inverse.masked_fill((failed != 0)[..., None, None], math.inf)
    return nan_to_num(matrix_norm(A, p) * matrix_norm(inverse, p), math.inf, math.inf, -math.inf)


def _tolerance(values: Tensor, shape: Any, atol: Any, rtol: Any) -> Tensor:
    """Singular values up to this count as zero: the larger of ``atol`` and ``rtol`` times the largest value."""
    if rtol is None:
        rtol = max(shape[-2:]) * finfo(values.dtype).eps if atol is None else 0.0
    largest = values.amax(-1, keepdim=True)
    scaled = largest * (rtol.unsqueeze(-1) if isinstance(rtol, Tensor) else rtol)
    if atol is None:
        return scaled
    return scaled.clamp(min=atol.unsqueeze(-1) if isinstance(atol, Tensor) else atol)


def _pinv_slope(grad: Tensor, A: Tensor, result: Tensor) -> Tensor:
    """Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems", 1973."""
    p, g = result, grad.mT  # (m, n), as the input
    first = -matmul(p.mT, matmul(grad, p.mT))
    second = matmul(g - matmul(A, matmul(p, g)), matmul(p, p.mT))
    third = matmul(matmul(p.mT, p), g - matmul(matmul(g, p), A))
    return first + second + third


@operation(only="linalg.pinv", out=True)
@differentiated(_pinv_slope, name="LinalgPinvBackward0")
def pinv(A: Tensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """The pseudoinverse (Moore and Penrose); singular values up to the tolerance count as zero."""
    check_matrix("linalg.pinv", A)
    rtol = rcond if rtol is None else rtol
    if A.numel() == 0:
        return A.mT.clone()  # type: ignore[no-any-return]
    if hermitian:  # the lower triangle is all that counts
        s, u = linalg_eigh(A)
        vh = u.mT
    else:
        u, s, vh = linalg_svd(A, False)
    kept = s.abs() > _tolerance(s.abs(), A.shape, atol, rtol)
    inverse = where(kept, 1.0 / where(kept, s, 1.0), 0.0)
    return matmul(vh.mT * inverse.unsqueeze(-2), u.mT)


@operation("pinverse(A)")
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """:func:`pinv` with a tolerance of old."""
    return pinv(input, rcond)


@operation(only="linalg.matrix_rank", out=True)
def matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """How many singular values (sizes of eigenvalues, if ``hermitian``) exceed the tolerance, int64."""
    check_matrix("linalg.matrix_rank", A)
    plain = A.detach()
    if plain.numel() == 0:
        return plain.new_zeros(A.shape[:-2], dtype=dtypes.int64)
    values = eigvalsh(plain).abs() if hermitian else svdvals(plain)
    limit = _tolerance(values, A.shape, tol if tol is not None else atol, rtol)
    return (values > limit).sum(-1)


@operation(only="linalg.lstsq", out=True)
@one_node("LinalgLstsqBackward0")
def lstsq(input: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """The solution of least ‖input · X - b‖: (solution, residuals, rank, singular_values).

    As in PyTorch, the driver decides what else is given: residuals of tall matrices of full rank, which "gelsy" (the
    default) does not compute, the rank, which "gels" does not, and singular values ("gelsd", "gelss").
    """
    check_matrix("torch.linalg.lstsq", input)
    if b.dtype is not input.dtype:
        raise RuntimeError("torch.linalg.lstsq: input and other should have the same dtype.")
    vector = input.ndim - 1 == b.ndim and b.shape == input.shape[:-1]
    columns = b.unsqueeze(-1) if vector else b
    if columns.shape[-2] != input.shape[-2]:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2)")
    tolerance = finfo(input.dtype).eps * max(input.shape[-2:]) if rcond is None else rcond
    if tracked(input, b):
        solution = matmul(pinv(input, rtol=tolerance), columns)
    else:
        solution = matmul(pinv(input.detach(), rtol=tolerance), columns.detach())
    rank = matrix_rank(input, rtol=tolerance)
    m, n = input.shape[-2:]
    residuals = input.new_zeros(0)
    single = driver == "gels" or driver in ("gelsd", "gelss") and bool((rank == n).all())
    if m > n and single:
        difference = matmul(input, solution) - columns
        residuals = (difference * difference).sum(-2)
    values = svdvals(input.detach()) if driver in ("gelss", "gelsd") else input.new_zeros(0)
    ranked = rank if driver != "gels" else input.new_zeros(0, dtype=dtypes.int64)
    return return_types.linalg_lstsq((solution.squeeze(-1) if vector else solution, residuals, ranked, values))


# --- exponentials -------------------------------------------------------------------------------------------------------

# Coefficients and bound of the [13/13] Padé approximant (Higham, "The scaling and squaring method for the matrix
# exponential revisited", 2005).
_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
    10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)  # fmt: skip
_PADE_BOUND = 5.371920351148152


def _exponential(a: np.ndarray) -> np.ndarray:
    """Scaling and squaring, in float64."""
    x = a.astype(np.float64)
    size = np.abs(x).sum(-2).max(-1, initial=0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        halvings = np.maximum(np.ceil(np.log2(size / _PADE_BOUND)), 0)
    halvings = np.where(np.isfinite(halvings), halvings, 0).astype(int)
    x = x / 2.0 ** halvings[..., None, None]
    b, one = _PADE, np.eye(x.shape[-1])
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x2 @ x4
    odd = x @ (x6 @ (b[13] * x6 + b[11] * x4 + b[9] * x2) + b[7] * x6 + b[5] * x4 + b[3] * x2 + b[1] * one)
    even = x6 @ (b[12] * x6 + b[10] * x4 + b[8] * x2) + b[6] * x6 + b[4] * x4 + b[2] * x2 + b[0] * one
    result = np.linalg.solve(even - odd, even + odd)
    for step in range(int(halvings.max(initial=0))):
        result = np.where((step < halvings)[..., None, None], result @ result, result)
    return result


def _exponential_slope(grad: Tensor, input: Tensor) -> Tensor:
    """The upper right block of exp([[Aᵀ, Ḡ], [0, Aᵀ]]) (Najfeld and Havel, 1995)."""
    transposed, n = input.mT, grad.shape[-1]
    top = cat([transposed, grad], -1)
    bottom = cat([transposed.new_zeros(transposed.shape), transposed], -1)
    return matrix_exp(cat([top, bottom], -2))[..., :n, n:]


@operation("linalg.matrix_exp")
@differentiated(_exponential_slope, name="LinalgMatrixExpBackward0")
def matrix_exp(input: Tensor) -> Tensor:
    """Exponentials of square matrices."""
    check_square("linalg.matrix_exp", input, half=True)
    return _matrix_exp(input)


@rounded_once
def _matrix_exp(input: Tensor) -> Tensor:
    return on_host(_exponential, {}, [(input.shape, input.dtype)], input)[0]
