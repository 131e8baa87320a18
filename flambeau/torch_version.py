"""A version that compares as a version, with strings and with tuples of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import zip_longest
from typing import Any


def _numbers(version: Any) -> list[int]:
    """The release numbers of ``"1.9.0+cpu"`` or ``(1, 9)``; what follows them does not count."""
    if isinstance(version, str):
        match = re.match(r"v?(\d+(?:\.\d+)*)", version)
        if match is None:
            raise ValueError(f"Invalid version: '{version}'")
        return [int(number) for number in match[1].split(".")]
    return [int(number) for number in version if str(number).isdigit()]


def _comparison(operator: str) -> Callable[[TorchVersion, Any], bool]:
    def compare(self: TorchVersion, other: Any) -> bool:
        pairs = list(zip_longest(_numbers(str(self)), _numbers(other), fillvalue=0))
        result: bool = getattr(tuple, operator)(tuple(a for a, _ in pairs), tuple(b for _, b in pairs))
        return result

    compare.__name__ = operator
    return compare


class TorchVersion(str):
    """``TorchVersion("2.13.0") >= "2.9"`` holds, as does ``> (1, 9)``: numbers are compared, not characters."""

    __slots__ = ()

    __lt__ = _comparison("__lt__")
    __le__ = _comparison("__le__")
    __gt__ = _comparison("__gt__")
    __ge__ = _comparison("__ge__")

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) or (
            isinstance(other, (str, tuple, list)) and _numbers(str(self)) == _numbers(other)
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)
