"""Factorisations of complex matrices, which NumPy's LAPACK computes, with their gradients.

A gradient is a formula of the matrix, of what it was factorised to, and of the gradients of these. They are those of real
matrices (:mod:`..decompositions`, :mod:`..systems`), with conjugates where these have transposes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import return_types
from ...core.tensor import Tensor
from ...graph.trace import local
from ..by_name import real
from ..decompositions import _lu, _permutation
from ..host import SeveralResults, attach_results
from ..systems import _indefinite, _indefinite_minor
from .calls import complex_operation
from .failing import inv_ex, tried
from .making import from_array
from .parts import as_complex, made
from .products import inv, solve, solve_triangular
from .tensor import ComplexTensor

Slope = Callable[..., Any]


class _Factored(SeveralResults):
    """History of a factorisation. ``context`` (formula, whether the matrix is complex, and which results are)."""

    def backward(self, grad: Any) -> Tensor | None:
        slope, complex_matrix, kinds = self.context
        x = self.input(0)
        found = [ComplexTensor.of(self.output(k)) if kind else self.output(k) for k, kind in enumerate(kinds)]
        given = [grad.get(k) for k in range(len(kinds))]
        given = [ComplexTensor.of(g) if kind and g is not None else g for g, kind in zip(given, kinds)]
        result = as_complex(slope(ComplexTensor.of(x) if complex_matrix else x, found, given))
        return result.resolved() if complex_matrix else result.real


_OF_THREE = type("_OfThree", (_Factored,), {"__slots__": (), "outputs": 3})


def factored(function: Callable[..., Any], slope: Slope, A: Any) -> tuple[Any, ...]:
    """The two or three results of a NumPy function, as tensors with history."""
    is_complex = isinstance(A, ComplexTensor)
    values = A._values() if is_complex else A.detach().numpy()
    results = [from_array(np.asarray(part, order="C")) for part in function(values)]
    kinds = tuple([isinstance(part, ComplexTensor) for part in results])
    flat = [part._pair if kind else part for part, kind in zip(results, kinds)]
    operand = A.resolved() if is_complex else A
    attach_results(flat, _Factored if len(flat) == 2 else _OF_THREE, [operand], (slope, is_complex, kinds))
    return tuple(results)


def _gap(values: Any) -> Any:
    """Differences between values, those of columns less those of rows, with ones on the diagonal."""
    return values.unsqueeze(-2) - values.unsqueeze(-1) + real.eye(values.shape[-1], dtype=values.dtype.to_real())


def _spread(values: Any) -> Any:
    return values.diag_embed()


# --- Cholesky -------------------------------------------------------------------------------------------------------------


def _cholesky_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    lower, grad = found[0], given[0]
    middle = lower.mH @ grad
    middle = middle.tril() + middle.tril(-1).mH
    inner = solve_triangular(lower.mH, middle, upper=True)
    return solve_triangular(lower, inner, upper=False, left=False) * 0.5


def _cholesky(array: np.ndarray, upper: bool) -> tuple[np.ndarray, np.ndarray]:
    array = np.swapaxes(array, -1, -2).conj() if upper else array
    return np.linalg.cholesky(array), np.zeros(array.shape[:-2], np.int32)


@complex_operation("linalg_cholesky", "cholesky")
def cholesky(input: ComplexTensor, upper: bool = False) -> Tensor:
    try:
        lower = factored(lambda array: _cholesky(array, upper), _cholesky_slope, input)[0]
    except np.linalg.LinAlgError:
        raise _indefinite("linalg.cholesky", (input.mH if upper else input)._values()) from None
    return lower.mH if upper else lower  # type: ignore[no-any-return]


@complex_operation("linalg_cholesky_ex")
def cholesky_ex(input: ComplexTensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """(L, info): info is the order of the leading minor that is not positive-definite, or 0 if there is none."""
    found = tried(
        lambda a: cholesky(a, upper), lambda a: _indefinite_minor(a.T.conj() if upper else a), input, check_errors
    )
    return return_types.linalg_cholesky_ex(found)


@complex_operation()
def cholesky_solve(input: Any, input2: Any, upper: bool = False) -> Tensor:
    """One triangle counts; but as in PyTorch the gradient is that of a whole matrix."""
    plain = input2.detach()
    factor = (plain.triu() if upper else plain.tril()) + (input2 - plain)
    lower = factor.mH if upper else factor
    return solve(lower.mH, solve(lower, input))


@complex_operation()
def cholesky_inverse(input: ComplexTensor, upper: bool = False) -> Tensor:
    eye = real.eye(input.shape[-1], dtype=input.dtype.to_real()).expand(input.shape)
    return cholesky_solve(as_complex(eye), input, upper)


# --- QR -------------------------------------------------------------------------------------------------------------------


def _tall_slope(q: Any, r: Any, grad_q: Any, grad_r: Any) -> Any:
    middle = grad_r @ r.mH - q.mH @ grad_q
    strict = middle.triu(1)
    symmetric = strict + strict.mH + _spread(middle.diagonal(dim1=-2, dim2=-1).real)
    return solve_triangular(r.mH, grad_q + q @ symmetric, upper=False, left=False)


def _qr_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    q, r = found
    grad_q, grad_r = [x * 0.0 if g is None else g for x, g in zip(found, given)]
    m, n = A.shape[-2:]
    if m >= n:
        return _tall_slope(q, r, grad_q, grad_r)
    rest = grad_r[..., m:]
    square = _tall_slope(q, r[..., :m], grad_q + A[..., m:] @ rest.mH, grad_r[..., :m])
    return ComplexTensor.of(real.cat([square.resolved(), (q @ rest).resolved()], -2))


@complex_operation("linalg_qr")
def linalg_qr(A: ComplexTensor, mode: str = "reduced") -> Any:
    if mode == "r":
        return return_types.linalg_qr((A.new_zeros(0), from_array(np.linalg.qr(A._values(), "r"))))
    if mode == "complete" and A.requires_grad and A.shape[-2] > A.shape[-1]:
        raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    return return_types.linalg_qr(factored(lambda array: tuple(np.linalg.qr(array, mode)), _qr_slope, A))  # type: ignore[call-overload]


@complex_operation()
def qr(input: ComplexTensor, some: bool = True) -> Any:
    return return_types.qr(tuple(linalg_qr(input, "reduced" if some else "complete")))


# --- eigenvalues ------------------------------------------------------------------------------------------------------------


def _complex(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind == "c" else array.astype(np.result_type(array.dtype, np.complex64))


def _eigh_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    values, vectors = found
    inner: Any = 0.0
    if given[1] is not None:
        product = vectors.mH @ given[1]
        inner = (product - product.mH) * 0.5 / _gap(values)
    if given[0] is not None:
        inner = inner + _spread(given[0])
    return vectors @ (as_complex(inner) @ vectors.mH)


@complex_operation("linalg_eigh")
def eigh(A: ComplexTensor, UPLO: str = "L") -> Any:
    return return_types.linalg_eigh(factored(lambda array: tuple(np.linalg.eigh(array, UPLO)), _eigh_slope, A))  # type: ignore[call-overload]


@complex_operation("linalg_eigvalsh")
def eigvalsh(A: ComplexTensor, UPLO: str = "L") -> Tensor:
    return eigh(A, UPLO)[0]  # type: ignore[no-any-return]


def _eig_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    values, vectors = found
    if given[1] is None:
        return solve(vectors.mH, given[0].unsqueeze(-1) * vectors.mH)
    product = vectors.mH @ given[1]
    lengths = product.diagonal(dim1=-2, dim2=-1).real
    inner = (product - vectors.mH @ (vectors * lengths.unsqueeze(-2))) / _gap(values).conj()
    inner = inner - _spread(inner.diagonal(dim1=-2, dim2=-1))
    if given[0] is not None:
        inner = inner + _spread(given[0])
    return solve(vectors.mH, inner @ vectors.mH)


@complex_operation("linalg_eig")
def eig(A: Any) -> Any:
    """Eigenvalues and eigenvectors."""
    return return_types.linalg_eig(factored(lambda array: tuple(map(_complex, np.linalg.eig(array))), _eig_slope, A))


@complex_operation("linalg_eigvals")
def eigvals(A: Any) -> Tensor:
    """Eigenvalues."""
    return eig(A)[0]  # type: ignore[no-any-return]


# --- singular values --------------------------------------------------------------------------------------------------------


def _svd_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    s = found[1]
    k = s.shape[-1]
    u, v = found[0][..., :k], found[2][..., :k, :].mH
    grad_u, grad_s, grad_vh = given
    if grad_u is None and grad_vh is None:
        return (u * grad_s.unsqueeze(-2)) @ v.mH
    row, column = s.unsqueeze(-1), s.unsqueeze(-2)
    gap = _gap(s * s)
    middle: Any = 0.0
    if grad_u is not None:
        grad_u = grad_u[..., :k]
        product = u.mH @ grad_u
        product = product - product.mH
        middle = product / gap * column
        if grad_vh is not None:
            middle = middle + _spread(product.diagonal(dim1=-2, dim2=-1) / (s * 2.0))
    if grad_vh is not None:
        grad_vh = grad_vh[..., :k, :]
        product = v.mH @ grad_vh.mH
        middle = middle + row * ((product - product.mH) / gap)
    if grad_s is not None:
        middle = middle + _spread(grad_s)
    result = u @ (as_complex(middle) @ v.mH)
    if grad_u is not None and u.shape[-2] > k:
        scaled = grad_u / column
        result = result + (scaled - u @ (u.mH @ scaled)) @ v.mH
    if grad_vh is not None and v.shape[-2] > k:
        scaled = grad_vh / row
        result = result + u @ (scaled - (scaled @ v) @ v.mH)
    return result


@complex_operation("linalg_svd")
def linalg_svd(A: ComplexTensor, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    return return_types.linalg_svd(factored(lambda array: tuple(np.linalg.svd(array, full_matrices)), _svd_slope, A))


@complex_operation()
def svd(input: ComplexTensor, some: bool = True, compute_uv: bool = True) -> Any:
    u, s, vh = linalg_svd(input, not some)
    if not compute_uv:
        batch, (m, n) = input.shape[:-2], input.shape[-2:]
        return return_types.svd((input.new_zeros(*batch, m, m), s, input.new_zeros(*batch, n, n)))
    return return_types.svd((u, s, vh.mH))


@complex_operation("linalg_svdvals")
def svdvals(A: ComplexTensor, *, driver: str | None = None) -> Tensor:
    return linalg_svd(A, False)[1]  # type: ignore[no-any-return]


# --- determinants -------------------------------------------------------------------------------------------------------


def _determinant_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    sign, _, whole = found
    if given[0] is None and given[1] is None and not local.grad:
        return given[2].unsqueeze(-1).unsqueeze(-1) * from_array(_cofactors(A._values()))
    factor: Any = 0.0
    if given[0] is not None:
        turned = (given[0].conj() * sign).imag
        factor = factor + made(turned * 0.0, -turned)
    if given[1] is not None:
        factor = factor + given[1]
    if given[2] is not None:
        factor = factor + given[2] * whole.conj()
    inverse: Any = inv(A) if given[2] is not None else inv_ex(A)[0]
    return factor.unsqueeze(-1).unsqueeze(-1) * inverse.mH


def _cofactors(array: np.ndarray) -> np.ndarray:
    """The determinant's derivatives (conjugate), also of singular matrices: by singular values, as those of real matrices."""
    u, s, vh = np.linalg.svd(array)
    others = np.broadcast_to(s[..., None, :], (*s.shape, s.shape[-1])).copy()
    others[..., np.arange(s.shape[-1]), np.arange(s.shape[-1])] = 1
    sign = (np.linalg.det(u) * np.linalg.det(vh)).conj()
    return (u * others.prod(-1)[..., None, :] @ vh * sign[..., None, None]).astype(array.dtype)  # type: ignore[no-any-return]


