"""Layers that follow each other, as one: each is quantized as a whole."""

from .modules import *  # noqa: F403
from .modules import __all__ as __all__
