"""The operations on dense tensors of real numbers by their names: those on complex and on sparse ones are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .operation import MODULES, NAMESPACE


class Operations:
    """Operations of one module as attributes."""

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        try:
            return self._names[name]
        except KeyError:
            raise AttributeError(name) from None


real, functional, linalg = Operations(NAMESPACE), Operations(MODULES["functional"]), Operations(MODULES["linalg"])
