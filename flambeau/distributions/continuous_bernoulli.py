"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..nn.functional import binary_cross_entropy_with_logits
from . import constraints
from ._probabilities import ByProbsOrLogits
from .distribution import SCALAR, expandable
from .exp_family import ExponentialFamily
from .utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs

__all__ = ["ContinuousBernoulli"]


@expandable("probs", "logits", "_param", kept=("_lims",))
class ContinuousBernoulli(ByProbsOrLogits, ExponentialFamily):
    """Densities proportional to ``probs ** x * (1 - probs) ** (1 - x)`` on the unit interval (Loaiza-Ganem and Cunningham,
    2019).

    Between the limits ``lims``, where the formulas would divide zero by zero, their Taylor series are taken.
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = self._param = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.shape, validate_args=validate_args)

    @lazy_property
    def probs(self) -> Any:
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _outside_unstable_region(self) -> Tensor:
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self) -> Tensor:
        """Probabilities, those in the middle moved out of it."""
        return flambeau.where(self._outside_unstable_region(), self.probs, self._lims[0])

    def _stable(self, formula: Tensor, series: Tensor) -> Tensor:
        return flambeau.where(self._outside_unstable_region(), formula, series)

    def _cont_bern_log_norm(self) -> Tensor:
        """The logarithm of the constant that normalises the density."""
        cut = self._cut_probs()
        below = flambeau.where(cut <= 0.5, cut, 0.0)
        above = flambeau.where(cut >= 0.5, cut, 1.0)
        width = flambeau.where(cut <= 0.5, (-2.0 * below).log1p(), (2.0 * above - 1.0).log())
        log_norm = ((-cut).log1p() - cut.log()).abs().log() - width
        x = (self.probs - 0.5).pow(2)
        return self._stable(log_norm, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self) -> Tensor:
        cut = self._cut_probs()
        mean = cut / (2.0 * cut - 1.0) + 1.0 / ((-cut).log1p() - cut.log())
        x = self.probs - 0.5
        return self._stable(mean, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def stddev(self) -> Tensor:
        return self.variance.sqrt()

    @property
    def variance(self) -> Tensor:
        cut = self._cut_probs()
        variance = cut * (cut - 1.0) / (1.0 - 2.0 * cut).pow(2) + 1.0 / ((-cut).log1p() - cut.log()).pow(2)
        x = (self.probs - 0.5).pow(2)
        return self._stable(variance, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def sample(self, sample_shape: Any = SCALAR) -> Tensor:
        with flambeau.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = SCALAR) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(flambeau.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Any) -> Tensor:
        self._check_value(value)
        cut = self._cut_probs()
        cdf = (cut.pow(value) * (1.0 - cut).pow(1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        inside = self._stable(cdf, value)
        return flambeau.where(value <= 0.0, 0.0, flambeau.where(value >= 1.0, 1.0, inside))

    def icdf(self, value: Any) -> Tensor:
        cut = self._cut_probs()
        failing = (-cut).log1p()
        icdf = ((-cut + value * (2.0 * cut - 1.0)).log1p() - failing) / (cut.log() - failing)
        return self._stable(icdf, value)

    def entropy(self) -> Tensor:
        failing = (-self.probs).log1p()
        return self.mean * (failing - self.probs.log()) - self._cont_bern_log_norm() - failing

    @property
    def _natural_params(self) -> tuple[Tensor]:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Tensor:
        low, high = self._lims[0] - 0.5, self._lims[1] - 0.5
        outside = (x <= low) | (x > high)
        cut = flambeau.where(outside, x, low)
        log_norm = cut.expm1().abs().log() - cut.abs().log()
        return flambeau.where(outside, log_norm, 0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0)
