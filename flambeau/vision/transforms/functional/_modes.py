"""Ways to interpolate between pixels."""

from __future__ import annotations

from enum import Enum
from typing import Any

__all__ = ["InterpolationMode"]


class InterpolationMode(Enum):
    """How values between pixels are found. ``BOX``, ``HAMMING`` and ``LANCZOS`` are for Pillow's pictures only."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


#: Pillow's numbers for them.
PILLOW_NUMBERS = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.NEAREST_EXACT: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
}


def interpolation_mode(value: Any) -> InterpolationMode:
    """``value`` as a mode: one already, or Pillow's number of one. ``TypeError`` for anything else."""
    if isinstance(value, InterpolationMode):
        return value
    if isinstance(value, int):
        for mode, number in PILLOW_NUMBERS.items():
            if number == value:
                return mode
    raise TypeError("Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant")
