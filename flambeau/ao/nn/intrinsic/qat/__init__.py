"""Fused layers whose weights are rounded as quantizing would, to be trained so."""

from .modules import *  # noqa: F403
from .modules import __all__ as __all__
