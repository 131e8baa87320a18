"""Kullback-Leibler divergences of all pairs that PyTorch knows, and how the function for a pair of classes is found."""

from __future__ import annotations

import itertools
import math
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from distributions.families import compare, gradients, made, outcome
from torch.distributions.kl import _KL_REGISTRY as THEIR_PAIRS

import flambeau
from flambeau.distributions.kl.registry import _KL_REGISTRY as OUR_PAIRS

#: Two distributions of each class that is registered, such that some of one lie outside another's support, and some inside.
OF_CLASS = {
    "Bernoulli": [
        "D.Bernoulli(p([0.2, 0.5, 0.0, 1.0]))",
        "D.Bernoulli(p([0.7, 0.0, 0.6, 0.3]))",
    ],
    "Beta": [
        "D.Beta(p([0.5, 2.0, 3.0, 1.0]), p([1.5, 0.7, 2.0, 4.0]))",
        "D.Beta(p([1.5, 1.0, 2.0, 5.0]), p([0.5, 2.0, 1.0, 1.0]))",
    ],
    "Binomial": [
        "D.Binomial(4, p([0.2, 0.5, 0.7, 0.9]))",
        "D.Binomial(T.tensor([4, 4, 3, 2]), p([0.6, 0.5, 0.1, 0.3]))",
    ],
    "Categorical": [
        "D.Categorical(p([[0.2, 0.8, 0.0], [0.3, 0.3, 0.4]]))",
        "D.Categorical(p([[0.5, 0.2, 0.3], [0.5, 0.5, 0.0]]))",
    ],
    "Cauchy": [
        "D.Cauchy(p([0.1, 2.0]), p([1.0, 0.5]))",
        "D.Cauchy(p([0.0, -1.0]), p([2.0, 0.7]))",
    ],
    "ContinuousBernoulli": [
        "D.ContinuousBernoulli(p([0.2, 0.5, 0.7, 0.9]))",
        "D.ContinuousBernoulli(p([0.6, 0.4, 0.4999, 0.1]))",
    ],
    "Dirichlet": [
        "D.Dirichlet(p([[0.5, 2.0, 3.0]]))",
        "D.Dirichlet(p([[1.5, 1.0, 0.3], [1.0, 1.0, 1.0]]))",
    ],
    "Exponential": [
        "D.Exponential(p([0.2, 0.5, 1.0, 3.0]))",
        "D.Exponential(p([1.0, 0.7, 0.1, 2.0]))",
    ],
    "Gamma": [
        "D.Gamma(p([0.5, 2.0, 3.0, 1.0]), p([1.5, 0.7, 2.0, 4.0]))",
        "D.Gamma(p([1.5, 1.0, 2.0, 5.0]), p([0.5, 2.0, 1.0, 1.0]))",
    ],
    "Geometric": [
        "D.Geometric(p([0.2, 0.5]))",
        "D.Geometric(p([0.7, 0.1]))",
    ],
    "Gumbel": [
        "D.Gumbel(p([0.1, 2.0, -1.0, 0.0]), p([1.0, 0.5, 2.0, 0.7]))",
        "D.Gumbel(p([0.0, -1.0, 2.0, 1.0]), p([2.0, 0.7, 1.0, 3.0]))",
    ],
    "HalfNormal": [
        "D.HalfNormal(p([0.5, 2.0]))",
        "D.HalfNormal(p([1.0, 0.3]))",
    ],
    "Independent": [
        "D.Independent(D.Normal(p([0.1, 2.0]), 1.0), 1)",
        "D.Independent(D.Normal(p([0.0, 1.0]), p([0.5, 3.0])), 1)",
    ],
    "Laplace": [
        "D.Laplace(p([0.1, 2.0, -1.0, 0.0]), p([1.0, 0.5, 2.0, 0.7]))",
        "D.Laplace(p([0.0, -1.0, 2.0, 1.0]), p([2.0, 0.7, 1.0, 3.0]))",
    ],
    "LowRankMultivariateNormal": [
        "D.LowRankMultivariateNormal(p([0.1, 2.0, 1.0]), p([[0.5], [1.0], [-1.0]]), p([1.0, 0.5, 2.0]))",
        "D.LowRankMultivariateNormal(p([[0.0, 1.0, 0.5], [1.0, 0.0, 2.0]]), p([[0.5, 0.1], [1.0, -1.0], [0.3, 0.2]]), "
        "p([0.5, 0.7, 1.0]))",
    ],
    "MultivariateNormal": [
        "D.MultivariateNormal(p([0.1, 2.0, 1.0]), p([[1.0, 0.2, 0.0], [0.2, 0.5, 0.1], [0.0, 0.1, 2.0]]))",
        "D.MultivariateNormal(p([[0.0, 1.0, 0.5], [1.0, 0.0, 2.0]]), p([[0.5, 0.1, 0.1], [0.1, 1.0, 0.0], [0.1, 0.0, 0.7]]))",
    ],
    "Normal": [
        "D.Normal(p([0.1, 2.0, -1.0, 0.0]), p([1.0, 0.5, 2.0, 0.7]))",
        "D.Normal(p([0.0, -1.0, 2.0, 1.0]), p([2.0, 0.7, 1.0, 3.0]))",
    ],
    "OneHotCategorical": [
        "D.OneHotCategorical(p([[0.2, 0.7, 0.1], [0.3, 0.3, 0.4]]))",
        "D.OneHotCategorical(logits=p([0.5, 0.2, 0.3]))",
    ],
    "Pareto": [
        "D.Pareto(p([1.0, 2.0, 0.3, 0.5]), p([0.9, 3.0, 0.7, 2.5]))",
        "D.Pareto(p([0.5, 1.0, 2.0, 0.5]), p([1.9, 0.7, 0.8, 3.0]))",
    ],
    "Poisson": [
        "D.Poisson(p([0.1, 2.0, 3.0, 7.0]))",
        "D.Poisson(p([1.0, 2.5, 0.3, 6.0]))",
    ],
    "TransformedDistribution": [
        "D.LogNormal(p([0.1, 2.0]), p([1.0, 0.5]))",
        "D.LogNormal(p([0.0, 1.0]), p([2.0, 0.7]))",
    ],
    "Uniform": [
        "D.Uniform(p([0.1, 0.2, -1.0, 0.5]), p([0.7, 0.5, 2.0, 3.0]))",
        "D.Uniform(p([0.0, -1.0, -2.0, 1.0]), p([2.0, 1.7, 4.0, 3.0]))",
    ],
}  # fmt: skip
#: For the rule that any exponential family has.
FURTHER = {
    "ExponentialFamily": [
        "D.Wishart(p([4.0]), p([[1.0, 0.3], [0.3, 0.5]]))",
        "D.Wishart(p([5.0]), p([[0.5, 0.1], [0.1, 0.7]]))",
    ]
}


