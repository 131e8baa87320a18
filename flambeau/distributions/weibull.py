"""The Weibull distribution."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from .exponential import Exponential
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """``scale`` times exponential numbers to the power of ``1 / concentration``."""

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.scale, self.concentration = broadcast_all(scale, concentration)
        base = Exponential(flambeau.ones_like(self.scale), validate_args=validate_args)
        super().__init__(base, self._of_parameters(), validate_args=validate_args)

    def _of_parameters(self) -> list[Any]:
        self.concentration_reciprocal = self.concentration.reciprocal()
        return [PowerTransform(exponent=self.concentration_reciprocal), AffineTransform(loc=0, scale=self.scale)]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Weibull, _instance)
        new.scale = self.scale.expand(batch_shape)
        new.concentration = self.concentration.expand(batch_shape)
        super(Weibull, new).__init__(self.base_dist.expand(batch_shape), new._of_parameters(), validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Tensor:
        return self.scale * (1 + self.concentration_reciprocal).lgamma().exp()

    @property
    def mode(self) -> Tensor:
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration.reciprocal()

    @property
    def variance(self) -> Tensor:
        a = self.concentration_reciprocal
        return self.scale.pow(2) * ((1 + 2 * a).lgamma().exp() - (2 * (1 + a).lgamma()).exp())

    def entropy(self) -> Tensor:
        a = self.concentration_reciprocal
        return euler_constant * (1 - a) + (self.scale * a).log() + 1
