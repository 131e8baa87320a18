"""Fused layers that compute with quantized tensors."""

from .modules import *  # noqa: F403
from .modules import __all__ as __all__
