"""Fused layers that quantize what they are given."""

from .modules import LinearReLU

__all__ = ["LinearReLU"]
