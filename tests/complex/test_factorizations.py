"""Factorisations of complex matrices and what is composed of them, and their gradients, against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flambeau

_RANDOM = np.random.default_rng(5)
SQUARE = _RANDOM.normal(size=(2, 4, 4)) + 1j * _RANDOM.normal(size=(2, 4, 4))
TALL, WIDE = SQUARE[..., :2], SQUARE[..., :3, :]

CASES: dict[str, tuple[Any, Any]] = {
    "cholesky": (lambda t, a: t.linalg.cholesky(a @ a.mH), SQUARE),
    "upper cholesky": (lambda t, a: t.linalg.cholesky(a @ a.mH, upper=True), SQUARE),
    "cholesky_ex": (lambda t, a: t.linalg.cholesky_ex(a @ a.mH)[0], SQUARE),
    "cholesky_solve": (lambda t, a: t.cholesky_solve(a, a.tril()), SQUARE),
    "cholesky_inverse": (lambda t, a: t.cholesky_inverse(t.linalg.cholesky(a[0] @ a[0].mH)), SQUARE),
    "qr": (lambda t, a: [x.abs() for x in t.linalg.qr(a)], SQUARE),
    "tall qr": (lambda t, a: [t.linalg.qr(a)[0].abs(), t.linalg.qr(a)[1]], TALL),
    "wide qr": (lambda t, a: t.linalg.qr(a)[1], WIDE),
    "eigh": (lambda t, a: [t.linalg.eigh(a + a.mH)[0], t.linalg.eigh(a + a.mH)[1].abs()], SQUARE),
    "eig": (lambda t, a: t.linalg.eig(a)[1].abs().sum((-1, -2)) + t.linalg.eig(a)[0].abs().sum(-1), SQUARE),
    "eig of real numbers": (lambda t, a: t.linalg.eigvals(a.real).abs().sum(-1), SQUARE),
    "svd": (lambda t, a: [x.abs() for x in t.linalg.svd(a, full_matrices=False)], TALL),
    "svdvals": (lambda t, a: t.linalg.svdvals(a), WIDE),
    "slogdet": (lambda t, a: list(t.linalg.slogdet(a)), SQUARE),
    "det": (lambda t, a: t.linalg.det(a), SQUARE),
    "logdet": (lambda t, a: t.logdet(a[0]), SQUARE),
    "lu_factor": (lambda t, a: t.linalg.lu_factor(a)[0], SQUARE),
    "wide lu": (lambda t, a: list(t.linalg.lu(a))[1:], WIDE),
    "tall lu": (lambda t, a: list(t.linalg.lu(a))[1:], TALL),
    "lu_solve": (lambda t, a: t.linalg.lu_solve(*t.linalg.lu_factor(a), a.mT), SQUARE),
    "adjoint lu_solve": (lambda t, a: t.linalg.lu_solve(*t.linalg.lu_factor(a), a.mT, adjoint=True), SQUARE),
    "pinv": (lambda t, a: t.linalg.pinv(a), TALL),
    "pinv of low rank": (lambda t, a: t.linalg.pinv(a @ a.mH, rtol=t.tensor([1e-3, 1e-8], dtype=t.float64)), TALL),
    "pinv of a Hermitian triangle": (lambda t, a: t.linalg.pinv(a, hermitian=True), SQUARE),
    "lstsq": (lambda t, a: t.linalg.lstsq(a, a[..., :1].conj() + 1)[0], TALL),
    "lstsq of vectors": (lambda t, a: t.linalg.lstsq(a, a[..., 0], driver="gelsd")[0], WIDE),
    "householder_product": (lambda t, a: t.linalg.householder_product(a, a[:, 0] * 0.5), TALL),
    "ormqr": (lambda t, a: [t.ormqr(a, a[:, 0] * 0.5, a[:, :, :1]), t.ormqr(a, a[:, 0], a.mT, False, True)], TALL),
    "adjoint ormqr": (lambda t, a: [t.ormqr(a, a[:, 0], a, True, True), t.ormqr(a, a[:, 0], a.mH, left=False)], TALL),
    "triangular_solve": (lambda t, a: t.triangular_solve(a, a)[0], SQUARE),
    "tensorinv": (lambda t, a: t.linalg.tensorinv(a[0].reshape(2, 2, 4), 2), SQUARE),
    "tensorsolve": (lambda t, a: t.linalg.tensorsolve(a[0].reshape(4, 2, 2), a[1, 0]), SQUARE),
    "vander": (lambda t, a: t.linalg.vander(a[0], N=3), SQUARE),
    "nuclear norm": (lambda t, a: t.linalg.matrix_norm(a, "nuc", keepdim=True), WIDE),
    "old nuclear norm": (lambda t, a: [t.norm(a[0], "nuc"), t.norm(a, p="nuc", dim=(0, 2), keepdim=True)], SQUARE),
    "matrix norms": (lambda t, a: [t.linalg.matrix_norm(a, 1), t.linalg.norm(a[0], 2)], SQUARE),
    "cond": (lambda t, a: t.linalg.cond(a), SQUARE),
    "corrcoef": (lambda t, a: t.corrcoef(a[0]), SQUARE),
    "ldexp": (lambda t, a: t.ldexp(a, t.tensor(3)), SQUARE),
    "block_diag": (lambda t, a: t.block_diag(a[0], a[1, 0], a[1].real), SQUARE),
    "broadcast_tensors": (lambda t, a: list(t.broadcast_tensors(a, a[0, :1])), SQUARE),
    "cartesian_prod": (lambda t, a: t.cartesian_prod(a[0, 0], a[0, 1]), SQUARE),
    "put": (lambda t, a: t.put(a, t.tensor([3, 1]), a[0, 0, :2]), SQUARE),
    "converted": (lambda t, a: [a.cfloat().cdouble()], np.round(SQUARE)),
}  # fmt: skip


WITHOUT_SLOPES: dict[str, Any] = {
    "geqrf": lambda t, a: [*t.geqrf(a), *t.geqrf(a[..., :2]), *t.geqrf(a[..., :2, :])],
    "matrix_rank": lambda t, a: [
        t.linalg.matrix_rank(a), t.linalg.matrix_rank(a @ a.mH, hermitian=True), t.linalg.matrix_rank(a, atol=2.0),
        t.linalg.matrix_rank(a[..., :0]), t.linalg.matrix_rank(a[..., :2] @ a[..., :2].mH, rtol=1e-6),
    ],
    "ldl": lambda t, a: [*t.linalg.ldl_factor(a + a.mT), t.linalg.ldl_solve(*t.linalg.ldl_factor(a + a.mT), a)],
    "Hermitian ldl": lambda t, a: [
        *t.linalg.ldl_factor(_hermitian(a), hermitian=True),
        t.linalg.ldl_solve(*t.linalg.ldl_factor(_hermitian(a), hermitian=True), a, hermitian=True),
    ],
    "ldl_factor_ex": lambda t, a: [*t.linalg.ldl_factor_ex(a * 0, hermitian=True), *t.linalg.ldl_factor_ex(a)],
    "what lstsq gives besides": lambda t, a: [
        x for driver in ("gels", "gelsy", "gelsd", "gelss") for x in t.linalg.lstsq(a[..., :2], a, driver=driver)
    ],
}  # fmt: skip


def _hermitian(a: Any) -> Any:
    """A matrix with a small diagonal, so that rows are exchanged and blocks are of two."""
    return (a + a.mH).tril(-1) * 3 + (a + a.mH).triu(1) * 3 + 0.01 * (a * a.conj())


@pytest.mark.parametrize("name", WITHOUT_SLOPES)
def test_values(name: str) -> None:
    expected, actual = [WITHOUT_SLOPES[name](library, library.from_numpy(SQUARE.copy())) for library in (torch, flambeau)]
    for one, other in zip(actual, expected, strict=True):
        assert str(one.dtype) == str(other.dtype) and tuple(one.shape) == tuple(other.shape)
        np.testing.assert_allclose(one.numpy(), other.numpy(), 1e-8, 1e-8)


def test_low_rank() -> None:
    """What is random: the product of the factors is the matrix, if its rank is small enough."""
    a = flambeau.from_numpy(SQUARE[..., :2] @ SQUARE[..., :2, :])
    found = flambeau.svd_lowrank(a, 3), flambeau.svd_lowrank(a.mT, 3, M=a.mT * 0.5), flambeau.pca_lowrank(a, 2, center=False)
    for u, s, v in found:
        whole = (u * s.unsqueeze(-2)) @ v.mH
        assert whole.dtype is flambeau.complex128 and s.dtype is flambeau.float64
        matrix = a if whole.allclose(a, 1e-8, 1e-8) else a.mT * 0.5
        np.testing.assert_allclose(whole.numpy(), matrix.numpy(), 1e-8, 1e-8)
    for wrong in (lambda t, x: t.svd_lowrank(x[0, 0]), lambda t, x: t.pca_lowrank(x, 9)):
        for library in (torch, flambeau):
            with pytest.raises(ValueError):
                wrong(library, library.from_numpy(SQUARE.copy()))


def outcome(library: Any, name: str) -> list[np.ndarray]:
    """Results, and the gradient of their sum weighted by place."""
    function, array = CASES[name]
    x = library.from_numpy(array.copy()).requires_grad_()
    results = function(library, x)
    results = [results] if isinstance(results, library.Tensor) else list(results)
    weights = [(library.arange(y.numel()).double() / 3 - 1).reshape(y.shape).to(y.dtype) for y in results]
    (slope,) = library.autograd.grad(results, [x], weights)
    return [y.detach().resolve_conj().numpy() for y in (*results, slope)]


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str) -> None:
    for actual, expected in zip(outcome(flambeau, name), outcome(torch, name), strict=True):
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, rtol=1e-8, atol=1e-8)


def test_results_go_into_given_tensors() -> None:
    x = flambeau.from_numpy(SQUARE.copy())
    out = flambeau.empty(0, dtype=flambeau.complex128)
    assert flambeau.expand_copy(x[0, 0], (3, 4), out=out) is out
    np.testing.assert_array_equal(out.numpy(), np.broadcast_to(SQUARE[0, 0], (3, 4)))
