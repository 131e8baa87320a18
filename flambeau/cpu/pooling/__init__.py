"""Pooling templates of the CPU backend; planes (batch and channels) are one dimension, and one-dimensional pooling has
planes of height one."""

from .adaptive_pool import (
    lower_adaptive_average_pool,
    lower_adaptive_average_pool_gradient,
    lower_adaptive_max_pool,
)
from .average_pool import lower_average_pool, lower_average_pool_gradient
from .max_pool import lower_max_pool, lower_max_pool_gradient

__all__ = [
    "lower_adaptive_average_pool",
    "lower_adaptive_average_pool_gradient",
    "lower_adaptive_max_pool",
    "lower_average_pool",
    "lower_average_pool_gradient",
    "lower_max_pool",
    "lower_max_pool_gradient",
]
