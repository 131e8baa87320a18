"""What geometry does to boxes and points.

A map of the picture moves corners. Upright boxes become the least upright ones around their corners, turned boxes the rectangle
that keeps the longer diagonal of the parallelogram.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import flambeau

from ....tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints, is_rotated_bounding_format
from ...functional import _check_affine, _tensor
from ...functional._arguments import inverse_affine_matrix
from . import _geometry as g
from ._formats import converted
from ._meta import clamp_boxes
from ._registry import of_known

Size = tuple[int, int]
Move = Callable[[Any], Any]
"""Points (n, 2) of the picture as points of the result."""

_XYXY, _CORNERS = BoundingBoxFormat.XYXY, BoundingBoxFormat.XYXYXYXY


def _floats(numbers: Any) -> Any:
    return numbers if numbers.is_floating_point() else numbers.float()


def _moved_points(points: Any, move: Move) -> Any:
    if points.numel() == 0:
        return points
    return move(_floats(points).reshape(-1, 2)).reshape(points.shape).to(points.dtype)


def _moved_boxes(
    boxes: Any,
    format: BoundingBoxFormat,
    canvas_size: Size,
    clamping_mode: str | None,
    move: Move,
    whole_before: bool = False,
    whole_after: bool = False,
) -> Any:
    """Boxes whose corners are moved. Those of integers are converted as such, where that is said, and else as floats."""
    if boxes.numel() == 0:
        return boxes
    turned = is_rotated_bounding_format(format)
    middle_format = _CORNERS if turned else _XYXY
    corners = converted(boxes if whole_before else _floats(boxes), format, middle_format).reshape(
        -1, 8 if turned else 4
    )
    if not turned:
        corners = corners[:, [0, 1, 2, 1, 2, 3, 0, 3]]
    moved = move(_floats(corners).reshape(-1, 2))
    if turned:
        made = _rectangles(moved.reshape(-1, 8))
    else:
        made = flambeau.cat([moved.reshape(-1, 4, 2).amin(1), moved.reshape(-1, 4, 2).amax(1)], 1)
    made = made.to(boxes.dtype) if whole_after else made
    made = clamp_boxes(made, middle_format, canvas_size, clamping_mode)
    return converted(made, middle_format, format).reshape(boxes.shape).to(boxes.dtype)


def _rectangles(corners: Any) -> Any:
    """Parallelograms (..., 8) as rectangles about the same middle, with the same longer diagonal."""
    floats = corners if corners.dtype in (flambeau.float32, flambeau.float64) else corners.to(flambeau.float32)
    x1, y1, x2, y2, x3, y3, x4, y4 = floats.unbind(-1)
    cx, cy = (x1 + x3) / 2, (y1 + y3) / 2
    side12, side14 = ((x2 - x1) ** 2 + (y2 - y1) ** 2).sqrt(), ((x4 - x1) ** 2 + (y4 - y1) ** 2).sqrt()
    angle12, angle14 = flambeau.atan2(y1 - y2, x2 - x1), flambeau.atan2(y1 - y4, x4 - x1)
    between = angle12 - angle14
    sign = flambeau.where(between > math.pi / 2, -1, 1)
    cos, sin = between.cos(), between.sin()
    w = flambeau.where(side12 < side14, side12 * sin, side12 + side14 * cos * sign) / 2
    h = flambeau.where(side12 > side14, side14 * sin, side14 + side12 * cos * sign) / 2
    angle = flambeau.where(side14 > side12, angle14 + math.pi / 2, angle12)
    cos, sin = angle.cos(), angle.sin()
    along, across = (w * cos, w * sin), (h * sin, h * cos)
    made = []
    for right, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        made += [cx + right * along[0] + down * across[0], cy - right * along[1] + down * across[1]]
    return flambeau.stack(made, -1).to(corners.dtype)


# --- flips ------------------------------------------------------------------------------------------------------------


@of_known(g.horizontal_flip, KeyPoints)
def horizontal_flip_keypoints(keypoints: Any, canvas_size: Size) -> Any:
    """Points (..., 2), mirrored left and right."""
    return flambeau.stack([canvas_size[1] - 1 - keypoints[..., 0], keypoints[..., 1]], -1)


@of_known(g.vertical_flip, KeyPoints)
def vertical_flip_keypoints(keypoints: Any, canvas_size: Size) -> Any:
    """Points (..., 2), mirrored top and bottom."""
    return flambeau.stack([keypoints[..., 0], canvas_size[0] - 1 - keypoints[..., 1]], -1)


@of_known(g.horizontal_flip, BoundingBoxes)
def horizontal_flip_bounding_boxes(bounding_boxes: Any, format: BoundingBoxFormat, canvas_size: Size) -> Any:
    """Boxes, mirrored left and right."""
    width = canvas_size[1]
    x, y, *rest = bounding_boxes.unbind(-1)
    match format.value:
        case "XYXY":
            made = [width - rest[0], y, width - x, rest[1]]
        case "XYWH":
            made = [width - (x + rest[0]), y, *rest]
        case "CXCYWH":
            made = [width - x, y, *rest]
        case "XYXYXYXY":
            x2, y2, x3, y3, x4, y4 = rest
            made = [width - x2, y2, width - x, y, width - x4, y4, width - x3, y3]
        case "XYWHR":
            cos, sin = _turn(rest[2])
            made = [width - (x + rest[0] * cos), y - rest[0] * sin, rest[0], rest[1], -rest[2]]
        case _:
            made = [width - x, y, rest[0], rest[1], -rest[2]]
    return flambeau.stack(made, -1)


@of_known(g.vertical_flip, BoundingBoxes)
def vertical_flip_bounding_boxes(bounding_boxes: Any, format: BoundingBoxFormat, canvas_size: Size) -> Any:
    """Boxes, mirrored top and bottom."""
    height = canvas_size[0]
    x, y, *rest = bounding_boxes.unbind(-1)
    match format.value:
        case "XYXY":
            made = [x, height - rest[1], rest[0], height - y]
        case "XYWH":
            made = [x, height - (y + rest[1]), *rest]
        case "CXCYWH":
            made = [x, height - y, *rest]
        case "XYXYXYXY":
            x2, y2, x3, y3, x4, y4 = rest
            made = [x2, height - y2, x, height - y, x4, height - y4, x3, height - y3]
        case "XYWHR":
            cos, sin = _turn(rest[2])
            made = [x + rest[0] * cos, height - (y - rest[0] * sin), rest[0], rest[1], 180 - rest[2]]
        case _:
            made = [x, height - y, rest[0], rest[1], 180 - rest[2]]
    return flambeau.stack(made, -1)


def _turn(degrees: Any) -> tuple[Any, Any]:
    angle = degrees * math.pi / 180
    return angle.cos(), angle.sin()


# --- sizes ------------------------------------------------------------------------------------------------------------


@of_known(g.resize, KeyPoints)
def resize_keypoints(keypoints: Any, size: Any, canvas_size: Size, max_size: int | None = None) -> tuple[Any, Size]:
    """Points of a picture that is scaled, and its new size."""
    new = g.new_size(size, *canvas_size, max_size)
    if new == list(canvas_size):
        return keypoints, canvas_size
    ratios = flambeau.tensor([new[1] / canvas_size[1], new[0] / canvas_size[0]])
    return (keypoints * ratios).to(keypoints.dtype), (new[0], new[1])


@of_known(g.resize, BoundingBoxes)
def resize_bounding_boxes(
    bounding_boxes: Any,
    canvas_size: Size,
    size: Any,
    max_size: int | None = None,
    format: BoundingBoxFormat = BoundingBoxFormat.XYXY,
    clamping_mode: str | None = "soft",
) -> tuple[Any, Size]:
    """Boxes of a picture that is scaled, and its new size."""
    height, width = g.new_size(size, *canvas_size, max_size)
    if (height, width) == tuple(canvas_size):
        return bounding_boxes, canvas_size
    ratios = [width / canvas_size[1], height / canvas_size[0]]
    if not is_rotated_bounding_format(format):
        scaled = bounding_boxes * flambeau.tensor(ratios * 2)
        return scaled.to(bounding_boxes.dtype), (height, width)
    corners = converted(bounding_boxes, format, _CORNERS).reshape(-1, 8) * flambeau.tensor(ratios * 4)
    made = clamp_boxes(_rectangles(corners), _CORNERS, (height, width), clamping_mode)
    made = converted(made, _CORNERS, format).to(bounding_boxes.dtype)
    return made.reshape(bounding_boxes.shape), (height, width)


def _shifts(format: BoundingBoxFormat, x: int, y: int, boxes: Any) -> Any:
    """What is added to boxes that are moved."""
    count = {"XYXYXYXY": 8, "XYXY": 4}.get(format.value, 2)
    shifts = [x, y] * (count // 2) + [0] * (boxes.shape[-1] - count)
    return flambeau.tensor(shifts, dtype=boxes.dtype)


@of_known(g.pad, KeyPoints)
def pad_keypoints(keypoints: Any, canvas_size: Size, padding: Any, padding_mode: str = "constant") -> tuple[Any, Size]:
    """Points of a picture that is padded, and its new size. ``ValueError`` unless with a constant."""
    if padding_mode != "constant":
        raise ValueError(
            f"Padding mode '{padding_mode}' is not supported with KeyPoints (supported modes are constant)"
        )
    left, top, right, bottom = g.sides_of(padding)
    size = (canvas_size[0] + top + bottom, canvas_size[1] + left + right)
    return keypoints + flambeau.tensor([left, top], dtype=keypoints.dtype), size


@of_known(g.pad, BoundingBoxes)
def pad_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    canvas_size: Size,
    padding: Any,
    padding_mode: str = "constant",
    clamping_mode: str | None = "soft",
) -> tuple[Any, Size]:
    """Boxes of a picture that is padded, and its new size. ``ValueError`` unless with a constant."""
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with bounding boxes")
    left, top, right, bottom = g.sides_of(padding)
    size = (canvas_size[0] + top + bottom, canvas_size[1] + left + right)
    moved = bounding_boxes + _shifts(format, left, top, bounding_boxes)
    return clamp_boxes(moved, format, size, clamping_mode), size


@of_known(g.crop, KeyPoints)
def crop_keypoints(keypoints: Any, top: int, left: int, height: int, width: int) -> tuple[Any, Size]:
    """Points of a picture of which a rectangle is taken, and its size."""
    return keypoints - flambeau.tensor([left, top], dtype=keypoints.dtype), (height, width)


@of_known(g.crop, BoundingBoxes)
def crop_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    top: int,
    left: int,
    height: int,
    width: int,
    clamping_mode: str | None = "soft",
) -> tuple[Any, Size]:
    """Boxes of a picture of which a rectangle is taken, and its size."""
    moved = bounding_boxes - _shifts(format, left, top, bounding_boxes)
    if format == _CORNERS:
        moved = _rectangles(moved)
    return clamp_boxes(moved, format, (height, width), clamping_mode), (height, width)


def _middle(canvas_size: Size, output_size: Any) -> dict[str, int]:
    sizes = [output_size] if isinstance(output_size, int) else list(output_size)
    height, width = sizes * (2 // len(sizes))
    top, left = int(round((canvas_size[0] - height) / 2.0)), int(round((canvas_size[1] - width) / 2.0))
    return {"top": top, "left": left, "height": height, "width": width}


@of_known(g.center_crop, KeyPoints)
def center_crop_keypoints(inpt: Any, canvas_size: Size, output_size: Any) -> tuple[Any, Size]:
    """Points of a picture of which the middle is taken, and its size."""
    return crop_keypoints(inpt, **_middle(canvas_size, output_size))


@of_known(g.center_crop, BoundingBoxes)
def center_crop_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    canvas_size: Size,
    output_size: Any,
    clamping_mode: str | None = "soft",
) -> tuple[Any, Size]:
    """Boxes of a picture of which the middle is taken, and its size."""
    return crop_bounding_boxes(bounding_boxes, format, **_middle(canvas_size, output_size), clamping_mode=clamping_mode)


@of_known(g.resized_crop, KeyPoints)
def resized_crop_keypoints(keypoints: Any, top: int, left: int, height: int, width: int, size: Any) -> tuple[Any, Size]:
    """Points of a picture of which a rectangle is taken and scaled, and its size."""
    points, canvas_size = crop_keypoints(keypoints, top, left, height, width)
    return resize_keypoints(points, size, canvas_size)


@of_known(g.resized_crop, BoundingBoxes)
def resized_crop_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    clamping_mode: str | None = "soft",
) -> tuple[Any, Size]:
    """Boxes of a picture of which a rectangle is taken and scaled, and its size."""
    boxes, canvas_size = crop_bounding_boxes(bounding_boxes, format, top, left, height, width, clamping_mode)
    return resize_bounding_boxes(boxes, canvas_size, size, format=format, clamping_mode=clamping_mode)


# --- maps -------------------------------------------------------------------------------------------------------------


def _turned_size(height: int, width: int, angle: float, center: Sequence[float] | None) -> Size:
    """The size of a picture that is turned, and kept whole: as it is found of the picture, about its middle."""
    if center is None and angle % 90 == 0:
        return (height, width) if angle % 180 == 0 else (width, height)
    about = [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]
    inverse = inverse_affine_matrix(about, float(angle), [0.0, 0.0], 1.0, [0.0, 0.0])
    new_width, new_height = _tensor._expanded_size(inverse, width, height)
    return new_height, new_width


class _Affine:
    """An affine map of points, and the size of what it makes of the picture."""

    def __init__(
        self,
        canvas_size: Size,
        angle: float,
        translate: Sequence[float],
        scale: float,
        shear: Any,
        center: Sequence[float] | None,
        expand: bool = False,
    ) -> None:
        _check_affine(angle, translate, shear, center)
        height, width = canvas_size
        shears = [shear, 0.0] if isinstance(shear, (int, float)) else list(shear) * (2 // len(shear))
        middle = [width * 0.5, height * 0.5] if center is None else center
        given = (middle, float(angle), [float(t) for t in translate], scale, shears)
        self.matrix = inverse_affine_matrix(*given, inverted=False)
        self.canvas_size = canvas_size
        self.least: Any = None
        if expand:
            corners = flambeau.tensor([[0.0, 0.0], [0.0, height], [width, height], [width, 0.0]])
            self.least = self(corners).amin(0)
            self.canvas_size = _turned_size(height, width, angle, center)

    def __call__(self, points: Any) -> Any:
        matrix = flambeau.tensor(self.matrix, dtype=points.dtype).reshape(2, 3)
        moved = points @ matrix[:, :2].T + matrix[:, 2]
        return moved if self.least is None else moved - self.least.to(points.dtype)


@of_known(g.affine, KeyPoints)
def affine_keypoints(
    keypoints: Any,
    canvas_size: Size,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Any,
    center: Sequence[float] | None = None,
) -> tuple[Any, Size]:
    """Points of a picture to which an affine map is done, and its size."""
    return _moved_points(keypoints, _Affine(canvas_size, angle, translate, scale, shear, center)), canvas_size


@of_known(g.affine, BoundingBoxes)
def affine_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    canvas_size: Size,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Any,
    center: Sequence[float] | None = None,
    clamping_mode: str | None = "soft",
) -> Any:
    """Boxes of a picture to which an affine map is done."""
    map_ = _Affine(canvas_size, angle, translate, scale, shear, center)
    return _moved_boxes(bounding_boxes, format, canvas_size, clamping_mode, map_)


@of_known(g.rotate, KeyPoints)
def rotate_keypoints(
    keypoints: Any, canvas_size: Size, angle: float, expand: bool = False, center: Sequence[float] | None = None
) -> tuple[Any, Size]:
    """Points of a picture that is turned, and its size."""
    map_ = _Affine(canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)
    return _moved_points(keypoints, map_), map_.canvas_size if keypoints.numel() else canvas_size


@of_known(g.rotate, BoundingBoxes)
def rotate_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    canvas_size: Size,
    angle: float,
    expand: bool = False,
    center: Sequence[float] | None = None,
    clamping_mode: str | None = "soft",
) -> tuple[Any, Size]:
    """Boxes of a picture that is turned, and its size."""
    map_ = _Affine(canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)
    size = map_.canvas_size if bounding_boxes.numel() else canvas_size
    return _moved_boxes(bounding_boxes, format, size, clamping_mode, map_), size


def _perspective(coefficients: Sequence[float], what: str) -> Move:
    """The map of points that undoes the map of places that ``coefficients`` are."""
    a, b, c, d, e, f, p, q = coefficients
    scale = a * e - b * d
    if scale == 0:
        raise RuntimeError(
            f"Provided perspective_coeffs {coefficients} can not be inverted to transform {what}. "
            f"Denominator is zero, denom={scale}"
        )
    x = [e - f * q, -b + c * q, b * f - c * e]
    y = [-d + f * p, a - c * p, -a * f + c * d]
    depth = [-e * p + d * q, -a * q + b * p, scale]

    def move(points: Any) -> Any:
        rows = flambeau.tensor([[number / scale for number in row] for row in (x, y, depth)], dtype=points.dtype)
        mapped = points @ rows[:, :2].T + rows[:, 2]
        return mapped[:, :2] / mapped[:, 2:]

    return move


@of_known(g.perspective, KeyPoints)
def perspective_keypoints(
    keypoints: Any, canvas_size: Size, startpoints: Any, endpoints: Any, coefficients: Sequence[float] | None = None
) -> Any:
    """Points of a picture that is seen from elsewhere."""
    numbers = g.coefficients_of(startpoints, endpoints, coefficients)
    return _moved_points(keypoints, _perspective(numbers, "keypoints"))


@of_known(g.perspective, BoundingBoxes)
def perspective_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    canvas_size: Size,
    startpoints: Any,
    endpoints: Any,
    coefficients: Sequence[float] | None = None,
    clamping_mode: str | None = "soft",
) -> Any:
    """Boxes of a picture that is seen from elsewhere."""
    numbers = g.coefficients_of(startpoints, endpoints, coefficients)
    map_ = _perspective(numbers, "bounding boxes")
    return _moved_boxes(bounding_boxes, format, canvas_size, clamping_mode, map_, whole_before=True)


def _waves(displacement: Any, canvas_size: Size) -> Move:
    """Points moved against ``displacement``, which is not quite what undoes it."""
    expected = (1, *canvas_size, 2)
    if not isinstance(displacement, flambeau.Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    if tuple(displacement.shape) != expected:
        raise ValueError(f"Argument displacement shape should be {expected}, but given {displacement.shape}")
    height, width = canvas_size

    def move(points: Any) -> Any:
        places = _tensor.identity_grid(height, width, points.dtype) - displacement[0].to(points.dtype)
        pixel = points.long()
        chosen = places[pixel[:, 1].clamp(0, height - 1), pixel[:, 0].clamp(0, width - 1)]
        return (chosen + 1) * (0.5 * flambeau.tensor([width, height], dtype=points.dtype)) - 0.5

    return move


@of_known(g.elastic, KeyPoints)
def elastic_keypoints(keypoints: Any, canvas_size: Size, displacement: Any) -> Any:
    """Points of a picture whose pixels are moved."""
    return _moved_points(keypoints, _waves(displacement, canvas_size))


@of_known(g.elastic, BoundingBoxes)
def elastic_bounding_boxes(
    bounding_boxes: Any,
    format: BoundingBoxFormat,
    canvas_size: Size,
    displacement: Any,
    clamping_mode: str | None = "soft",
) -> Any:
    """Boxes of a picture whose pixels are moved; of turned ones, the centre is."""
    wave = _waves(displacement, canvas_size)

    def move(points: Any) -> Any:
        return wave(points.ceil())

    if not is_rotated_bounding_format(format) or bounding_boxes.numel() == 0:
        return _moved_boxes(bounding_boxes, format, canvas_size, clamping_mode, move, True, True)
    centred = converted(bounding_boxes, format, BoundingBoxFormat.CXCYWHR).reshape(-1, 5)
    made = flambeau.cat([move(centred[:, :2]), centred[:, 2:]], 1)
    made = clamp_boxes(made, BoundingBoxFormat.CXCYWHR, canvas_size, clamping_mode)
    return converted(made, BoundingBoxFormat.CXCYWHR, format).reshape(bounding_boxes.shape)
