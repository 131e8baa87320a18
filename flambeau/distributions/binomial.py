"""The binomial distribution."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from ._probabilities import ByProbsOrLogits, outcomes
from .distribution import SCALAR, Distribution, expandable

__all__ = ["Binomial"]


def _clamp_by_zero(x: Tensor) -> Tensor:
    """Negative numbers as zero; the slope there is 1/2."""
    return (x.clamp(min=0) + x - x.clamp(max=0)) / 2


@expandable("total_count", "probs", "logits", "_param")
class Binomial(ByProbsOrLogits, Distribution):
    """How often out of ``total_count`` times something happens whose probability is ``probs``."""

    arg_constraints = {
        "total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval, "logits": constraints.real,
    }  # fmt: skip
    has_enumerate_support = True

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        (count,) = self._take(probs, logits, total_count)
        self.total_count = count.type_as(self._param)
        super().__init__(self._param.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = SCALAR) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with flambeau.no_grad():
            return flambeau.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        n, logits = self.total_count, self.logits
        normaliser = n * _clamp_by_zero(logits) + n * (-logits.abs()).exp().log1p() - (n + 1).lgamma()
        return value * logits - (value + 1).lgamma() - (n - value + 1).lgamma() - normaliser

    def _one_count(self, asking: str) -> int:
        """The count of the whole batch. ``NotImplementedError`` if there are several."""
        count = int(self.total_count.max())
        if not self.total_count.min() == count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{asking}`.")
        return count

    def entropy(self) -> Tensor:
        self._one_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(log_prob.exp() * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return outcomes(self, 1 + self._one_count("enumerate_support"), self._param.dtype, expand)
