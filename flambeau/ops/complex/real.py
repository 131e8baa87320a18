"""The operations on real numbers that those on complex ones are made of, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..operation import MODULES, NAMESPACE


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
