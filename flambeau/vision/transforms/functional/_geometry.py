"""Matrices of affine maps."""

from __future__ import annotations

import math
from collections.abc import Sequence


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