def _determinants(array: np.ndarray) -> tuple[np.ndarray, ...]:
    sign, size = np.linalg.slogdet(array)
    return np.asarray(sign), np.asarray(size), np.asarray(np.linalg.det(array))


@complex_operation("linalg_slogdet", "slogdet")
def slogdet(A: ComplexTensor) -> Any:
    return return_types.linalg_slogdet(factored(_determinants, _determinant_slope, A)[:2])


@complex_operation("linalg_det", "det")
def det(A: ComplexTensor) -> Tensor:
    return factored(_determinants, _determinant_slope, A)[2]  # type: ignore[no-any-return]


@complex_operation()
def logdet(input: ComplexTensor) -> Tensor:
    return det(input).log()


# --- LU -----------------------------------------------------------------------------------------------------------------


def _lu_slope(A: Any, found: list[Any], given: list[Any]) -> Any:
    grad, (lu, pivots) = given[0], found
    m, n = lu.shape[-2:]
    k = min(m, n)
    order = lu_unpack(lu.detach(), pivots)[0]
    lower = lu[..., :k, :k].tril(-1) + real.eye(k, dtype=lu.dtype.to_real())
    upper, square = lu[..., :k, :k].triu(), grad[..., :k, :k]
    below, above = lower.mH @ square.tril(-1), square.triu() @ upper.mH
    if n > k:
        below = below - grad[..., k:] @ lu[..., k:].mH
    if m > k:
        above = above - lu[..., k:, :].mH @ grad[..., k:, :]
    middle = below.tril(-1) + above.triu()
    if m > k:
        left = solve_triangular(lower.mH, middle, upper=True, unitriangular=True)
        tall = ComplexTensor.of(real.cat([as_complex(left).resolved(), grad[..., k:, :].resolved()], -3))
        result = solve_triangular(upper.mH, tall, upper=False, left=False)
    else:
        whole: Any = solve_triangular(upper.mH, middle, upper=False, left=False)
        if n > k:
            whole = ComplexTensor.of(real.cat([whole.resolved(), grad[..., k:].resolved()], -2))
        result = solve_triangular(lower.mH, whole, upper=True, unitriangular=True)
    return order @ result


