"""QR, LU, singular value and eigenvalue decompositions, with their gradients.

NumPy's LAPACK computes all but LU, which it does not offer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import return_types
from ..core.tensor import Tensor
from ..graph import dtypes
from ..graph.dtypes import TYPE_NAMES
from ..graph.notices import warn_once
from .dispatch import tracked
from .host import SeveralResults, at_once, attach_results, on_host
from .matrix import matmul
from .memory_order import by_columns
from .one_node import one_node
from .operation import operation
from .random import randn
from .ranges import eye
from .systems import LinAlgError, check_matrix, check_square, solve_triangular

# --- QR --------------------------------------------------------------------------------------------------------------


class LinalgQrBackward0(SeveralResults):
    """(Ḡq + Q copyltu(M)) R⁻ᵀ with M = R Ḡrᵀ - Ḡqᵀ Q (Walter, Lehmann and Lamour, 2012), for at least as many rows as columns.

    For wide matrices the first columns are decomposed and R's others follow as Qᵀ times the input's.
    """

    def backward(self, grad: Any) -> Tensor:
        x, q, r = self.input(0), self.output(0), self.output(1)
        m, n = x.shape[-2:]
        grad_q = grad.get(0)
        grad_r = grad.get(1)
        grad_q = q.new_zeros(q.shape) if grad_q is None else grad_q
        grad_r = r.new_zeros(r.shape) if grad_r is None else grad_r
        if m >= n:
            return self._tall(q, r, grad_q, grad_r)
        from .joining import cat

        rest = grad_r[..., m:]
        square_q = grad_q + matmul(x[..., m:], rest.mT)
        square = self._tall(q, r[..., :m], square_q, grad_r[..., :m])
        return cat([square, matmul(q, rest)], -1)

    @staticmethod
    def _tall(q: Tensor, r: Tensor, grad_q: Tensor, grad_r: Tensor) -> Tensor:
        middle = matmul(r, grad_r.mT) - matmul(grad_q.mT, q)
        lower = middle.tril()
        symmetric = lower + middle.tril(-1).mT
        return solve_triangular(r.mT, grad_q + matmul(q, symmetric), upper=False, left=False)


def _qr(a: np.ndarray, mode: str) -> tuple[np.ndarray, np.ndarray]:
    if mode == "r":
        return np.zeros(0, dtype=a.dtype), np.linalg.qr(a, mode)  # type: ignore[call-overload]
    q, r = np.linalg.qr(a, mode)  # type: ignore[call-overload]
    return q, r


def _factors(A: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    check_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'")
    m, n = A.shape[-2:]
    inner = m if mode == "complete" else min(m, n)
    batch = A.shape[:-2]
    shape = (0,) if mode == "r" else (*batch, m, inner)
    results = on_host(_qr, {"mode": mode}, [(shape, A.dtype), ((*batch, inner, n), A.dtype)], A)
    if tracked(A):
        if mode == "r":
            raise RuntimeError(
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                "linalg.qr(A, mode='reduced') if you are going to require gradients."
            )
        if mode == "complete" and m > n:
            raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    attach_results(results, LinalgQrBackward0, [A])
    return results[0], results[1]


@operation(only="linalg.qr", out="exact")
@by_columns(0, 1)
def linalg_qr(A: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """(Q, R) with A = Q R, Q of orthonormal columns and R an upper triangle."""
    return return_types.linalg_qr(_factors(A, mode))  # type: ignore[no-any-return]


@operation(out="exact")
@by_columns(0, 1)
def qr(input: Tensor, some: bool = True) -> tuple[Tensor, Tensor]:
    """:func:`linalg_qr` under its old name."""
    warn_once(
        "torch.qr is deprecated in favor of torch.linalg.qr and will be removed in a future PyTorch release.\nThe boolean "
        "parameter 'some' has been replaced with a string parameter 'mode'.\nQ, R = torch.qr(A, some)\nshould be replaced with\n"
        "Q, R = torch.linalg.qr(A, 'reduced' if some else 'complete')"
    )
    return return_types.qr(_factors(input, "reduced" if some else "complete"))  # type: ignore[no-any-return]


# --- LU --------------------------------------------------------------------------------------------------------------


def _lu(a: np.ndarray, pivot: bool) -> tuple[np.ndarray, np.ndarray]:
    """L (without its diagonal of ones) and U in one matrix, and the row (from 1) that each row was exchanged with."""
    lu = np.array(a)
    m, n = lu.shape[-2:]
    count = min(m, n)
    stack = lu.reshape(math.prod(lu.shape[:-2]), m, n)
    pivots = np.empty((len(stack), count), dtype=np.int32)
    every = np.arange(len(stack))
    for k in range(count):
        column = stack[:, k:, k]
        sizes = np.abs(column.real) + np.abs(column.imag) if lu.dtype.kind == "c" else np.abs(column)  # as LAPACK compares them
        best = k + np.argmax(sizes, axis=1) if pivot else np.full(len(stack), k)
        pivots[:, k] = best + 1
        row = stack[every, best].copy()
        stack[every, best] = stack[:, k]
        stack[:, k] = row
        head = row[:, k, None]
        stack[:, k + 1 :, k] /= np.where(head == 0, 1, head)
        stack[:, k + 1 :, k + 1 :] -= stack[:, k + 1 :, k, None] * row[:, None, k + 1 :]
    return lu, pivots.reshape(*lu.shape[:-2], count)


def _permutation(pivots: np.ndarray, rows: int) -> np.ndarray:
    """P with A = P L U, from the exchanges of rows."""
    stack = pivots.reshape(math.prod(pivots.shape[:-1]), pivots.shape[-1])
    order = np.tile(np.arange(rows), (len(stack), 1))
    every = np.arange(len(stack))
    for k in range(pivots.shape[-1]):
        other = stack[:, k] - 1
        held = order[every, other].copy()
        order[every, other] = order[:, k]
        order[:, k] = held
    matrix = np.zeros((len(stack), rows, rows))
    np.put_along_axis(matrix, order[:, None, :], 1.0, axis=1)
    return matrix.reshape(*pivots.shape[:-1], rows, rows)


class LinalgLuFactorExBackward0(SeveralResults):
    """P L⁻ᵀ (tril(Lᵀ Ḡl, -1) + triu(Ḡu Uᵀ)) U⁻ᵀ for square matrices.

    Of a wide matrix U = (U₁ U₂), of a tall one L = (L₁; L₂), with square L₁ and U₁. What is left over takes its gradient as it
    is, and what it owes to the square part goes into the middle: tril(L₁ᵀ Ḡl₁ - Ḡu₂ U₂ᵀ, -1) + triu(Ḡu₁ U₁ᵀ - L₂ᵀ Ḡl₂).
    """

    def backward(self, grad: Any) -> Tensor:
        from .joining import cat

        given = grad[0]
        lu, pivots = self.output(0), self.output(1)
        m, n = lu.shape[-2:]
        k = min(m, n)
        order = lu_unpack(lu.detach(), pivots)[0]
        lower = lu[..., :k, :k].tril(-1) + eye(k, dtype=lu.dtype)
        upper = lu[..., :k, :k].triu()
        square = given[..., :k, :k]
        below = matmul(lower.mT, square.tril(-1))
        above = matmul(square.triu(), upper.mT)
        if n > k:
            below = below - matmul(given[..., k:], lu[..., k:].mT)
        if m > k:
            above = above - matmul(lu[..., k:, :].mT, given[..., k:, :])
        middle = below.tril(-1) + above.triu()
        if m > k:
            left = solve_triangular(lower.mT, middle, upper=True, unitriangular=True)
            result = solve_triangular(upper.mT, cat([left, given[..., k:, :]], -2), upper=False, left=False)
        else:
            right = solve_triangular(upper.mT, middle, upper=False, left=False)
            whole = cat([right, given[..., k:]], -1) if n > k else right
            result = solve_triangular(lower.mT, whole, upper=True, unitriangular=True)
        return matmul(order, result)


@operation(only="linalg.lu_factor", out="exact")
@by_columns(0)
def lu_factor(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor]:
    """(LU, pivots): both triangles of A = P L U in one matrix, and the exchanges of rows that P stands for, int32."""
    if A.dtype not in (dtypes.float32, dtypes.float64) and A.ndim >= 2:
        raise NotImplementedError(f"\"lu_cpu\" not implemented for '{TYPE_NAMES[A.dtype]}'")
    check_matrix("torch.linalg.lu_factor", A)
    batch, (m, n) = A.shape[:-2], A.shape[-2:]
    outputs = [(A.shape, A.dtype), ((*batch, min(m, n)), dtypes.int32)]
    results = on_host(_lu, {"pivot": bool(pivot)}, outputs, A)
    if tracked(A):
        attach_results(results, LinalgLuFactorExBackward0, [A])
        results[1].detach_()
    return return_types.linalg_lu_factor(results)  # type: ignore[no-any-return]


@one_node("LuUnpackBackward0")
@operation(method=False, out="exact")
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """(P, L, U) from what :func:`lu_factor` gives."""
    check_matrix("torch.lu_unpack", LU_data)
    if LU_pivots.dtype is not dtypes.int32:
        raise RuntimeError("torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.")
    m, n = LU_data.shape[-2:]
    k = min(m, n)
    shape = (*LU_data.shape[:-2], m, m)
    (order,) = on_host(_permutation, {"rows": m}, [(shape, LU_data.dtype)], LU_pivots)
    lower = LU_data[..., :k].tril(-1) + eye(m, k, dtype=LU_data.dtype)
    return return_types.lu_unpack((order, lower, LU_data[..., :k, :].triu()))  # type: ignore[no-any-return]


@operation(only="linalg.lu", out="exact")
@one_node("LinalgLuBackward0")
def linalg_lu(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """(P, L, U) with A = P L U: a permutation, a unit lower and an upper triangle."""
    return return_types.linalg_lu(tuple(lu_unpack(*lu_factor(A, pivot=pivot))))  # type: ignore[no-any-return]


@operation(out=True)
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> tuple[Tensor, ...]:
    """:func:`lu_factor` under its old name; with ``get_infos`` zeros follow."""
    factors, pivots = lu_factor(A, pivot=pivot)
    if get_infos:
        return factors, pivots, A.new_zeros(A.shape[:-2], dtype=dtypes.int32)
    return factors, pivots


@operation(only="linalg.lu_solve", out="exact")
@by_columns()
@one_node("LinalgLuSolveBackward0")
def linalg_lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X with A X = B (X A = B unless ``left``; Aᵀ for A if ``adjoint``), given what :func:`lu_factor` gives."""
    if not left:
        return linalg_lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    order, lower, upper = lu_unpack(LU, pivots)
    if adjoint:
        inner = solve_triangular(upper.mT, B, upper=False)
        result = matmul(order, solve_triangular(lower.mT, inner, upper=True, unitriangular=True))
    else:
        inner = solve_triangular(lower, matmul(order.mT, B), upper=False, unitriangular=True)
        result = solve_triangular(upper, inner, upper=True)
    return result


