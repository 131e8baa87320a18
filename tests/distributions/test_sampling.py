"""Samples: that they have the distribution they should (fixed seeds), and how they move with parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from distributions.families import FAMILIES, made
from scipy import stats

import flambeau

D = flambeau.distributions

CONTINUOUS = {
    "Beta": ("D.Beta(0.4, 2.5)", stats.beta(0.4, 2.5)),
    "Cauchy": ("D.Cauchy(0.3, 2.0)", stats.cauchy(0.3, 2.0)),
    "Chi2": ("D.Chi2(T.tensor(3.0))", stats.chi2(3.0)),
    "Exponential": ("D.Exponential(0.3)", stats.expon(scale=1 / 0.3)),
    "FisherSnedecor": ("D.FisherSnedecor(5.0, 7.0)", stats.f(5, 7)),
    "Gamma": ("D.Gamma(0.3, 2.0)", stats.gamma(0.3, scale=0.5)),
    "Gamma large": ("D.Gamma(250.0, 0.1)", stats.gamma(250.0, scale=10)),
    "GeneralizedPareto": ("D.GeneralizedPareto(1.0, 2.0, -0.3)", stats.genpareto(-0.3, loc=1, scale=2)),
    "Gumbel": ("D.Gumbel(0.5, 2.0)", stats.gumbel_r(0.5, 2.0)),
    "HalfCauchy": ("D.HalfCauchy(2.0)", stats.halfcauchy(scale=2.0)),
    "HalfNormal": ("D.HalfNormal(2.0)", stats.halfnorm(scale=2.0)),
    "InverseGamma": ("D.InverseGamma(1.5, 2.0)", stats.invgamma(1.5, scale=2.0)),
    "Laplace": ("D.Laplace(0.3, 2.0)", stats.laplace(0.3, 2.0)),
    "LogNormal": ("D.LogNormal(0.3, 0.5)", stats.lognorm(0.5, scale=math.exp(0.3))),
    "Normal": ("D.Normal(0.3, 2.0)", stats.norm(0.3, 2.0)),
    "Pareto": ("D.Pareto(2.0, 3.0)", stats.pareto(3.0, scale=2.0)),
    "StudentT": ("D.StudentT(3.0, 1.0, 2.0)", stats.t(3.0, 1.0, 2.0)),
    "Uniform": ("D.Uniform(-1.0, 3.0)", stats.uniform(-1, 4)),
    "VonMises": ("D.VonMises(0.7, 2.5)", stats.vonmises(2.5, loc=0.7)),
    "VonMises wide": ("D.VonMises(0.0, 1e-4)", stats.vonmises(1e-4)),
    "Weibull": ("D.Weibull(2.0, 1.7)", stats.weibull_min(1.7, scale=2.0)),
}
DISCRETE = {
    "Bernoulli": ("D.Bernoulli(0.3)", stats.bernoulli(0.3)),
    "Binomial": ("D.Binomial(12, T.tensor(0.3))", stats.binom(12, 0.3)),
    "Geometric": ("D.Geometric(0.3)", stats.geom(0.3, loc=-1)),
    "NegativeBinomial": ("D.NegativeBinomial(2.5, T.tensor(0.4))", stats.nbinom(2.5, 0.6)),
    "Poisson": ("D.Poisson(4.5)", stats.poisson(4.5)),
    "Poisson large": ("D.Poisson(900.0)", stats.poisson(900.0)),
}


def drawn(expression: str, count: int = 20_000) -> np.ndarray:
    flambeau.manual_seed(11)
    return eval(expression, {"D": D, "T": flambeau}).sample((count,)).double().numpy()


@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_samples(name: str) -> None:
    """By Kolmogorov's and Smirnov's test."""
    expression, known = CONTINUOUS[name]
    assert stats.kstest(drawn(expression), known.cdf).pvalue > 1e-3


def test_small_concentrations() -> None:
    """Most gamma numbers are too small for their dtype, and shares still add up to 1."""
    beta = drawn("D.Beta(0.01, 0.02)")
    assert ((beta > 0) & (beta < 1)).all()
    assert abs(np.mean(beta < 0.5) - stats.beta(0.01, 0.02).cdf(0.5)) < 0.012
    gamma = drawn("D.Gamma(0.01, 1.0)")
    assert (gamma > 0).all() and abs(np.mean(gamma < 1e-30) - stats.gamma(0.01).cdf(1e-30)) < 0.012
    shares = drawn("D.Dirichlet(T.full((4,), 1e-3))")
    np.testing.assert_allclose(shares.sum(-1), 1, rtol=1e-6)
    np.testing.assert_allclose(shares.mean(0), 0.25, atol=0.02)


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_samples(name: str) -> None:
    """By a chi-squared test over the values that are likely enough."""
    expression, known = DISCRETE[name]
    sample = drawn(expression)
    values = np.arange(int(known.ppf(1e-3)), int(known.ppf(1 - 1e-3)) + 1)
    values = values[known.pmf(values) * len(sample) > 5]
    counts = np.array([(sample == v).sum() for v in values])
    expected = known.pmf(values) * len(sample)
    rest, rest_expected = len(sample) - counts.sum(), len(sample) - expected.sum()
    squares = ((counts - expected) ** 2 / expected).sum() + (rest - rest_expected) ** 2 / max(rest_expected, 1)
    assert stats.chi2(len(values)).sf(squares) > 1e-3


MULTIVARIATE = [
    name for name in FAMILIES if name.startswith(("Dirichlet", "LogisticN", "LowRank", "Mixture", "Multi", "OneHot"))
]
MULTIVARIATE += [
    "Wishart",
    "LKJCholesky",
    "Categorical probs",
    "Kumaraswamy",
    "ContinuousBernoulli",
    "RelaxedBernoulli",
]


@pytest.mark.parametrize("name", MULTIVARIATE)
def test_moments(name: str) -> None:
    """Means and deviations of samples, as far as the distribution knows its own; else as PyTorch's samples have them."""
    ours, _ = made(FAMILIES[name], flambeau)
    theirs, _ = made(FAMILIES[name], torch)
    flambeau.manual_seed(3)
    torch.manual_seed(3)
    count = 20_000
    sample, other = ours.sample((count,)).double().numpy(), theirs.sample((count,)).double().numpy()
    try:
        mean, deviation = ours.mean.detach().numpy(), ours.stddev.detach().numpy()
    except NotImplementedError:
        mean, deviation = other.mean(0), other.std(0)
    if np.isnan(mean).any():
        mean, deviation = other.mean(0), other.std(0)
    np.testing.assert_allclose(
        sample.mean(0), np.broadcast_to(mean, sample.shape[1:]), atol=6 * deviation.max() / math.sqrt(count)
    )
    np.testing.assert_allclose(sample.std(0), np.broadcast_to(deviation, sample.shape[1:]), rtol=0.06, atol=1e-6)


