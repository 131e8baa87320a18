"""The Laplace distribution."""

from __future__ import annotations

from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from .distribution import SCALAR, Distribution, expandable
from .utils import broadcast_all

__all__ = ["Laplace"]


@expandable("loc", "scale")
class Laplace(Distribution):
    """The density falls exponentially to both sides of ``loc``, to its e-th part within ``scale``."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale.pow(2)

    @property
    def stddev(self) -> Tensor:
        return 2**0.5 * self.scale

    def rsample(self, sample_shape: Any = SCALAR) -> Tensor:
        d = self.loc.dtype
        noise = flambeau.empty(self._extended_shape(sample_shape), dtype=d).uniform_(flambeau.finfo(d).eps - 1, 1)
        return self.loc - self.scale * noise.sign() * (-noise.abs()).log1p()

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Any) -> Tensor:
        self._check_value(value)
        distance = value - self.loc
        return 0.5 - 0.5 * distance.sign() * (-distance.abs() / self.scale).expm1()

    def icdf(self, value: Any) -> Tensor:
        off_centre = value - 0.5
        return self.loc - self.scale * off_centre.sign() * (-2 * off_centre.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()