@operation(out="exact")
@by_columns()
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """:func:`linalg_lu_solve` under its old name."""
    return linalg_lu_solve(LU_data, LU_pivots, input)


# --- singular values and eigenvalues ---------------------------------------------------------------------------------


def _converged(name: str, function: Callable[..., Any], A: Tensor) -> Any:
    try:
        return at_once(function, A)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"{name}: The algorithm failed to converge because the input matrix contained non-finite values."
        ) from None


class LinalgSvdBackward0(SeveralResults):
    """PyTorch's formula for real matrices: with the skew parts of Uᵀ Ḡu and Vᵀ Ḡv, E_ij = s_j² - s_i², and projections
    on what U and V do not span. Of full matrices, only the columns that belong to singular values count."""

    outputs = 3

    def backward(self, grad: Any) -> Tensor | None:
        s = self.output(1)
        k = s.shape[-1]
        u, v = self.output(0)[..., :k], self.output(2)[..., :k, :].mT
        grad_u, grad_s, grad_vh = grad.get(0), grad.get(1), grad.get(2)
        if grad_u is None and grad_vh is None:
            return matmul(u * grad_s.unsqueeze(-2), v.mT)
        grad_u = None if grad_u is None else grad_u[..., :k]
        grad_vh = None if grad_vh is None else grad_vh[..., :k, :]
        row, column = s.unsqueeze(-1), s.unsqueeze(-2)
        gap = (column - row) * (column + row) + eye(k, dtype=s.dtype)
        middle: Any = 0.0
        if grad_u is not None:
            product = matmul(u.mT, grad_u)
            middle = (product - product.mT) / gap * column
        if grad_vh is not None:
            product = matmul(v.mT, grad_vh.mT)
            middle = middle + row * ((product - product.mT) / gap)
        if grad_s is not None:
            middle = middle + grad_s.diag_embed()
        result = matmul(u, matmul(middle, v.mT))
        m, n = u.shape[-2], v.shape[-2]
        if grad_u is not None and m > k:
            scaled = grad_u / column
            result = result + matmul(scaled - matmul(u, matmul(u.mT, scaled)), v.mT)
        if grad_vh is not None and n > k:
            scaled = grad_vh / row
            result = result + matmul(u, scaled - matmul(matmul(scaled, v), v.mT))
        return result


