"""A few eigenvalues of a large matrix, beside all of them and beside PyTorch's gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from oracle import assert_same, error

import flambeau

RANDOM = np.random.default_rng(0)
HALF = RANDOM.normal(size=(2, 30, 30))
MATRICES = HALF @ HALF.swapaxes(-1, -2) + 5 * np.eye(30)
MASS = np.diag(RANDOM.uniform(0.5, 2, 30))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("kind", ["dense", "batched", "sparse", "generalised", "preconditioned", "started"])
def test_values_and_vectors(kind: str, largest: bool) -> None:
    flambeau.manual_seed(0)
    given = MATRICES if kind == "batched" else MATRICES[0]
    a, mass = flambeau.tensor(given), flambeau.tensor(MASS)
    options: dict[str, Any] = {"k": 3, "largest": largest, "niter": 300}
    if kind == "generalised":
        options["B"] = mass
    elif kind == "preconditioned":
        options["iK"] = flambeau.linalg.inv(a)
    elif kind == "started":
        options["X"] = flambeau.randn(30, 5, dtype=flambeau.float64)
    values, vectors = flambeau.lobpcg(a.to_sparse() if kind == "sparse" else a, **options)
    weight = MASS if kind == "generalised" else np.eye(30)
    root = np.linalg.inv(np.linalg.cholesky(weight))
    exact = np.linalg.eigvalsh(root @ given @ root.T)
    wanted = exact[..., ::-1][..., :3] if largest else exact[..., :3]
    np.testing.assert_allclose(values.numpy(), wanted, rtol=1e-9)
    found = vectors.numpy()
    np.testing.assert_allclose(given @ found, weight @ found * values.numpy()[..., None, :], atol=1e-4)
    lengths = found.swapaxes(-1, -2) @ weight @ found
    np.testing.assert_allclose(lengths, np.broadcast_to(np.eye(3), lengths.shape), atol=1e-9)


def test_gradients() -> None:
    def slopes(T: Any, all_of_them: bool) -> Any:
        a = T.tensor(MATRICES[0], requires_grad=True)
        if all_of_them:
            values, vectors = T.linalg.eigh(a)
            values, vectors = values[-2:].flip(0), vectors[:, -2:].flip(1)
        else:
            values, vectors = T.lobpcg(a, k=2, niter=1000, tol=1e-12)
        projection = vectors @ vectors.mT * T.arange(30.0, dtype=T.float64)
        (gradient,) = T.autograd.grad((values * T.tensor([1.0, 2.0])).sum() + projection.sum(), a)
        return gradient + gradient.mT

    flambeau.manual_seed(0)
    assert_same(slopes(flambeau, False), slopes(torch, True), 1e-6)


def test_what_trackers_see_and_mistakes() -> None:
    steps: list[int] = []
    flambeau.lobpcg(flambeau.tensor(MATRICES[0]), k=1, niter=4, tol=0.0, tracker=lambda state: steps.append(state.ivars["istep"]))
    assert steps == [0, 1, 2, 3, 4]
    for arguments in (([[1.0, 2.0]],), (np.eye(4).tolist(), 2)):
        cases = [error(T.lobpcg, T.tensor(arguments[0]), *arguments[1:]) for T in (flambeau, torch)]
        assert cases[0] == cases[1]
