"""One-hot vectors relaxed to the simplex, and their logarithms."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from .categorical import Categorical
from .distribution import SCALAR, Distribution, expandable, part_of
from .transformed_distribution import TransformedDistribution
from .transforms import ExpTransform
from .utils import broadcast_all, clamp_probs

__all__ = ["ExpRelaxedCategorical", "RelaxedOneHotCategorical"]


@expandable("_categorical", kept=("temperature",))
class ExpRelaxedCategorical(Distribution):
    """Logarithms of :class:`RelaxedOneHotCategorical`."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.real_vector  # in truth, vectors whose exponentials add up to 1
    has_rsample = True

    probs = part_of("_categorical")
    logits = part_of("_categorical")
    param_shape = part_of("_categorical")
    _new = part_of("_categorical")

    def __init__(
        self, temperature: Tensor, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._categorical = Categorical(probs, logits)
        self.temperature = temperature
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape: Any = SCALAR) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = clamp_probs(flambeau.rand(shape, dtype=self.logits.dtype, device=self.logits.device))
        scores = (self.logits - (-noise.log()).log()) / self.temperature
        return scores - scores.logsumexp(dim=-1, keepdim=True)

    def log_prob(self, value: Any) -> Tensor:
        k = self._categorical._num_events
        self._check_value(value)
        logits, value = broadcast_all(self.logits, value)
        log_scale = flambeau.full_like(self.temperature, float(k)).lgamma() + self.temperature.log() * (k - 1)
        score = logits - value * self.temperature
        return (score - score.logsumexp(dim=-1, keepdim=True)).sum(-1) + log_scale


@expandable()
class RelaxedOneHotCategorical(TransformedDistribution):
    """Points of the simplex, the nearer to its corners the lower the ``temperature`` (Maddison et al. 2017; Jang et al.
    2017)."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True

    temperature = part_of("base_dist")
    logits = part_of("base_dist")
    probs = part_of("base_dist")

    def __init__(
        self, temperature: Tensor, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        base = ExpRelaxedCategorical(temperature, probs, logits, validate_args=validate_args)
        super().__init__(base, ExpTransform(), validate_args=validate_args)
