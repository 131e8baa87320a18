"""Points of Sobol' sequences: PyTorch's, in any portions."""

import copy
import pickle

import numpy as np
import pytest
import torch

import flambeau
from flambeau.quasirandom import SobolEngine


@pytest.mark.parametrize("dimension", [1, 7, 300])
def test_points_are_pytorchs(dimension):
    ours, theirs = (library.quasirandom.SobolEngine(dimension) for library in (flambeau, torch))
    for count in (5, 7, 0, 1):
        if count:
            np.testing.assert_array_equal(ours.draw(count).numpy(), theirs.draw(count).numpy())
        assert ours.draw(0).shape == (0, dimension)
        assert ours.fast_forward(3).num_generated == theirs.fast_forward(3).num_generated
    assert repr(ours) == repr(theirs)
    drawn = ours.reset().draw_base2(3, dtype=flambeau.float64)
    np.testing.assert_array_equal(drawn.numpy(), theirs.reset().draw_base2(3, dtype=torch.float64).numpy())
    assert flambeau.equal(ours.reset().draw(out=flambeau.ones(1, dimension)), flambeau.zeros(1, dimension))


def test_scrambled_points_follow_the_seed():
    first, again, other = (SobolEngine(3, scramble=True, seed=seed) for seed in (5, 5, 6))
    points = first.draw(64)
    assert flambeau.equal(points, again.draw(64)) and not flambeau.equal(points, other.draw(64))
    assert ((points >= 0) & (points < 1)).all() and abs(points.mean() - 0.5) < 0.02
    flambeau.manual_seed(0)
    unseeded = SobolEngine(3, scramble=True).draw(4)
    flambeau.manual_seed(0)
    assert flambeau.equal(unseeded, SobolEngine(3, scramble=True).draw(4))
    for same in (copy.deepcopy(first), pickle.loads(pickle.dumps(first))):
        following = same.draw(4)
        assert flambeau.equal(following, copy.deepcopy(first).draw(4))


def test_what_cannot_be_is_refused():
    for library in (torch, flambeau):
        engine = library.quasirandom.SobolEngine
        for dimension in (0, 21202):
            with pytest.raises(ValueError, match="Supported range of dimensionality"):
                engine(dimension)
        begun = engine(2)
        begun.draw(3)
        with pytest.raises(ValueError, match="3 points have been previously generated, then: n=3\\+2\\*\\*2=7"):
            begun.draw_base2(2)
        with pytest.raises(RuntimeError, match="negative dimension"):
            begun.draw(-1)