def test_seeds() -> None:
    """The same samples for the same seed, whatever is looked at in between, and others after them."""
    for name in (
        "Beta",
        "Binomial",
        "Categorical probs",
        "Gamma",
        "Gumbel",
        "LKJCholesky",
        "Laplace",
        "Poisson",
        "VonMises",
        "Wishart",
    ):
        distribution, _ = made(FAMILIES[name], flambeau)
        samples = []
        for look in (False, True):
            flambeau.manual_seed(5)
            first = distribution.sample((2,))
            if look:
                first.tolist()
            samples.append((first.tolist(), distribution.sample((2,)).tolist()))
        assert repr(samples[0]) == repr(samples[1]), name
    assert D.Gamma(1.0, 1.0).sample((5,)).tolist() != D.Gamma(1.0, 1.0).sample((5,)).tolist()
    generator = flambeau.Generator().manual_seed(1)
    before = flambeau.get_rng_state().tolist()
    for function in (flambeau._standard_gamma, flambeau.poisson):
        assert function(flambeau.ones(3), generator).shape == (3,)
    assert flambeau.binomial(flambeau.ones(3), flambeau.ones(3), generator).tolist() == [1, 1, 1]
    assert flambeau.get_rng_state().tolist() == before


# --- how samples move with parameters --------------------------------------------------------------------------------------


def test_gamma_slopes() -> None:
    """Against differences of quantiles, and PyTorch's, which are right to about a thousandth."""
    for concentration in (0.05, 0.3, 1.0, 4.0, 60.0, 3000.0):
        chances = np.linspace(0.01, 0.99, 25)
        x = stats.gamma(concentration).ppf(chances)
        h = concentration * 1e-5
        expected = (stats.gamma(concentration + h).ppf(chances) - stats.gamma(concentration - h).ppf(chances)) / (2 * h)
        for package, tolerance in ((flambeau, 1e-5), (torch, 2e-3)):
            a = package.full((25,), concentration, dtype=package.float64)
            slopes = package._standard_gamma_grad(a, package.from_numpy(x)).numpy()
            np.testing.assert_allclose(
                slopes, expected, rtol=tolerance, atol=1e-300, err_msg=f"{package} {concentration}"
            )
    ends = flambeau._standard_gamma_grad(flambeau.tensor([0.1, 1.0, 1e-30]), flambeau.tensor([0.0, 1e-38, 1e-38]))
    assert ends.isfinite().all() and ends[0] == 0


