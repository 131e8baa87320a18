"""What several functions take: ways to interpolate between pixels, paddings, and matrices of affine maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np


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


def perspective_coefficients(startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]]) -> list[float]:
    """Eight numbers a to h of the map that takes four ``endpoints`` (x, y) to ``startpoints``.

    ``x' = (a x + b y + c) / (g x + h y + 1)``, ``y' = (d x + e y + f) / (g x + h y + 1)``. ``ValueError`` unless there
    are four of each.
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints."
        )
    rows = []
    for (x, y), (u, v) in zip(endpoints, startpoints):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    right = np.array(startpoints, np.float64).reshape(8)
    solution = np.linalg.lstsq(np.array(rows, np.float64), right, rcond=None)[0]
    return [float(number) for number in solution.astype(np.float32)]


def check_padding(padding: Any, padding_mode: str) -> None:
    """``ValueError`` for amounts or modes that ``pad`` does not know."""
    if isinstance(padding, Sequence) and len(padding) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple")
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")


def inverse_affine_matrix(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
    inverted: bool = True,
) -> list[float]:
    """Two rows of three: from a pixel of the result to the place in the picture that it shows.

    The map itself is T C R S(hear) C⁻¹: move the centre to the origin, shear by the angles ``shear`` (x, y), turn by
    ``angle``, scale, move back and translate. Angles are in degrees. ``inverted=False`` gives the map.
    """
    turn, shear_x, shear_y = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    (cx, cy), (tx, ty) = center, translate
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -math.cos(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) - math.sin(turn)
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = -math.sin(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) + math.cos(turn)
    if inverted:
        # Turning and shearing have determinant one.
        a, b, c, d = d / scale, -b / scale, -c / scale, a / scale
        return [a, b, a * (-cx - tx) + b * (-cy - ty) + cx, c, d, c * (-cx - tx) + d * (-cy - ty) + cy]
    a, b, c, d = a * scale, b * scale, c * scale, d * scale
    return [a, b, -a * cx - b * cy + cx + tx, c, d, -c * cx - d * cy + cy + ty]
