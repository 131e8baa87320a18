"""The one place where Pillow is imported, when it is first needed."""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any


@functools.cache
def image_module() -> ModuleType:
    """``PIL.Image``. ``ModuleNotFoundError`` says how to get it."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "pictures need Pillow, which is not installed: pip install pillow (or flambeau[vision])", name="PIL"
        ) from error
    return Image


def is_picture(value: Any) -> bool:
    """Whether ``value`` is a picture of Pillow's. Does not import Pillow: who has a picture has imported it."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)
