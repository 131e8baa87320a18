"""Similarities and distances between vectors."""

from __future__ import annotations

import flambeau

from ...core.tensor import Tensor
from ...graph.primitives import TYPE_NAMES
from ...ops.conversion import in_common_dtype
from ...ops.one_node import one_node
from ...ops.precision import rounded_once
from ...ops.products import pdist

__all__ = ["cosine_similarity", "pairwise_distance", "pdist"]


@rounded_once
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """``x1 · x2`` along ``dim`` over the product of their norms, each at least ``eps``."""
    if eps < 0:
        raise RuntimeError(f"eps must be non-negative, got: {eps}")
    x1, x2 = flambeau.broadcast_tensors(*in_common_dtype(x1, x2))
    if not x1.is_floating_point():
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {TYPE_NAMES[x1.dtype]}")
    # Dividing before the product keeps every intermediate value at most 1.
    first = x1 / x1.norm(2, dim, keepdim=True).clamp_min(eps)
    second = x2 / x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return (first * second).sum(dim)


@one_node("NormBackward1")
@rounded_once
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The ``p``-norm of ``x1 - x2 + eps`` over the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim=keepdim)
