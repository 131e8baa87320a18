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
