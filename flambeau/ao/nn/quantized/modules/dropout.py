"""Where PyTorch has these layers."""

from .elementwise import Dropout

__all__ = ["Dropout"]
