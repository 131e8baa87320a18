"""Where PyTorch has these layers."""

from .elementwise import BatchNorm2d, BatchNorm3d

__all__ = ["BatchNorm2d", "BatchNorm3d"]