def test_beta_slopes() -> None:
    """Of the first of two shares, likewise; PyTorch's are right to some hundredths."""
    for a, b in ((0.05, 0.3), (0.5, 0.5), (1.0, 3.0), (20.0, 2.0), (300.0, 500.0), (2.0, 4000.0)):
        chances = np.linspace(0.02, 0.98, 25)
        x = np.clip(stats.beta(a, b).ppf(chances), 1e-290, 1 - 1e-12)
        h = a * 1e-5
        expected = (stats.beta(a + h, b).ppf(chances) - stats.beta(a - h, b).ppf(chances)) / (2 * h)
        chosen = (x > 1e-200) & (x < 1 - 1e-9)
        for package, tolerance in ((flambeau, 1e-5), (torch, 5e-2)):
            numbers = [package.full((25,), v, dtype=package.float64) for v in (a, a + b)]
            slopes = package._dirichlet_grad(package.from_numpy(x), *numbers).numpy() * (1 - x)
            np.testing.assert_allclose(slopes[chosen], expected[chosen], rtol=tolerance, err_msg=f"{package} {a} {b}")


def test_dirichlet_backward() -> None:
    """As PyTorch's, on the same shares."""
    a = np.array([[0.5, 2.0, 3.0], [1.5, 0.3, 0.9]])
    grad = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 0.0]])
    x = np.array([[0.2, 0.3, 0.5], [0.7, 0.1, 0.2]])
    ours = D.dirichlet._Dirichlet_backward(*map(flambeau.from_numpy, (x, a, grad))).numpy()
    theirs = torch.distributions.dirichlet._Dirichlet_backward(*map(torch.from_numpy, (x, a, grad))).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=5e-3)


def slopes_of_means(make: Any, *values: float) -> list[float]:
    """The gradients of the mean of many samples."""
    flambeau.manual_seed(2)
    parameters = [flambeau.tensor(v, dtype=flambeau.float64, requires_grad=True) for v in values]
    sample = make(*parameters).rsample((40_000,))
    return [float(g) for g in flambeau.autograd.grad(sample.mean(), parameters)]


def test_slopes_of_means() -> None:
    """The mean of samples moves as the mean of the distribution does."""
    np.testing.assert_allclose(slopes_of_means(D.Gamma, 1.5, 2.0), [0.5, -1.5 / 4], rtol=0.03)
    np.testing.assert_allclose(slopes_of_means(D.Beta, 1.5, 2.0), [2 / 3.5**2, -1.5 / 3.5**2], rtol=0.03)
    np.testing.assert_allclose(slopes_of_means(D.Normal, 1.5, 2.0)[0], 1.0)
    np.testing.assert_allclose(slopes_of_means(D.Laplace, 1.5, 2.0)[0], 1.0)
    np.testing.assert_allclose(slopes_of_means(D.Uniform, 1.5, 2.0), [0.5, 0.5], rtol=0.03)
    np.testing.assert_allclose(slopes_of_means(lambda df: D.FisherSnedecor(3.0, df), 8.0), [-2 / 36], rtol=0.1)
    np.testing.assert_allclose(slopes_of_means(lambda df: D.Chi2(df), 3.0), [1.0], rtol=0.03)
    flambeau.manual_seed(2)
    concentration = flambeau.tensor([0.5, 1.0, 2.0], dtype=flambeau.float64, requires_grad=True)
    first = D.Dirichlet(concentration).rsample((40_000,))[:, 0].mean()
    (found,) = flambeau.autograd.grad(first, concentration)
    np.testing.assert_allclose(found.numpy(), [3 / 12.25, -0.5 / 12.25, -0.5 / 12.25], rtol=0.05)


def test_slopes_of_slopes_are_refused() -> None:
    a = flambeau.tensor([1.0, 2.0], requires_grad=True)
    (slope,) = flambeau.autograd.grad(D.Dirichlet(a).rsample()[0], a, create_graph=True)
    assert not slope.requires_grad
