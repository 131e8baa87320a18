"""Layers that follow each other, as one."""

from .fused import *  # noqa: F403
from .fused import __all__ as __all__