@operation(only="linalg.svd", out=True)
@by_columns(0, 2)
def linalg_svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, Vh) with A = U diag(S) Vh, singular values falling; U and Vh square if ``full_matrices``."""
    if A.dtype.itemsize == 2 and A.ndim > 1:
        raise NotImplementedError(f"\"linalg_svd_cpu\" not implemented for '{TYPE_NAMES[A.dtype]}'")
    check_matrix("linalg.svd", A)
    results = _converged("linalg.svd", lambda a: tuple(np.linalg.svd(a, full_matrices)), A)
    attach_results(results, LinalgSvdBackward0, [A])
    return return_types.linalg_svd(results)  # type: ignore[no-any-return]


@operation(out=True)
@by_columns(0)
def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, V) with A = U diag(S) Vᵀ: :func:`linalg_svd` under its old name."""
    u, s, vh = linalg_svd(input, not some)
    if not compute_uv:
        m, n = input.shape[-2:]
        batch = input.shape[:-2]
        return return_types.svd((input.new_zeros(*batch, m, m), s, input.new_zeros(*batch, n, n)))  # type: ignore[no-any-return]
    return return_types.svd((u, s, vh.mT))  # type: ignore[no-any-return]


@operation(only="linalg.svdvals", out="exact")
def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Singular values, falling."""
    check_matrix("linalg.svdvals", A)
    if tracked(A):
        return linalg_svd(A, False)[1]
    return _converged("linalg.svd", lambda a: np.linalg.svd(a, compute_uv=False), A)


class LinalgEighBackward0(SeveralResults):
    """V (K / E + diag(Ḡl)) Vᵀ with K the skew part of Vᵀ Ḡv and E_ij = l_j - l_i."""

    def backward(self, grad: Any) -> Tensor:
        values, vectors = self.output(0), self.output(1)
        grad_values, grad_vectors = grad.get(0), grad.get(1)
        if grad_vectors is None:
            return matmul(vectors * grad_values.unsqueeze(-2), vectors.mT)
        gap = values.unsqueeze(-2) - values.unsqueeze(-1) + eye(values.shape[-1], dtype=values.dtype)
        product = matmul(vectors.mT, grad_vectors)
        inner = 0.5 * (product - product.mT) / gap
        if grad_values is not None:
            inner = inner + grad_values.diag_embed()
        return matmul(vectors, matmul(inner, vectors.mT))


@operation(only="linalg.eigh", out="exact")
@by_columns(1)
def linalg_eigh(input: Tensor, UPLO: str = "L") -> tuple[Tensor, Tensor]:
    """Eigenvalues, rising, and eigenvectors (columns) of symmetric matrices, of which one triangle is looked at."""
    check_square("linalg.eigh", input)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    results = _converged("linalg.eigh", lambda a: tuple(np.linalg.eigh(a, UPLO.upper())), input)  # type: ignore[call-overload]
    attach_results(results, LinalgEighBackward0, [input])
    return return_types.linalg_eigh(results)  # type: ignore[no-any-return]


@operation(only="linalg.eigvalsh", out="exact")
def eigvalsh(input: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues of symmetric matrices, rising."""
    return linalg_eigh(input, UPLO)[0]


