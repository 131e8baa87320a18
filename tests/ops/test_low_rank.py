"""Random low-rank decompositions."""

from __future__ import annotations

import numpy as np

import flambeau


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
