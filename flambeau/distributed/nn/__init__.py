"""Collectives through which gradients go."""

# ruff: noqa: F403
from . import functional
from .functional import *

__all__ = functional.__all__
