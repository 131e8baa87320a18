"""Complex matrices of any rank: pseudoinverses, ranks, least squares, and decompositions that are nearly of low rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import return_types
from ...core.tensor import Tensor
from ...graph.dtypes import int64
from ...graph.limits import finfo
from ..by_name import real
from ..host import array_of
from ..systems import check_matrix
from .calls import complex_operation
from .factorizations import eigvalsh, factored, linalg_qr, linalg_svd, svdvals
from .parts import as_complex
from .tensor import ComplexTensor


def _limit(values: Any, shape: Any, atol: Any, rtol: Any) -> Any:
    """Singular values up to this count as zero: the larger of ``atol`` and ``rtol`` times the largest value. All are arrays."""
    if rtol is None:
        rtol = max(shape[-2:]) * np.finfo(values.dtype).eps if atol is None else 0.0
    scaled = values.max(-1, keepdims=True) * np.asarray(rtol, values.dtype)[..., None]
    return scaled if atol is None else np.maximum(scaled, np.asarray(atol, values.dtype)[..., None])


def _of_tensor(bound: Any) -> Any:
    return array_of(bound) if isinstance(bound, Tensor) else bound


# --- pseudoinverses ---------------------------------------------------------------------------------------------------


def _pseudoinverse(array: np.ndarray, hermitian: bool, atol: Any, rtol: Any) -> tuple[np.ndarray, np.ndarray]:
    """The pseudoinverse, and how many values were kept; of Hermitian matrices one triangle is looked at."""
    if hermitian:
        s, u = np.linalg.eigh(array)
        vh = np.conj(np.swapaxes(u, -1, -2))
    else:
        u, s, vh = np.linalg.svd(array, full_matrices=False)
    kept = np.abs(s) > _limit(np.abs(s), array.shape, atol, rtol)
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(s.dtype)
    found = (np.conj(np.swapaxes(vh, -1, -2)) * inverse[..., None, :]) @ np.conj(np.swapaxes(u, -1, -2))
    return found, kept.sum(-1)


def _pseudoinverse_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    """Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems", 1973."""
    p, g = found[0], given[0].mH  # (n, m) and (m, n)
    first = -(p.mH @ (given[0] @ p.mH))
    second = (g - A @ (p @ g)) @ (p @ p.mH)
    third = (p.mH @ p) @ (g - (g @ p) @ A)
    return first + second + third


@complex_operation("linalg_pinv")
def pinv(
    A: ComplexTensor, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> Tensor:
    check_matrix("linalg.pinv", A)
    if not A.numel():
        return A.mH.clone()  # type: ignore[no-any-return]
    bounds = [_of_tensor(bound) for bound in (atol, rcond if rtol is None else rtol)]
    return factored(lambda array: _pseudoinverse(array, hermitian, *bounds), _pseudoinverse_slope, A)[0]  # type: ignore[no-any-return]


@complex_operation()
def pinverse(input: ComplexTensor, rcond: float = 1e-15) -> Tensor:
    return pinv(input, rcond)


@complex_operation("linalg_matrix_rank")
def matrix_rank(A: ComplexTensor, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    check_matrix("linalg.matrix_rank", A)
    if not A.numel():
        return real.zeros(A.shape[:-2], dtype=int64)  # type: ignore[no-any-return]
    plain: Any = A.detach()
    values = array_of(eigvalsh(plain).abs() if hermitian else svdvals(plain))
    limit = _limit(values, A.shape, _of_tensor(atol if tol is None else tol), _of_tensor(rtol))
    return real.tensor((values > limit).sum(-1), dtype=int64)  # type: ignore[no-any-return]


# --- least squares ------------------------------------------------------------------------------------------------------


@complex_operation("linalg_lstsq")
def lstsq(A: ComplexTensor, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    check_matrix("torch.linalg.lstsq", A)
    if B.dtype is not A.dtype:
        raise RuntimeError("torch.linalg.lstsq: input and other should have the same dtype.")
    vector = A.ndim - 1 == B.ndim and B.shape == A.shape[:-1]
    columns = B.unsqueeze(-1) if vector else B
    if columns.shape[-2] != A.shape[-2]:
        raise RuntimeError("torch.linalg.lstsq: input.size(-2) should match other.size(-2)")
    m, n = A.shape[-2:]
    tolerance = finfo(A.dtype).eps * max(m, n) if rcond is None else rcond
    solution: Any = pinv(A, rtol=tolerance) @ columns
    rank = matrix_rank(A, rtol=tolerance)
    residuals = real.zeros(0, dtype=A.dtype.to_real())
    if m > n and (driver == "gels" or driver in ("gelsd", "gelss") and bool((rank == n).all())):
        residuals = (A @ solution - columns).abs().square().sum(-2)
    values = svdvals(A.detach()) if driver in ("gelss", "gelsd") else real.zeros(0, dtype=A.dtype.to_real())
    ranked = rank if driver != "gels" else real.zeros(0, dtype=int64)
    return return_types.linalg_lstsq((solution.squeeze(-1) if vector else solution, residuals, ranked, values))


# --- large matrices that are nearly of low rank -----------------------------------------------------------------------


def _range(A: Any, count: int, iterations: int) -> Any:
    """An orthonormal basis of nearly the range of ``A`` (Halko, Martinsson and Tropp, 2009, algorithm 4.4)."""
    probes = as_complex(real.randn(*A.shape[:-2], A.shape[-1], count, dtype=A.dtype.to_real()))
    basis = linalg_qr(A @ probes)[0]
    for _ in range(iterations):
        basis = linalg_qr(A.mH @ basis)[0]
        basis = linalg_qr(A @ basis)[0]
    return basis


@complex_operation()
def svd_lowrank(A: Any, q: int | None = 6, niter: int | None = 2, M: Any = None) -> tuple[Tensor, Tensor, Tensor]:
    x = A if M is None else A - M
    if x.ndim < 2:
        raise ValueError(f"svd_lowrank(): expected a matrix or a batch of matrices, but got {x.ndim} dimensions")
    if x.shape[-2] < x.shape[-1]:
        v, s, u = svd_lowrank(x.mH, q, niter)
        return u, s, v
    basis = _range(x, 6 if q is None else q, 2 if niter is None else niter)
    inner, s, vh = linalg_svd(basis.mH @ x, False)
    return basis @ inner, s, vh.mH


@complex_operation()
def pca_lowrank(A: Any, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    m, n = A.shape[-2:]
    count = min(6, m, n) if q is None else q
    if not 0 <= count <= min(m, n):
        raise ValueError(f"q(={count}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, count, niter)
