"""Divergences of distributions of two families: the mean of log q over p is taken from p's moments.

An unbounded distribution diverges infinitely from one that is bounded where it is not.
"""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ...core.tensor import Tensor
from ..bernoulli import Bernoulli
from ..beta import Beta
from ..binomial import Binomial
from ..continuous_bernoulli import ContinuousBernoulli
from ..exponential import Exponential
from ..gamma import Gamma
from ..gumbel import Gumbel
from ..laplace import Laplace
from ..normal import Normal
from ..pareto import Pareto
from ..poisson import Poisson
from ..uniform import Uniform
from ..utils import euler_constant
from .registry import infinite_where, register_infinite, register_kl

_BOUNDED = Beta, ContinuousBernoulli, Pareto, Uniform
"""Supports that end, or begin above 0."""

register_infinite(Beta, "concentration1", Pareto)
register_infinite(ContinuousBernoulli, "probs", Pareto)
register_infinite(Exponential, "rate", *_BOUNDED)
register_infinite(Gamma, "concentration", *_BOUNDED)
register_infinite(Gumbel, "loc", *_BOUNDED, Exponential, Gamma)
register_infinite(Laplace, "loc", *_BOUNDED, Exponential, Gamma)
register_infinite(Normal, "loc", *_BOUNDED, Exponential, Gamma)
register_infinite(Pareto, "scale", Beta, ContinuousBernoulli, Uniform)
register_infinite(Poisson, "rate", Bernoulli, Binomial)


# --- q normal, exponential or gamma: functions of a few moments of p -----------------------------------------------------


def _minus_mean_log_normal(q: Any, mean: Tensor, variance: Tensor) -> Tensor:
    """The mean of -log q for a normal q."""
    return 0.5 * math.log(2 * math.pi) + q.scale.log() + (variance + (mean - q.loc).pow(2)) / (2 * q.scale.pow(2))


def _minus_mean_log_exponential(q: Any, mean: Tensor) -> Tensor:
    return q.rate * mean - q.rate.log()


def _minus_mean_log_gamma(q: Any, mean: Tensor, mean_log: Tensor) -> Tensor:
    a = q.concentration
    return a.lgamma() - a * q.rate.log() - (a - 1) * mean_log + q.rate * mean


def _normal_from_moments(p: Any, q: Any) -> Tensor:
    return _minus_mean_log_normal(q, p.mean, p.variance) - p.entropy()


def _exponential_from_moments(p: Any, q: Any) -> Tensor:
    return _minus_mean_log_exponential(q, p.mean) - p.entropy()


for _family in (Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Uniform):
    register_kl(_family, Normal)(_normal_from_moments)
for _family in (Beta, ContinuousBernoulli, Gamma):
    register_kl(_family, Exponential)(_exponential_from_moments)


def _with_moments(p: Any, number: int) -> Pareto:
    """A Pareto distribution, with a tail that has ``number`` moments where it has fewer: what is not used has no slope."""
    return Pareto(p.scale, flambeau.where(p.alpha <= number, number + 1.0, p.alpha), validate_args=False)


@register_kl(Pareto, Normal)
def _kl_pareto_normal(p: Any, q: Any) -> Tensor:
    return infinite_where(p.alpha <= 2, _normal_from_moments(_with_moments(p, 2), q))


@register_kl(Pareto, Exponential)
def _kl_pareto_exponential(p: Any, q: Any) -> Tensor:
    return infinite_where(p.alpha <= 1, _exponential_from_moments(_with_moments(p, 1), q))


@register_kl(Uniform, Exponential)
def _kl_uniform_exponential(p: Any, q: Any) -> Tensor:
    return infinite_where(p.low < q.support.lower_bound, _exponential_from_moments(p, q))


@register_kl(Beta, Gamma)
def _kl_beta_gamma(p: Any, q: Any) -> Tensor:
    mean_log = p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    return _minus_mean_log_gamma(q, p.mean, mean_log) - p.entropy()


@register_kl(Exponential, Gamma)
def _kl_exponential_gamma(p: Any, q: Any) -> Tensor:
    return _minus_mean_log_gamma(q, p.mean, -euler_constant - p.rate.log()) - p.entropy()


@register_kl(Pareto, Gamma)
def _kl_pareto_gamma(p: Any, q: Any) -> Tensor:
    finite = _with_moments(p, 1)
    mean_log = p.scale.log() + finite.alpha.reciprocal()
    return infinite_where(p.alpha <= 1, _minus_mean_log_gamma(q, finite.mean, mean_log) - finite.entropy())


def _mean_log_uniform(low: Tensor, high: Tensor) -> Tensor:
    """The mean of log x over an interval."""
    width = high - low
    return (flambeau.xlogy(high, high) - flambeau.xlogy(low, low)) / width - 1


