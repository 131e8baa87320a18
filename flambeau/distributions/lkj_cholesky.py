"""The LKJ distribution of correlation matrices."""

from __future__ import annotations

import math
from typing import Any

import flambeau

from ..core.tensor import Tensor
from ..graph.shapes import Size
from . import constraints
from .beta import Beta
from .distribution import SCALAR, Distribution, expandable
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


@expandable("concentration", "_beta", kept=("dim",))
class LKJCholesky(Distribution):
    """Lower triangular factors of correlation matrices (``dim``, ``dim``), whose densities are proportional to the determinant
    to the power of ``concentration - 1`` (Lewandowski, Kurowicka and Joe, 2009)."""

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        marginal = self.concentration + 0.5 * (dim - 2)
        offset = flambeau.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        offset = flambeau.cat([offset.new_zeros((1,)), offset])
        self._beta = Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)
        super().__init__(self.concentration.size(), Size((dim, dim)), validate_args)

    def sample(self, sample_shape: Any = SCALAR) -> Tensor:
        """By the onion method: row by row, a point of a sphere, of a squared radius that is beta distributed."""
        square = self._beta.sample(sample_shape).unsqueeze(-1)
        shape = self._extended_shape(sample_shape)
        direction = flambeau.randn(shape, dtype=square.dtype, device=square.device).tril(-1)
        length = direction.norm(dim=-1, keepdim=True)
        rows = square.sqrt() * flambeau.where(length > 0, direction / length, 0.0)  # the first has no direction
        tiny = flambeau.finfo(rows.dtype).tiny
        return rows + (1 - rows.pow(2).sum(-1)).clamp(min=tiny).sqrt().diag_embed()

    def log_prob(self, value: Any) -> Tensor:
        self._check_value(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = flambeau.arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        unnormalised = (order * diagonal.log()).sum(-1)
        rows = self.dim - 1
        alpha = self.concentration + 0.5 * rows
        normaliser = 0.5 * rows * math.log(math.pi) + flambeau.mvlgamma(alpha - 0.5, rows) - alpha.lgamma() * rows
        return unnormalised - normaliser