def pairs_of_names(pairs: Any) -> set[tuple[str, str]]:
    return {(p.__name__, q.__name__) for p, q in pairs}


def test_the_same_pairs_are_known() -> None:
    assert pairs_of_names(OUR_PAIRS) == pairs_of_names(THEIR_PAIRS)
    assert "(Normal, Gumbel)" in (flambeau.distributions.kl_divergence.__doc__ or "")


@pytest.mark.parametrize("name", [*OF_CLASS, *FURTHER])
def test_divergences(name: str) -> None:
    """From each class to all that it can be compared with, both ways round."""
    known = OF_CLASS | FURTHER
    others = sorted({q for p, q in pairs_of_names(THEIR_PAIRS) if p == name})
    for other, (first, second) in itertools.product(others, ((0, 1), (1, 0))):
        answers = []
        for package in (flambeau, torch):
            p, of_p = made(known[name][first], package)
            q, of_q = made(known[other][second], package)
            kl = outcome(partial(package.distributions.kl_divergence, p, q))
            answers.append((kl, of_p + of_q))
        (ours, mine), (theirs, parameters) = answers
        if isinstance(theirs, tuple):
            assert ours[0] is theirs[0], (name, other)
            continue
        compare(ours, theirs, rtol=1e-8, atol=1e-9)
        for a, b in zip(gradients(flambeau, ours, mine), gradients(torch, theirs, parameters)):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-8, err_msg=f"{name} {other}")


def test_divergences_are_means() -> None:
    """Of differences of logarithms of densities over samples, where PyTorch's formula is infinite by mistake, too."""
    flambeau.manual_seed(0)
    D = flambeau.distributions
    normal, laplace = D.Normal(0.3, 1.2), D.Laplace(-0.2, 0.9)
    beta, gamma = D.Beta(2.0, 3.0), D.Gamma(1.5, 2.0)
    for p, q in (
        (normal, laplace),
        (beta, gamma),
        (gamma, normal),
        (beta, D.Uniform(-1.0, 2.0)),
        (gamma, D.Gumbel(0.0, 1.0)),
    ):
        x = p.sample((200_000,))
        difference = p.log_prob(x) - q.log_prob(x)
        assert abs(difference.mean() - D.kl_divergence(p, q)) < 5 * difference.std() / math.sqrt(len(x))


def hierarchy(package: Any) -> list[Any]:
    """A family of classes for which several functions fit, and what is found for pairs of them."""
    D = package.distributions

    class Base(D.Distribution):
        arg_constraints: dict[str, Any] = {}

    class Left(Base):
        pass

    class Right(Base):
        pass

    class Both(Left, Right):
        pass

    registry = package.distributions.kl
    for p, q in ((Base, Base), (Left, Base), (Base, Right), (Both, Both)):
        registry.register_kl(p, q)(lambda a, b, names=(p.__name__, q.__name__): names)
    found: list[Any] = []
    for p, q in itertools.product((Base, Left, Right, Both), repeat=2):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found.append(outcome(partial(D.kl_divergence, p(), q())))
        found.append([(w.category, str(w.message)) for w in said])
    found.append(outcome(partial(D.kl_divergence, D.Normal(0.0, 1.0), Left())))
    found.append(outcome(partial(D.kl_divergence, D.Gamma(1.0, 1.0), D.Poisson(1.0))))
    return found


def test_the_most_specific_function_is_found() -> None:
    assert hierarchy(flambeau) == hierarchy(torch)
    for package in (flambeau, torch):
        with pytest.raises(TypeError):
            package.distributions.register_kl(1, package.distributions.Normal)
