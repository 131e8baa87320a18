"""Changing pictures: as functions (:mod:`functional`) and as objects that draw their parameters at random."""

from . import functional, transforms
from .transforms import *  # noqa: F403

__all__ = ["functional", *transforms.__all__]
