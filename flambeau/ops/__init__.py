"""Operations, one file a family; each operation is one contiguous block: its gradient, its function, its docstring."""

from . import (
    activation,
    arithmetic,
    comparison,
    convolution,
    creation,
    dropout,
    embedding,
    indexing,
    loss,
    matrix,
    normalization,
    pooling,
    random,
    reductions,
    softmax,
    unary,
    views,
)
from .operation import NAMESPACE

__all__ = [
    "NAMESPACE",
    "activation",
    "arithmetic",
    "comparison",
    "convolution",
    "creation",
    "dropout",
    "embedding",
    "indexing",
    "loss",
    "matrix",
    "normalization",
    "pooling",
    "random",
    "reductions",
    "softmax",
    "unary",
    "views",
]
