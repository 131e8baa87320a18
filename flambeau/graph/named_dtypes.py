"""Dtypes that PyTorch has and no tensor has here: they can be named, compared, and asked what they are like."""

from __future__ import annotations

from typing import Any

from ..version import __version__
from .dtypes import CATEGORY, dtype


class NamedDtype(dtype):
    """A dtype that no tensor has: what a tensor would need of it raises ``NotImplementedError``."""

    __slots__ = ()
    __module__ = dtype.__module__  # pickles look for it there

    def __init__(self, name: str, kind: Any, itemsize: int, signed: bool = True) -> None:
        self.name, self.kind, self.itemsize, self.signed = name, kind, itemsize, signed
        self.category = CATEGORY.get(kind, 1)
        self.stored = False

    def _refuse(self) -> Any:
        raise NotImplementedError(f"Flambeau {__version__} does not offer tensors of dtype {self}")

    numpy = memory = rank = property(_refuse)  # type: ignore[assignment]


_SIZES = {"16": 2, "32": 4, "64": 8, "128": 16}


def _size(name: str) -> int:
    """The bytes of an element: what is less than a byte has one."""
    return next((size for digits, size in _SIZES.items() if name.endswith(digits)), 1)


_NAMED = [
    NamedDtype("float4_e2m1fn_x2", "float", 1),
    *(NamedDtype(f"int{bits}", "integer", 1) for bits in range(1, 8)),
    *(NamedDtype(f"uint{bits}", "integer", _size(f"uint{bits}"), signed=False) for bits in range(1, 8)),
    *(NamedDtype(name, "integer", _size(name)) for name in ("qint8", "qint32")),
    *(NamedDtype(name, "integer", 1, signed=False) for name in ("quint8", "quint4x2", "quint2x4")),
    *(NamedDtype(name, "bits", _size(name)) for name in ("bits8", "bits16", "bits1x8", "bits2x4", "bits4x2")),
]  # fmt: skip
globals().update({d.name: d for d in _NAMED})
bit = globals()["uint1"]

NAMED_DTYPES = _NAMED

NAMES = [name for name, value in globals().items() if isinstance(value, NamedDtype)]
