"""Decompositions of large matrices that are nearly of low rank."""

from __future__ import annotations

from ..core.tensor import Tensor
from .decompositions import linalg_qr, linalg_svd
from .matrix import matmul
from .operation import operation
from .random import randn


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

