"""Distributions of every family, as expressions that both packages understand: ``p`` makes a parameter of its numbers."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

FAMILIES = {
    "Bernoulli probs": "D.Bernoulli(p([0.3, 0.5, 0.9]))",
    "Bernoulli logits": "D.Bernoulli(logits=p([-0.3, 0.0, 4.0]))",
    "Beta": "D.Beta(p([0.4, 2.0, 30.0]), p([0.7, 3.5, 2.0]))",
    "Binomial": "D.Binomial(5, p([0.2, 0.5, 0.9]))",
    "Binomial counts": "D.Binomial(T.tensor([3, 0, 8]), logits=p([0.2, -0.5, 0.9]))",
    "Categorical probs": "D.Categorical(p([[0.2, 0.3, 0.1], [0.5, 0.1, 0.6]]))",
    "Categorical logits": "D.Categorical(logits=p([[0.2, -0.3, 0.1], [5.0, 0.1, -0.6]]))",
    "Categorical impossible": "D.Categorical(p([0.5, 0.5, 0.0]))",
    "Cauchy": "D.Cauchy(p([0.3, -1.0]), p([0.7, 2.5]))",
    "Chi2": "D.Chi2(p([0.7, 1.0, 6.0]))",
    "ContinuousBernoulli": "D.ContinuousBernoulli(p([0.2, 0.4995, 0.5, 0.9]))",
    "ContinuousBernoulli logits": "D.ContinuousBernoulli(logits=p([0.2, -3.0, 0.001]))",
    "Dirichlet": "D.Dirichlet(p([[0.5, 2.0, 3.0], [0.1, 0.9, 0.4]]))",
    "Exponential": "D.Exponential(p([0.3, 2.0]))",
    "FisherSnedecor": "D.FisherSnedecor(p([1.0, 5.0, 7.0]), p([1.5, 3.0, 9.0]))",
    "Gamma": "D.Gamma(p([0.3, 1.0, 40.0]), p([0.7, 2.0, 1.5]))",
    "GeneralizedPareto": "D.GeneralizedPareto(p([0.1, 1.0, -1.0]), p([0.7, 2.0, 1.0]), p([0.3, -0.4, 0.0]))",
    "Geometric probs": "D.Geometric(p([0.2, 0.7]))",
    "Geometric sure": "D.Geometric(p([1.0]))",
    "Geometric logits": "D.Geometric(logits=p([0.2, -0.7]))",
    "Gumbel": "D.Gumbel(p([0.3, -2.0]), p([0.7, 3.0]))",
    "HalfCauchy": "D.HalfCauchy(p([0.3, 2.0]))",
    "HalfNormal": "D.HalfNormal(p([0.3, 2.0]))",
    "Independent": "D.Independent(D.Normal(p([[0.3, -1.0], [0.0, 2.0]]), p([0.5, 1.5])), 1)",
    "Independent 0": "D.Independent(D.Bernoulli(p([0.3, 0.7])), 0)",
    "InverseGamma": "D.InverseGamma(p([0.7, 1.5, 4.0]), p([0.5, 1.0, 2.0]))",
    "Kumaraswamy": "D.Kumaraswamy(p([0.7, 1.5, 4.0]), p([0.5, 3.0, 2.0]))",
    "LKJCholesky": "D.LKJCholesky(3, p([0.5, 1.0, 4.0]))",
    "Laplace": "D.Laplace(p([0.3, -1.0]), p([0.7, 2.5]))",
    "LogNormal": "D.LogNormal(p([0.3, -1.0]), p([0.7, 0.2]))",
    "LogisticNormal": "D.LogisticNormal(p([[0.3, -1.0], [0.0, 2.0]]), p([0.7, 1.2]))",
    "LowRankMultivariateNormal": "D.LowRankMultivariateNormal(p([[0.3, -1.0, 2.0], [0.1, 0.2, 0.3]]), "
    "p([[0.5, 0.1], [1.0, -1.0], [0.2, 0.7]]), p([0.5, 1.0, 0.2]))",
    "MixtureSameFamily": "D.MixtureSameFamily(D.Categorical(p([[0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])), "
    "D.Normal(p([[0.0, 1.0, -2.0], [3.0, 1.0, 0.0]]), p([0.5, 0.2, 1.0])))",
    "MixtureSameFamily events": "D.MixtureSameFamily(D.Categorical(logits=p([[0.2, 0.5], [1.0, -1.0]])), "
    "D.Independent(D.Normal(p([[[0.0, 1.0], [2.0, -2.0]], [[3.0, 1.0], [0.0, 0.1]]]), p([0.5, 0.2])), 1))",
    "Multinomial": "D.Multinomial(4, p([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]))",
    "Multinomial logits": "D.Multinomial(3, logits=p([0.2, -0.3, 0.5]))",
    "MultivariateNormal covariance": "D.MultivariateNormal(p([[0.3, -1.0], [0.0, 2.0]]), p([[1.0, 0.3], [0.3, 0.5]]))",
    "MultivariateNormal precision": "D.MultivariateNormal(p([0.3, -1.0]), precision_matrix="
    "p([[[1.0, 0.3], [0.3, 0.5]], [[2.0, 0.0], [0.0, 1.0]]]))",
    "MultivariateNormal tril": "D.MultivariateNormal(p([0.3, -1.0]), scale_tril=p([[1.0, 0.0], [0.3, 0.5]]))",
    "NegativeBinomial": "D.NegativeBinomial(p([0.5, 3.0, 7.5]), p([0.2, 0.5, 0.7]))",
    "NegativeBinomial logits": "D.NegativeBinomial(4, logits=p([0.2, -0.5, 0.7]))",
    "Normal": "D.Normal(p([0.3, -1.0]), p([0.7, 2.5]))",
    "Normal numbers": "D.Normal(0.5, 2)",
    "OneHotCategorical": "D.OneHotCategorical(p([[0.2, 0.3, 0.1], [0.5, 0.1, 0.6]]))",
    "OneHotCategoricalStraightThrough": "D.OneHotCategoricalStraightThrough(logits=p([[0.2, 0.3, 0.1], [0.5, 0.1, 0.6]]))",
    "Pareto": "D.Pareto(p([0.3, 2.0]), p([0.7, 3.0]))",
    "Poisson": "D.Poisson(p([0.3, 2.0, 45.0]))",
    "RelaxedBernoulli": "D.RelaxedBernoulli(p([0.7]), p([0.2, 0.6]))",
    "LogitRelaxedBernoulli": "D.relaxed_bernoulli.LogitRelaxedBernoulli(p([0.7]), logits=p([0.2, -0.6]))",
    "RelaxedOneHotCategorical": "D.RelaxedOneHotCategorical(p([0.7]), p([[0.2, 0.3, 0.1], [0.5, 0.1, 0.6]]))",
    "ExpRelaxedCategorical": "D.relaxed_categorical.ExpRelaxedCategorical(p([0.7]), logits=p([0.2, 0.3, 0.1]))",
    "StudentT": "D.StudentT(p([0.7, 1.5, 3.0]), p([0.1, -1.0, 2.0]), p([1.0, 0.5, 2.0]))",
    "TransformedDistribution": "D.TransformedDistribution(D.Normal(p([0.3, -1.0]), p([0.7, 0.5])), "
    "[D.TanhTransform(), D.AffineTransform(p([1.0, 2.0]), p([-3.0, 0.5]))])",
    "TransformedDistribution events": "D.TransformedDistribution(D.Normal(p([[0.3, -1.0, 2.0], [0.1, 0.2, 0.0]]), 1.0), "
    "[D.AffineTransform(p(1.0), 2.0), D.StickBreakingTransform()])",
    "Uniform": "D.Uniform(p([0.3, -1.0]), p([0.7, 2.5]))",
    "VonMises": "D.VonMises(p([0.3, -1.0, 2.0]), p([0.1, 2.5, 60.0]))",
    "Weibull": "D.Weibull(p([0.3, 2.0]), p([0.7, 3.0]))",
    "Wishart": "D.Wishart(p([4.0, 5.5]), p([[1.0, 0.3], [0.3, 0.5]]))",
    "Wishart tril": "D.Wishart(p([3.5, 2.5]), scale_tril=p([[[1.0, 0.0], [0.3, 0.5]], [[2.0, 0.0], [-0.3, 0.7]]]).tril())",
}


def made(expression: str, package: ModuleType, double: bool = True, tracked: bool = True) -> tuple[Any, list[Any]]:
    """What an expression gives in a package, and its parameters, which require gradients (if ``tracked``)."""
    parameters: list[Any] = []

    def parameter(values: Any) -> Any:
        dtype = package.float64 if double else package.float32
        parameters.append(package.tensor(values, dtype=dtype, requires_grad=tracked))
        return parameters[-1]

    known = {"D": package.distributions, "T": package, "p": parameter}
    return eval(expression, known), parameters


def outcome(function: Callable[[], Any]) -> Any:
    """The result of a call, or the class of the error that it raises and what that says."""
    try:
        return function()
    except (NotImplementedError, ValueError, RuntimeError, AttributeError) as error:
        return type(error), " ".join(str(error).replace("flambeau", "torch").split())


def compare(ours: Any, theirs: Any, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    """Two tensors, or numbers, alike in shape, dtype and values."""
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=rtol, atol=atol)


def gradients(package: ModuleType, value: Any, parameters: list[Any]) -> list[Any]:
    """Those of a weighted sum of the finite elements of a value, as arrays; zeros for parameters that it does not depend on."""
    if not value.requires_grad or not parameters:
        return [np.zeros(tuple(q.shape)) for q in parameters]
    weights = package.arange(1, value.numel() + 1, dtype=value.dtype).reshape(value.shape)
    finite = value.isfinite()
    total = (value[finite] * weights[finite]).sum()
    found = package.autograd.grad(total, parameters, allow_unused=True, retain_graph=True)
    return [np.zeros(tuple(q.shape)) if g is None else g.numpy() for g, q in zip(found, parameters)]
