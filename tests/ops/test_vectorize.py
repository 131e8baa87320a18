"""``vmap`` and random low-rank decompositions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import flambeau

NUMBERS = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x: m.vmap(m.dot)(x[0], x[1]),
        lambda m, x: m.vmap(lambda a, w: (a @ w, a.sum()), in_dims=(0, None))(x, m.ones(5, 2)),
        lambda m, x: m.vmap(lambda a: a * 2, in_dims=1, out_dims=2)(x),
        lambda m, x: m.vmap(m.vmap(lambda a: a.exp().sum()))(x),
        lambda m, x: m.vmap(lambda pair: pair[0] * pair[1]["b"], in_dims=((0, {"b": None}),))((x, {"b": x[0]})),
        lambda m, x: m.vmap(lambda a, scale: a * scale)(x, scale=x[0, 0, 0]),
    ],
)
def test_vmap(call: Callable[[Any, Any], Any]) -> None:
    actual, expected = call(flambeau, flambeau.tensor(NUMBERS)), call(torch, torch.tensor(NUMBERS))
    if not isinstance(expected, tuple):
        actual, expected = (actual,), (expected,)
    for a, b in zip(actual, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_vmap_has_gradients() -> None:
    x = flambeau.tensor(NUMBERS, requires_grad=True)
    flambeau.vmap(lambda a: (a * a).sum())(x).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 2 * NUMBERS, rtol=1e-6)


def test_vmap_errors() -> None:
    with pytest.raises(ValueError, match="same size in the mapped dimension"):
        flambeau.vmap(lambda a, b: a + b)(flambeau.ones(2), flambeau.ones(3))
    with pytest.raises(ValueError, match="must only return Tensors"):
        flambeau.vmap(lambda a: 1)(flambeau.ones(2))


def test_low_rank() -> None:
    a = flambeau.randn(40, 3) @ flambeau.randn(3, 25)
    for matrix in (a, a.T, flambeau.stack([a, 2 * a])):
        u, s, v = flambeau.svd_lowrank(matrix, q=4)
        assert u.shape[-1] == v.shape[-1] == s.shape[-1] == 4
        np.testing.assert_allclose(((u * s.unsqueeze(-2)) @ v.mT).numpy(), matrix.numpy(), atol=2e-4)
        np.testing.assert_allclose(s[..., :3].numpy(), flambeau.linalg.svdvals(matrix)[..., :3].numpy(), rtol=1e-4)
    centred = a - a.mean(0, keepdim=True)
    u, s, v = flambeau.pca_lowrank(a, q=3)
    np.testing.assert_allclose(((u * s) @ v.T).numpy(), centred.numpy(), atol=2e-4)


@pytest.mark.parametrize("given", [1.5, None, [1.5]])
def test_what_has_no_axes_is_refused(given: object) -> None:
    for library in (torch, flambeau):
        with pytest.raises(ValueError, match="vmap"):
            library.vmap(library.sin)(given)