@register_kl(Uniform, Gamma)
def _kl_uniform_gamma(p: Any, q: Any) -> Tensor:
    kl = _minus_mean_log_gamma(q, p.mean, _mean_log_uniform(p.low, p.high)) - p.entropy()
    return infinite_where(p.low < q.support.lower_bound, kl)


# --- q Gumbel: the mean of exp(-x / scale) over p ------------------------------------------------------------------------


def _minus_mean_log_gumbel(q: Any, mean: Tensor, mean_power: Tensor) -> Tensor:
    """``mean_power`` is the mean of exp(-(x - loc) / scale)."""
    return q.scale.log() + (mean - q.loc) / q.scale + mean_power


@register_kl(Exponential, Gumbel)
def _kl_exponential_gumbel(p: Any, q: Any) -> Tensor:
    product = p.rate * q.scale
    mean_power = (q.loc / q.scale).exp() * product / (product + 1)
    return _minus_mean_log_gumbel(q, p.mean, mean_power) - p.entropy()


@register_kl(Gamma, Gumbel)
def _kl_gamma_gumbel(p: Any, q: Any) -> Tensor:
    mean_power = (q.loc / q.scale).exp() * (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration)
    return _minus_mean_log_gumbel(q, p.mean, mean_power) - p.entropy()


@register_kl(Normal, Gumbel)
def _kl_normal_gumbel(p: Any, q: Any) -> Tensor:
    mean_power = ((q.loc - p.loc) / q.scale + 0.5 * (p.scale / q.scale).pow(2)).exp()
    return _minus_mean_log_gumbel(q, p.mean, mean_power) - p.entropy()


@register_kl(Uniform, Gumbel)
def _kl_uniform_gumbel(p: Any, q: Any) -> Tensor:
    low, high = (p.low - q.loc) / q.scale, (p.high - q.loc) / q.scale
    mean_power = ((-low).exp() - (-high).exp()) / (high - low)
    return _minus_mean_log_gumbel(q, p.mean, mean_power) - p.entropy()


# --- others --------------------------------------------------------------------------------------------------------------


@register_kl(Bernoulli, Poisson)
def _kl_bernoulli_poisson(p: Any, q: Any) -> Tensor:
    return q.rate - p.probs * q.rate.log() - p.entropy()


@register_kl(Normal, Laplace)
def _kl_normal_laplace(p: Any, q: Any) -> Tensor:
    """The mean distance of a normal number from a point is that of the folded normal distribution."""
    apart = p.loc - q.loc
    ratio = apart / p.scale
    distance = math.sqrt(2 / math.pi) * p.scale * (-0.5 * ratio.pow(2)).exp() + apart * (math.sqrt(0.5) * ratio).erf()
    return (2 * q.scale).log() + distance / q.scale - p.entropy()


def _minus_mean_log_continuous_bernoulli(q: Any, mean: Tensor) -> Tensor:
    return -mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


@register_kl(Beta, ContinuousBernoulli)
def _kl_beta_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    return _minus_mean_log_continuous_bernoulli(q, p.mean) - p.entropy()


@register_kl(Uniform, ContinuousBernoulli)
def _kl_uniform_continuous_bernoulli(p: Any, q: Any) -> Tensor:
    outside = (p.high >= q.support.upper_bound) | (p.low <= q.support.lower_bound)
    return infinite_where(outside, _minus_mean_log_continuous_bernoulli(q, p.mean) - p.entropy())


@register_kl(Beta, Uniform)
def _kl_beta_uniform(p: Any, q: Any) -> Tensor:
    outside = (q.low > p.support.lower_bound) | (q.high < p.support.upper_bound)
    return infinite_where(outside, (q.high - q.low).log() - p.entropy())


@register_kl(ContinuousBernoulli, Uniform)
def _kl_continuous_bernoulli_uniform(p: Any, q: Any) -> Tensor:
    outside = (q.low >= p.support.lower_bound) | (q.high <= p.support.upper_bound)
    return infinite_where(outside, (q.high - q.low).log() - p.entropy())


@register_kl(Uniform, Beta)
def _kl_uniform_beta(p: Any, q: Any) -> Tensor:
    a, b = q.concentration1, q.concentration0
    normaliser = a.lgamma() + b.lgamma() - (a + b).lgamma()
    mean_log, mean_log_rest = _mean_log_uniform(p.low, p.high), _mean_log_uniform(1 - p.high, 1 - p.low)
    kl = normaliser - (a - 1) * mean_log - (b - 1) * mean_log_rest - p.entropy()
    return infinite_where((p.high > q.support.upper_bound) | (p.low < q.support.lower_bound), kl)


@register_kl(Uniform, Pareto)
def _kl_uniform_pareto(p: Any, q: Any) -> Tensor:
    kl = (q.alpha + 1) * _mean_log_uniform(p.low, p.high) - (q.alpha * q.scale.pow(q.alpha)).log() - p.entropy()
    return infinite_where(p.low < q.support.lower_bound, kl)
