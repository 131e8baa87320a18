"""Distributions of the sizes of numbers that are distributed symmetrically about zero."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from .distribution import part_of
from .transformed_distribution import TransformedDistribution


class Half(TransformedDistribution):
    """The absolute values of a distribution symmetric about zero: ``base_dist``, transformed."""

    scale = part_of("base_dist")

    @property
    def mode(self) -> Tensor:
        return flambeau.zeros_like(self.scale)

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        value = flambeau.as_tensor(value, dtype=self.scale.dtype, device=self.scale.device)
        return flambeau.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value: Any) -> Tensor:
        self._check_value(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, prob: Any) -> Tensor:
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self) -> Tensor:
        return self.base_dist.entropy() - math.log(2)
