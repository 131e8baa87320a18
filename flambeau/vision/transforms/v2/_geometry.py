"""Transforms of places: sizes, parts, flips, turns and distortions."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

import flambeau

from ....nn.modules._layer import layer
from ....ops.host import array_of
from ..._pillow import is_picture
from ...ops.boxes import box_iou
from ...tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask
from .. import _random
from .. import geometric as _v1
from ..functional._arguments import check_padding as check_padding_mode
from ..functional._arguments import perspective_coefficients
from . import functional as F
from ._transform import Sometimes, Transform
from ._utils import (
    check_padding,
    check_sequence,
    fill_by_kind,
    fill_for,
    get_bounding_boxes,
    has_all,
    has_any,
    query_size,
    two_numbers,
)
from .functional import is_pure_tensor
from .functional._geometry import sides_of

Size = int | Sequence[int]


class RandomHorizontalFlip(Sometimes):
    """Mirror left and right with probability ``p``."""

    _v1_transform_cls = _v1.RandomHorizontalFlip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(Sometimes):
    """Mirror top and bottom with probability ``p``."""

    _v1_transform_cls = _v1.RandomVerticalFlip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.vertical_flip, inpt)


# --- sizes ------------------------------------------------------------------------------------------------------------


@layer()
class Resize(Transform):
    """Scale to a size: (height, width), the shorter side, or if it is None, the longer one to ``max_size``."""

    _v1_transform_cls = _v1.Resize

    size: Any
    interpolation: Any = "bilinear"
    max_size: int | None = None
    antialias: bool | None = True

    def _settle(self) -> None:
        size = self.size
        if size is None:
            if not isinstance(self.max_size, int):
                raise ValueError(f"max_size must be an integer when size is None, but got {self.max_size} instead.")
        elif isinstance(size, int):
            self.size = [size]
        elif isinstance(size, Sequence) and len(size) in (1, 2):
            self.size = list(size)
        else:
            raise ValueError(
                f"size can be an integer, a sequence of one or two integers, or None, but got {size} instead."
            )

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"interpolation": self.interpolation, "max_size": self.max_size, "antialias": self.antialias}
        return self._call_kernel(F.resize, inpt, self.size, **settings)


class _ToSize(Transform):
    """Base of transforms that scale to a size of their own, which ``make_params`` gives."""

    interpolation: Any
    antialias: bool | None

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"interpolation": self.interpolation, "antialias": self.antialias}
        return self._call_kernel(F.resize, inpt, size=params["size"], **settings)


@layer()
class ScaleJitter(_ToSize):
    """Scale so that the picture fits into ``target_size``, times a factor drawn from ``scale_range``."""

    target_size: tuple[int, int]
    scale_range: tuple[float, float] = (0.1, 2.0)
    interpolation: Any = "bilinear"
    antialias: bool | None = True

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        low, high = self.scale_range
        scale = low + _random.unit() * (high - low)
        ratio = min(self.target_size[1] / height, self.target_size[0] / width) * scale
        return {"size": (int(height * ratio), int(width * ratio))}


@layer()
class RandomShortestSize(_ToSize):
    """Scale the shorter side to one of ``min_size``, unless that makes the longer exceed ``max_size``."""

    min_size: Any
    max_size: int | None = None
    interpolation: Any = "bilinear"
    antialias: bool | None = True

    def _settle(self) -> None:
        self.min_size = [self.min_size] if isinstance(self.min_size, int) else list(self.min_size)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        ratio = self.min_size[_random.integer(0, len(self.min_size))] / min(height, width)
        if self.max_size is not None:
            ratio = min(ratio, self.max_size / max(height, width))
        return {"size": (int(height * ratio), int(width * ratio))}


@layer()
class RandomResize(_ToSize):
    """Scale the shorter side to a length from ``min_size`` to below ``max_size``."""

    min_size: int
    max_size: int
    interpolation: Any = "bilinear"
    antialias: bool | None = True

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"size": [_random.integer(self.min_size, self.max_size)]}


# --- parts ------------------------------------------------------------------------------------------------------------


class _OfSize(Transform):
    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = _v1._pair(size)


class CenterCrop(_OfSize):
    """The middle; what is smaller is padded with zeros."""

    _v1_transform_cls = _v1.CenterCrop

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.center_crop, inpt, output_size=self.size)


class _Crops(_OfSize):
    """Base of those that give several parts, which boxes and masks are not for."""

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, BoundingBoxes, Mask):
            raise TypeError(f"BoundingBoxes'es and Mask's are not supported by {type(self).__name__}()")

    def _call_kernel(self, functional: Any, inpt: Any, *args: Any, **kwargs: Any) -> Any:
        warn_of_passing(self, inpt)
        return super()._call_kernel(functional, inpt, *args, **kwargs)


def warn_of_passing(transform: Transform, inpt: Any) -> None:
    """Say so where boxes, points or masks are left as they are."""
    if isinstance(inpt, (BoundingBoxes, KeyPoints, Mask)):
        warnings.warn(
            f"{type(transform).__name__}() is currently passing through inputs of type "
            f"tv_tensors.{type(inpt).__name__}. This will likely change in the future."
        )


class FiveCrop(_Crops):
    """The corners and the middle, as a tuple."""

    _v1_transform_cls = _v1.FiveCrop

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.five_crop, inpt, self.size)


@layer()
class TenCrop(_Crops):
    """The corners and the middle of the picture and of its mirror image, as a tuple."""

    _v1_transform_cls = _v1.TenCrop

    vertical_flip: bool = False

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.ten_crop, inpt, self.size, vertical_flip=self.vertical_flip)


@layer()
class RandomResizedCrop(_OfSize):
    """A rectangle with a share of the area in ``scale`` and width : height in ``ratio``, scaled to ``size``."""

    _v1_transform_cls = _v1.RandomResizedCrop

    scale: Sequence[float] = (0.08, 1.0)
    ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0)
    interpolation: Any = "bilinear"
    antialias: bool | None = True

    def _settle(self) -> None:
        for name, range_ in (("Scale", self.scale), ("Ratio", self.ratio)):
            if not isinstance(range_, Sequence) or len(range_) != 2:
                raise TypeError(f"{name} should be a sequence of two floats.")
        _random.check_ranges(self.scale, self.ratio)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        part = _v1.part_of(*query_size(flat_inputs), self.scale, self.ratio)
        return dict(zip(("top", "left", "height", "width"), part))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"size": self.size, "interpolation": self.interpolation, "antialias": self.antialias}
        return self._call_kernel(F.resized_crop, inpt, **params, **settings)


class _Filled:
    """What has ``fill``: a colour, or one for each kind of input."""

    fill: Any

    def _take_fill(self) -> None:
        self._fill = fill_by_kind(self.fill)

    def _fill_for(self, inpt: Any) -> Any:
        return fill_for(self._fill, inpt)


def _left_right_top_bottom(padding: Any) -> list[int]:
    left, top, right, bottom = sides_of(padding)
    return [left, right, top, bottom]


@layer()
class RandomCrop(_OfSize, _Filled):
    """A rectangle of ``size`` at a random place, after padding; too small pictures only if ``pad_if_needed``."""

    _v1_transform_cls = _v1.RandomCrop

    padding: Any = None
    pad_if_needed: bool = False
    fill: Any = 0
    padding_mode: str = "constant"

    def _settle(self) -> None:
        if self.padding is not None:
            check_padding(self.padding)
        check_padding_mode(0, self.padding_mode)
        self._take_fill()
        self.padding = _left_right_top_bottom(self.padding) if self.padding else None

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        rows, columns = query_size(flat_inputs)
        left, right, top, bottom = self.padding or (0, 0, 0, 0)
        height, width = self.size
        if self.pad_if_needed:
            lacking = max(height - rows - top - bottom, 0)
            top, bottom = top + lacking, bottom + lacking
            lacking = max(width - columns - left - right, 0)
            left, right = left + lacking, right + lacking
        rows, columns = rows + top + bottom, columns + left + right
        if rows < height or columns < width:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than "
                f"{'padded ' if self.padding is not None else ''}input image size {(rows, columns)}."
            )
        padding = [left, top, right, bottom]
        first_row = _random.integer(0, rows - height + 1) if rows > height else 0
        first_column = _random.integer(0, columns - width + 1) if columns > width else 0
        return {
            "needs_crop": rows > height or columns > width, "top": first_row, "left": first_column,
            "height": height, "width": width, "needs_pad": any(padding), "padding": padding,
        }  # fmt: skip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if params["needs_pad"]:
            settings = {"fill": self._fill_for(inpt), "padding_mode": self.padding_mode}
            inpt = self._call_kernel(F.pad, inpt, padding=params["padding"], **settings)
        if params["needs_crop"]:
            place = {name: params[name] for name in ("top", "left", "height", "width")}
            inpt = self._call_kernel(F.crop, inpt, **place)
        return inpt


@layer()
class RandomIoUCrop(Transform):
    """A rectangle that overlaps a box by a share drawn from ``sampler_options`` at least; or, at 1, nothing is done.

    Its sides are drawn between ``min_scale`` and ``max_scale`` of the picture's; boxes whose middle is outside become
    empty (:class:`SanitizeBoundingBoxes` removes them). As W. Liu et al. do it ("SSD", 2015).
    """

    _shown_first: ClassVar = ("min_scale", "max_scale", "min_aspect_ratio", "max_aspect_ratio", "options")

    min_scale: float = 0.3
    max_scale: float = 1.0
    min_aspect_ratio: float = 0.5
    max_aspect_ratio: float = 2.0
    sampler_options: Any = None
    trials: int = 40

    def _settle(self) -> None:
        self.options = self.sampler_options or [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]
        del self.sampler_options

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if not (has_all(flat_inputs, BoundingBoxes) and has_any(flat_inputs, is_picture, Image, is_pure_tensor)):
            raise TypeError(
                f"{type(self).__name__}() requires input sample to contain tensor or PIL images and bounding boxes. "
                "Sample can also contain masks."
            )

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        rows, columns = query_size(flat_inputs)
        boxes = get_bounding_boxes(flat_inputs)
        plain = boxes.as_subclass(flambeau.Tensor)
        corners = F.convert_bounding_box_format(plain, boxes.format, BoundingBoxFormat.XYXY)
        x, y = array_of(corners[..., 0::2].sum(-1) * 0.5), array_of(corners[..., 1::2].sum(-1) * 0.5)
        while True:
            least = self.options[_random.integer(0, len(self.options))]
            if least >= 1.0:
                return {}
            for _ in range(self.trials):
                span = self.max_scale - self.min_scale
                width, height = (int(n * (self.min_scale + span * _random.unit())) for n in (columns, rows))
                if not self.min_aspect_ratio <= width / height <= self.max_aspect_ratio:
                    continue
                left, top = (int(spare * _random.unit()) for spare in (columns - width, rows - height))
                right, bottom = left + width, top + height
                inside = flambeau.from_numpy((left < x) & (x < right) & (top < y) & (y < bottom))
                if width == 0 or height == 0 or not bool(inside.any()):
                    continue
                part = flambeau.tensor([[left, top, right, bottom]], dtype=corners.dtype)
                if float(box_iou(corners[inside], part).max()) >= least:
                    place = {"top": top, "left": left, "height": height, "width": width}
                    return {**place, "is_within_crop_area": inside}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if not params:
            return inpt
        place = {name: params[name] for name in ("top", "left", "height", "width")}
        output = self._call_kernel(F.crop, inpt, **place)
        if isinstance(output, BoundingBoxes):
            output[~params["is_within_crop_area"]] = 0
        return output


# --- borders ----------------------------------------------------------------------------------------------------------


@layer()
class Pad(Transform, _Filled):
    """Enlarge by pixels on all sides; see :func:`functional.pad`. ``fill`` may be given for each kind of input."""

    _v1_transform_cls = _v1.Pad

    padding: Any
    fill: Any = 0
    padding_mode: str = "constant"

    def _settle(self) -> None:
        check_padding(self.padding)
        check_padding_mode(self.padding, self.padding_mode)
        self.padding = self.padding if isinstance(self.padding, int) else list(self.padding)
        self._take_fill()

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"fill": self._fill_for(inpt), "padding_mode": self.padding_mode}
        return self._call_kernel(F.pad, inpt, padding=self.padding, **settings)


@layer(own_first=True)
class RandomZoomOut(Sometimes, _Filled):
    """With probability ``p``, put the picture somewhere into one whose sides are ``side_range`` times as long."""

    fill: Any = 0
    side_range: Sequence[float] = (1.0, 4.0)

    def _settle(self) -> None:
        self._take_fill()
        check_sequence(self.side_range, "side_range")
        if self.side_range[0] < 1.0 or self.side_range[0] > self.side_range[1]:
            raise ValueError(f"Invalid side range provided {self.side_range}.")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        rows, columns = query_size(flat_inputs)
        low, high = self.side_range
        ratio = low + _random.unit() * (high - low)
        wider, higher = int(columns * ratio) - columns, int(rows * ratio) - rows
        left, top = int(wider * _random.unit()), int(higher * _random.unit())
        return {"padding": [left, top, wider - left, higher - top]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.pad, inpt, **params, fill=self._fill_for(inpt))


# --- turns and distortions --------------------------------------------------------------------------------------------


@layer()
class RandomRotation(Transform, _Filled):
    """Turn by an angle within ``degrees``: a range, or a number for (-degrees, degrees)."""

    _v1_transform_cls = _v1.RandomRotation

    degrees: float | Sequence[float]
    interpolation: Any = "nearest"
    expand: bool = False
    center: Sequence[float] | None = None
    fill: Any = 0

    def _settle(self) -> None:
        self.degrees = _v1._angles(self.degrees, "degrees")
        self._take_fill()
        if self.center is not None:
            check_sequence(self.center, "center")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"angle": _v1.RandomRotation.get_params(self.degrees)}  # type: ignore[arg-type]

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"interpolation": self.interpolation, "expand": self.expand, "center": self.center}
        return self._call_kernel(F.rotate, inpt, **params, **settings, fill=self._fill_for(inpt))


@layer()
class RandomAffine(Transform, _Filled):
    """Turn within ``degrees``, move by up to ``translate`` of (width, height), scale within ``scale``, shear."""

    _v1_transform_cls = _v1.RandomAffine

    degrees: float | Sequence[float]
    translate: Sequence[float] | None = None
    scale: Sequence[float] | None = None
    shear: Any = None
    interpolation: Any = "nearest"
    fill: Any = 0
    center: Sequence[float] | None = None

    def _settle(self) -> None:
        self.degrees = _v1._angles(self.degrees, "degrees")
        for name in ("translate", "scale", "center"):
            if getattr(self, name) is not None:
                check_sequence(getattr(self, name), name)
        if self.translate is not None and not all(0.0 <= t <= 1.0 for t in self.translate):
            raise ValueError("translation values should be between 0 and 1")
        if self.scale is not None and min(self.scale) <= 0:
            raise ValueError("scale values should be positive")
        if self.shear is not None:
            self.shear = _v1._angles(self.shear, "shear", (2, 4))
        self._take_fill()

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        given: Any = (self.degrees, self.translate, self.scale, self.shear, [width, height])
        return dict(zip(("angle", "translate", "scale", "shear"), _v1.RandomAffine.get_params(*given)))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"interpolation": self.interpolation, "center": self.center}
        return self._call_kernel(F.affine, inpt, **params, **settings, fill=self._fill_for(inpt))


@layer(own_first=True)
class RandomPerspective(Sometimes, _Filled):
    """With probability ``p``, move each corner inwards by up to ``distortion_scale`` of half the picture."""

    _v1_transform_cls = _v1.RandomPerspective

    distortion_scale: float = 0.5
    p: float = 0.5
    interpolation: Any = "bilinear"
    fill: Any = 0

    def _settle(self) -> None:
        if not 0 <= self.distortion_scale <= 1:
            raise ValueError("Argument distortion_scale value should be between 0 and 1")
        self._take_fill()

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        points = _v1.RandomPerspective.get_params(width, height, self.distortion_scale)
        return {"coefficients": perspective_coefficients(*points)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"interpolation": self.interpolation, "fill": self._fill_for(inpt)}
        return self._call_kernel(F.perspective, inpt, startpoints=None, endpoints=None, **settings, **params)


@layer()
class ElasticTransform(Transform, _Filled):
    """Move pixels by noise that a Gaussian of deviation ``sigma`` has smoothed, ``alpha`` times as far."""

    _v1_transform_cls = _v1.ElasticTransform

    alpha: Any = 50.0
    sigma: Any = 5.0
    interpolation: Any = "bilinear"
    fill: Any = 0

    def _settle(self) -> None:
        self.alpha, self.sigma = two_numbers(self.alpha, "alpha"), two_numbers(self.sigma, "sigma")
        self._take_fill()

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = query_size(flat_inputs)
        return {"displacement": _v1.ElasticTransform.get_params(self.alpha, self.sigma, size)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        settings = {"interpolation": self.interpolation, "fill": self._fill_for(inpt)}
        return self._call_kernel(F.elastic, inpt, **params, **settings)
