"""Distances and similarities."""

from __future__ import annotations

from ...core.tensor import Tensor
from .. import functional as F
from ._layer import layer
from .module import Module


class PairwiseDistance(Module):
    """The ``p``-norm of differences over the last dimension."""

    __constants__ = ["norm", "eps", "keepdim"]

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


@layer(F.cosine_similarity, shows="")
class CosineSimilarity(Module):
    """The cosine of the angle between vectors along ``dim``."""

    dim: int = 1
    eps: float = 1e-8
