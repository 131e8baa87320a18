"""The generalised Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from .distribution import SCALAR, Distribution, expandable
from .utils import broadcast_all

__all__ = ["GeneralizedPareto"]


@expandable("loc", "scale", "concentration")
class GeneralizedPareto(Distribution):
    """What exceeds a high threshold ``loc``: a tail of width ``scale`` that is exponential for ``concentration`` 0, a power for
    positive ones, and ends for negative ones."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def _exponential(self) -> tuple[Tensor, Tensor]:
        """Where the tail is an exponential one, and the concentration, with ones there."""
        exponential = flambeau.isclose(self.concentration, flambeau.zeros_like(self.concentration))
        return exponential, flambeau.where(exponential, 1.0, self.concentration)

    def _z(self, x: Tensor) -> Tensor:
        return (x - self.loc) / self.scale

    def rsample(self, sample_shape: Any = SCALAR) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(flambeau.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        z = self._z(value)
        exponential, concentration = self._exponential()
        power = 1 / concentration + flambeau.ones_like(z)
        fall = flambeau.where(power == 0, power, power * (concentration * z).log1p())
        return -self.scale.log() - flambeau.where(exponential, z, fall)

    def log_survival_function(self, value: Any) -> Tensor:
        """The logarithm of the probability of what is above ``value``."""
        self._check_value(value)
        z = self._z(value)
        exponential, concentration = self._exponential()
        return flambeau.where(exponential, -z, -(concentration * z).log1p() / concentration)

    def log_cdf(self, value: Any) -> Tensor:
        """The logarithm of the distribution function."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Any) -> Tensor:
        return self.log_cdf(value).exp()

    def icdf(self, value: Any) -> Tensor:
        exponential, concentration = self._exponential()
        survival = (-value).log1p()
        power = self.loc + self.scale / concentration * (-concentration * survival).expm1()
        return flambeau.where(exponential, self.loc - self.scale * survival, power)

    @property
    def mean(self) -> Tensor:
        valid = self.concentration < 1
        concentration = flambeau.where(valid, self.concentration, 0.5)
        return flambeau.where(valid, self.loc + self.scale / (1 - concentration), math.nan)

    @property
    def variance(self) -> Tensor:
        valid = self.concentration < 0.5
        concentration = flambeau.where(valid, self.concentration, 0.25)
        variance = self.scale**2 / ((1 - concentration) ** 2 * (1 - 2 * concentration))
        return flambeau.where(valid, variance, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, flambeau.where(self.concentration < 0, end, math.inf))
