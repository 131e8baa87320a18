"""Layers that are trained for dynamic quantization."""

from .modules import Linear

__all__ = ["Linear"]
