"""Names for annotations of programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, Any, TypeAlias, Union

import flambeau
from flambeau import Size, Tensor

__all__ = ["Device", "FileLike", "Number", "Storage"]

_bool, _bytes, _complex, _float, _int, _str = bool, bytes, complex, float, int, str
_device, _dtype, _layout = flambeau.device, flambeau.dtype, flambeau.layout

_size: TypeAlias = Size | list[int] | tuple[int, ...]
_symsize: TypeAlias = Size | Sequence[int]
_TensorOrTensors: TypeAlias = Tensor | Sequence[Tensor]
_TensorOrOptionalTensors: TypeAlias = Tensor | Sequence[Tensor | None]

BoolLikeType: TypeAlias = bool
FloatLikeType: TypeAlias = float
IntLikeType: TypeAlias = int
Number: TypeAlias = int | float | bool
_Number = (int, float, bool)
Device: TypeAlias = Union[flambeau.device, str, int, None]  # noqa: UP007  # a class cannot be joined with a string by `|`
FileLike: TypeAlias = Union[str, "os.PathLike[str]", IO[bytes]]  # noqa: UP007
Storage: Any = flambeau.UntypedStorage
