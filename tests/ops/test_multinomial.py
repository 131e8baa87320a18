"""Drawing from given probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import flambeau


def test_what_is_drawn_follows_the_weights() -> None:
    """And nothing that cannot be is drawn: one at a time, many with replacement, and without."""
    flambeau.manual_seed(3)
    weights = flambeau.tensor([0.0, 1.0, 2.0, 0.0, 3.0, 4.0, 0.0])
    rows = weights.expand(30_000, 7)
    for d in (flambeau.float32, flambeau.float64, flambeau.float16):
        one, many = flambeau.multinomial(rows.to(d), 1), flambeau.multinomial(weights.to(d), 30_000, True)
        for drawn in (one, many):
            shares = np.bincount(drawn.numpy().ravel(), minlength=7) / 30_000
            np.testing.assert_allclose(shares, weights.numpy() / 10, 0, 0.015)
            assert not shares[[0, 3, 6]].any()
    first, *_, last = flambeau.multinomial(rows, 4).sort(1)[0].unbind(1)
    assert bool((first == 1).all()) and bool((last == 5).all())
    assert flambeau.multinomial(flambeau.rand(0, 9), 5, True).shape == (0, 5)
    assert flambeau.searchsorted(flambeau.rand(2, 0), flambeau.rand(2, 3)).tolist() == [[0] * 3] * 2


def test_weights_are_looked_at_when_numbers_are_drawn() -> None:
    for wrong in ([1.0, float("nan")], [1.0, float("inf")], [1.0, -0.5], [0.0, 0.0]):
        for count, replacement in ((1, False), (2, False), (5, True)):
            for T in (flambeau, torch):
                with pytest.raises(RuntimeError, match="probabilit"):
                    int(T.multinomial(T.tensor(wrong), count, replacement)[0])
