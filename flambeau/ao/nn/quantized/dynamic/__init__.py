"""Layers whose weights are quantized, and that quantize what they are given."""

from .modules import *  # noqa: F403
from .modules import __all__ as __all__
