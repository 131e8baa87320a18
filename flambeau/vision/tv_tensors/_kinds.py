"""The kinds of tensors: pictures, films, masks, boxes, points."""

from __future__ import annotations

from enum import Enum
from typing import Any

from .._pillow import is_picture
from ..transforms.functional import pil_to_tensor
from ._base import TVTensor


class Image(TVTensor):
    """Pictures (..., channels, height, width); one of two axes gets one channel. ``data`` may be Pillow's."""

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None) -> Any:
        data = pil_to_tensor(data) if is_picture(data) else data
        tensor = cls._to_tensor(data, dtype, device, requires_grad)
        if tensor.ndim < 2:
            raise ValueError(f"Tensor must be 2D or higher, got {tensor.ndim}D tensor.")
        return (tensor.unsqueeze(0) if tensor.ndim == 2 else tensor).as_subclass(cls)


class Video(TVTensor):
    """Films (..., frames, channels, height, width). ``ValueError`` for fewer than four axes."""

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None) -> Any:
        tensor = cls._to_tensor(data, dtype, device, requires_grad)
        if tensor.ndim < 4:
            raise ValueError(f"Tensor must be 4D or higher, got {tensor.ndim}D tensor.")
        return tensor.as_subclass(cls)


class Mask(TVTensor):
    """Masks (..., height, width) of segments or objects. ``data`` may be Pillow's."""

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None) -> Any:
        data = pil_to_tensor(data) if is_picture(data) else data
        return cls._to_tensor(data, dtype, device, requires_grad).as_subclass(cls)


class BoundingBoxFormat(Enum):
    """What the numbers of a box are: corners, or a corner or the centre with width and height, and an angle (R)."""

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"
    CXCYWHR = "CXCYWHR"
    XYXYXYXY = "XYXYXYXY"


_ROTATED = ("XYWHR", "CXCYWHR", "XYXYXYXY")


def is_rotated_bounding_format(format: BoundingBoxFormat | str) -> bool:
    """Whether boxes of that format may be turned."""
    if not isinstance(format, (BoundingBoxFormat, str)):
        raise ValueError(f"format should be str or BoundingBoxFormat, got {type(format)}")
    return (format if isinstance(format, str) else format.value) in _ROTATED


class BoundingBoxes(TVTensor):
    """Boxes (number, coordinates) of a ``format``, in a picture of ``canvas_size`` (height, width).

    ``clamping_mode`` says how transforms cut boxes at the picture's border: ``"soft"``, ``"hard"`` or not at all (None).
    """

    _known = ("format", "canvas_size", "clamping_mode")

    format: BoundingBoxFormat
    canvas_size: tuple[int, int]
    clamping_mode: str | None

    def __new__(
        cls,
        data: Any,
        *,
        format: BoundingBoxFormat | str,
        canvas_size: tuple[int, int],
        clamping_mode: str | None = "soft",
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool | None = None,
    ) -> Any:
        tensor = cls._to_tensor(data, dtype, device, requires_grad)
        if not tensor.is_floating_point() and is_rotated_bounding_format(format):
            raise ValueError(f"Rotated bounding boxes should be floating point tensors, got {tensor.dtype}.")
        return cls.wrap(tensor, None, format=format, canvas_size=canvas_size, clamping_mode=clamping_mode)

    @classmethod
    def wrap(cls, tensor: Any, like: Any, **given: Any) -> Any:
        known = {name: given[name] if name in given else getattr(like, name) for name in cls._known}
        if known["clamping_mode"] not in (None, "hard", "soft"):
            raise ValueError(f"clamping_mode must be None, hard or soft, got {known['clamping_mode']}.")
        if isinstance(known["format"], str):
            known["format"] = BoundingBoxFormat[known["format"].upper()]
        if tensor.ndim == 1:
            tensor = tensor.unsqueeze(0)
        elif tensor.ndim != 2:
            raise ValueError(f"Expected a 1D or 2D tensor, got {tensor.ndim}D")
        made = tensor.as_subclass(cls)
        vars(made).update(known)
        return made


class KeyPoints(TVTensor):
    """Points (..., 2), x and y, in a picture of ``canvas_size`` (height, width)."""

    _known = ("canvas_size",)

    canvas_size: tuple[int, int]

    def __new__(
        cls,
        data: Any,
        *,
        canvas_size: tuple[int, int],
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool | None = None,
    ) -> Any:
        return cls.wrap(cls._to_tensor(data, dtype, device, requires_grad), None, canvas_size=canvas_size)

    @classmethod
    def wrap(cls, tensor: Any, like: Any, **given: Any) -> Any:
        if tensor.ndim == 1:
            tensor = tensor.unsqueeze(0)
        elif tensor.shape[-1] != 2:
            raise ValueError(f"Expected a tensor of shape (..., 2), not {tensor.shape}")
        made = tensor.as_subclass(cls)
        made.canvas_size = given["canvas_size"] if "canvas_size" in given else like.canvas_size
        return made
