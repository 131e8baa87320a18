"""The one place where Pillow is imported, when it is first needed."""

from __future__ import annotations

import functools
import io
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, TypeVar

from ..serialization.source import ARCHIVE_DAMAGE
from ..serialization.unpickling import DAMAGE

T = TypeVar("T")

#: What Pillow's readers raise for damaged files.
_FAILURES = (*DAMAGE, *ARCHIVE_DAMAGE, NameError, RuntimeError, SyntaxError)


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
    """Whether ``value`` is a picture of Pillow's. Does not import Pillow: whoever has a picture has done so."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(value, module.Image)


#: How many bytes of a picture one byte of a file may stand for, which is what the formats' compression comes to at its
#: best, and the size of a picture that any file may hold.
_EXPANSION = 1032
_ANY_SIZE = 16 << 20


def read_picture(path: str | os.PathLike[str], mode: str) -> Any:
    """The picture in a file, with the bands of ``mode``.

    ``OSError``, which names the file, if it is damaged, is not a picture, or is larger than it can be.
    """
    with open(path, "rb") as file:
        data = file.read()
    return decoded(data, os.fspath(path), lambda picture: picture.convert(mode))


def open_picture(path: str | os.PathLike[str]) -> Any:
    """The picture in a file, with the bands it has there. ``OSError``, which names the file, as for :func:`read_picture`."""

    def whole(picture: Any) -> Any:
        picture.load()
        return picture

    with open(path, "rb") as file:
        data = file.read()
    return decoded(data, os.fspath(path), whole)


def decoded(data: bytes, name: str, use: Callable[[Any], T], formats: Sequence[str] | None = None) -> T:
    """What ``use`` makes of the picture in ``data``, which is of one of Pillow's ``formats``, or of any.

    ``OSError``, which says ``name``, if it is damaged, is not a picture, or is larger than it can be. Pillow passes on
    whatever its readers of formats trip over, and believes the sizes that files declare.
    """
    module = image_module()
    try:
        picture = module.open(io.BytesIO(data), formats=formats)  # of which nobody can read more than there is
        size = picture.width * picture.height * len(picture.getbands())
        if size > max(_ANY_SIZE, _EXPANSION * len(data)):
            raise OSError(f"it says that it has {picture.width} times {picture.height} pixels")
        return use(picture)
    except OSError as error:
        if error.errno is not None or (
            type(error) is not OSError and not isinstance(error, module.UnidentifiedImageError)
        ):
            raise
        raise type(error)(f"{name} is damaged or not a picture: {error}") from error
    except (*_FAILURES, module.DecompressionBombError) as error:
        raise OSError(f"{name} is damaged or not a picture: {type(error).__name__}: {error}") from error
