"""The functions of :mod:`functional` for one kind of picture alone, as torchvision has them in files of their own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from .functional import InterpolationMode
from .functional._arguments import interpolation_mode

#: What both kinds have with the same arguments.
COMMON = (
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness",
    "autocontrast", "crop", "equalize", "get_dimensions", "get_image_num_channels", "get_image_size", "hflip", "invert", "pad",
    "posterize", "solarize", "vflip",
)  # fmt: skip


def of_one_kind(source: ModuleType, names: Iterable[str], check: Callable[[Any], None]) -> dict[str, Any]:
    """Functions of a module that see to it that they are given that kind of picture."""

    def checked(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(img: Any, *arguments: Any, **options: Any) -> Any:
            check(img)
            return function(img, *arguments, **options)

        return call

    return {name: checked(getattr(source, name)) for name in names}


def mode_of(interpolation: Any) -> InterpolationMode:
    """How to interpolate: by the mode, what it is called, or Pillow's number."""
    return InterpolationMode(interpolation) if isinstance(interpolation, str) else interpolation_mode(interpolation)
