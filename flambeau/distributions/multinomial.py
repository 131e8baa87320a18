"""The multinomial distribution."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..graph.shapes import Size
from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .distribution import SCALAR, Distribution, expandable, part_of
from .utils import broadcast_all

__all__ = ["Multinomial"]


@expandable("_categorical", kept=("total_count",))
class Multinomial(Distribution):
    """How often each of K outcomes comes in ``total_count`` trials."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    total_count: int

    probs = part_of("_categorical")
    logits = part_of("_categorical")
    param_shape = part_of("_categorical")
    _new = part_of("_categorical")

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = SCALAR) -> Tensor:
        sample_shape = Size(sample_shape)
        samples = self._categorical.sample((self.total_count,) + sample_shape).movedim(0, -1)
        counts = samples.new_zeros(self._extended_shape(sample_shape))
        counts.scatter_add_(-1, samples, flambeau.ones_like(samples))
        return counts.type_as(self.probs)

    def entropy(self) -> Tensor:
        """What the trials have, less what their order has: the mean of log(n! / (k₁! k₂! …))."""
        n = self.total_count
        binomial = Binomial(n, probs=self.probs)
        counts = binomial.enumerate_support(expand=False)[1:]
        chances = binomial.log_prob(counts).exp()
        return n * self._categorical.entropy() - math.lgamma(n + 1) + (chances * (counts + 1).lgamma()).sum([0, -1])

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        logits, value = broadcast_all(self.logits, value)
        never = (value == 0) & (logits == -math.inf)
        powers = (flambeau.where(never, 0.0, logits) * value).sum(-1)
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + powers