@complex_operation("linalg_lu_factor")
def lu_factor(A: ComplexTensor, *, pivot: bool = True) -> Any:
    factors, pivots = factored(lambda array: _lu(array, pivot), _lu_slope, A)
    return return_types.linalg_lu_factor((factors, pivots.detach()))


@complex_operation("linalg_lu_factor_ex")
def lu_factor_ex(A: ComplexTensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    lu, pivots = lu_factor(A, pivot=pivot)
    zero = lu.detach().diagonal(dim1=-2, dim2=-1) == 0
    info = (zero.any(-1) * (zero.int().argmax(-1) + 1)).int()
    return return_types.linalg_lu_factor_ex((lu, pivots, info))


@complex_operation()
def lu(A: ComplexTensor, pivot: bool = True, get_infos: bool = False) -> Any:
    return tuple(lu_factor_ex(A, pivot=pivot))[: 3 if get_infos else 2]


@complex_operation()
def lu_unpack(LU_data: ComplexTensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    m, n = LU_data.shape[-2:]
    k, d = min(m, n), LU_data.dtype.to_real()
    order = from_array(_permutation(LU_pivots.detach().numpy(), m)).to(d)
    order = as_complex(order) if unpack_pivots else LU_data.new_zeros(0)
    if not unpack_data:
        return return_types.lu_unpack((order, LU_data.new_zeros(0), LU_data.new_zeros(0)))
    lower = LU_data[..., :k].tril(-1) + real.eye(m, k, dtype=d)
    return return_types.lu_unpack((order, lower, LU_data[..., :k, :].triu()))


@complex_operation("linalg_lu")
def linalg_lu(A: ComplexTensor, *, pivot: bool = True) -> Any:
    return return_types.linalg_lu(tuple(lu_unpack(*lu_factor(A, pivot=pivot))))


@complex_operation("linalg_lu_solve")
def linalg_lu_solve(LU: Any, pivots: Tensor, B: Any, *, left: bool = True, adjoint: bool = False) -> Tensor:
    if not left:
        return linalg_lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    order, lower, upper = lu_unpack(LU, pivots)
    if adjoint:
        inner = solve_triangular(upper.mH, B, upper=False)
        return order @ solve_triangular(lower.mH, inner, upper=True, unitriangular=True)  # type: ignore[no-any-return]
    inner = solve_triangular(lower, order.mH @ B, upper=False, unitriangular=True)
    return solve_triangular(upper, inner, upper=True)


@complex_operation()
def lu_solve(input: Any, LU_data: Any, LU_pivots: Tensor) -> Tensor:
    return linalg_lu_solve(LU_data, LU_pivots, input)
