"""Student's t distribution."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from . import constraints
from .chi2 import Chi2
from .distribution import SCALAR, Distribution, expandable
from .utils import _standard_normal, broadcast_all

__all__ = ["StudentT"]


@expandable("df", "loc", "scale", "_chi2")
class StudentT(Distribution):
    """Normal numbers about ``loc`` divided by deviations estimated with ``df`` degrees of freedom, times ``scale``."""

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return flambeau.where(self.df <= 1, math.nan, self.loc)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        finite = self.df > 2
        df = flambeau.where(finite, self.df, 3.0)
        variance = flambeau.where(finite, self.scale.pow(2) * df / (df - 2), math.inf)
        return flambeau.where(self.df <= 1, math.nan, variance)

    def rsample(self, sample_shape: Any = SCALAR) -> Tensor:
        noise = _standard_normal(self._extended_shape(sample_shape), self.df.dtype, self.df.device)
        return self.loc + self.scale * (noise * (self._chi2.rsample(sample_shape) / self.df).rsqrt())

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        y = (value - self.loc) / self.scale
        normaliser = (
            self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi)
            + (0.5 * self.df).lgamma() - (0.5 * (self.df + 1.0)).lgamma()
        )  # fmt: skip
        return -0.5 * (self.df + 1.0) * (y**2.0 / self.df).log1p() - normaliser

    def entropy(self) -> Tensor:
        half, further = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = half.lgamma() + math.lgamma(0.5) - further.lgamma()
        return self.scale.log() + further * (further.digamma() - half.digamma()) + 0.5 * self.df.log() + log_beta