# --- large matrices that are nearly of low rank -----------------------------------------------------------------------


def _range(A: Tensor, count: int, iterations: int) -> Tensor:
    """An orthonormal basis of nearly the range of ``A`` (Halko, Martinsson and Tropp, 2009, algorithm 4.4)."""
    probes = randn(*A.shape[:-2], A.shape[-1], count, dtype=A.dtype)
    basis = linalg_qr(matmul(A, probes))[0]
    for _ in range(iterations):
        basis = linalg_qr(matmul(A.mT, basis))[0]
        basis = linalg_qr(matmul(A, basis))[0]
    return basis


@operation(method=False)
def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(U, S, V) with A - M nearly U diag(S) Vᵀ, for the ``q`` largest singular values; random."""
    x = A if M is None else A - M
    if x.ndim < 2:
        raise ValueError(f"svd_lowrank(): expected a matrix or a batch of matrices, but got {x.ndim} dimensions")
    if x.shape[-2] < x.shape[-1]:
        v, s, u = svd_lowrank(x.mT, q, niter)
        return u, s, v
    basis = _range(x, 6 if q is None else q, 2 if niter is None else niter)
    inner, s, vh = linalg_svd(matmul(basis.mT, x), full_matrices=False)
    return matmul(basis, inner), s, vh.mT


@operation(method=False)
def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """:func:`svd_lowrank` of the rows of ``A`` less their mean (if ``center``): (U, S, principal directions)."""
    m, n = A.shape[-2:]
    count = min(6, m, n) if q is None else q
    if not 0 <= count <= min(m, n):
        raise ValueError(f"q(={count}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, count, niter)
