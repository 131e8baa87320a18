"""Operations, one file a family; each operation is one contiguous block: its gradient, its function, its docstring."""

from . import arithmetic, comparison, creation, indexing, matrix, random, reductions, unary, views
from .operation import NAMESPACE

__all__ = [
    "NAMESPACE",
    "arithmetic",
    "comparison",
    "creation",
    "indexing",
    "matrix",
    "random",
    "reductions",
    "unary",
    "views",
]
