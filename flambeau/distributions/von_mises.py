"""The von Mises distribution."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..ops.sampling import von_mises_numbers
from . import constraints
from .distribution import SCALAR, Distribution, expandable
from .utils import broadcast_all, lazy_property

__all__ = ["VonMises"]


@expandable("loc", "concentration")
class VonMises(Distribution):
    """Angles about ``loc``, with densities proportional to ``exp(concentration * cos(x - loc))``."""

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def log_prob(self, value: Any) -> Tensor:
        """By I₀(k) = exp(k) I₀e(k), in which nothing overflows."""
        self._check_value(value)
        k = self.concentration
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - flambeau.special.i0e(k).log()

    def sample(self, sample_shape: Any = SCALAR) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with flambeau.no_grad():
            return von_mises_numbers(self.loc.expand(shape), self.concentration.expand(shape))

    @property
    def mean(self) -> Tensor:
        """The direction of the mean."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @lazy_property
    def variance(self) -> Any:
        """1 less the mean of the cosine of the angle to ``loc`` (the circular variance)."""
        return 1 - flambeau.special.i1e(self.concentration) / flambeau.special.i0e(self.concentration)
