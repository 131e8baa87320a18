"""The logistic normal distribution."""

from __future__ import annotations

from typing import Any

from . import constraints
from .distribution import expandable, part_of
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import StickBreakingTransform

__all__ = ["LogisticNormal"]


@expandable()
class LogisticNormal(TransformedDistribution):
    """Points of the simplex that vectors of normal numbers give by breaking a stick; they have one number more."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex
    has_rsample = True

    loc = part_of("base_dist.base_dist")
    scale = part_of("base_dist.base_dist")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)
