"""The negative binomial distribution."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..nn.functional import logsigmoid
from . import constraints
from ._probabilities import ByProbsOrLogits
from .distribution import SCALAR, Distribution, expandable
from .gamma import Gamma
from .utils import lazy_property

__all__ = ["NegativeBinomial"]


@expandable("total_count", "probs", "logits", "_param")
class NegativeBinomial(ByProbsOrLogits, Distribution):
    """How many trials succeed, each with probability ``probs``, before ``total_count`` have failed (any positive number)."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }  # fmt: skip
    support = constraints.nonnegative_integer

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.type_as(self._param)
        super().__init__(self._param.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Tensor:
        return self.mean / (-self.logits).sigmoid()

    @lazy_property
    def _gamma(self) -> Any:
        return Gamma(concentration=self.total_count, rate=(-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape: Any = SCALAR) -> Tensor:
        """Poisson numbers, of rates that are gamma distributed."""
        with flambeau.no_grad():
            return flambeau.poisson(self._gamma.sample(sample_shape=sample_shape))

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        unnormalised = self.total_count * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        together = self.total_count + value
        normaliser = -together.lgamma() + (1.0 + value).lgamma() + self.total_count.lgamma()
        return unnormalised - normaliser.masked_fill(together == 0.0, 0.0)
