"""What is said of values that differ: how many, by how much at most and where, and what would have been allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.tensor import Tensor
from ..graph.dtypes import int64

Identifier = str | Callable[[str], str] | None
"""What is compared, in place of "Scalars" or "Tensor-likes"; or a function that makes it of these."""


class ErrorMeta(Exception):
    """A mismatch before it is reported: the type of the error, its message, and where in containers the values were."""

    def __init__(self, type: type[Exception], msg: str, *, id: tuple[Any, ...] = ()) -> None:
        super().__init__(msg)
        self.type = type
        self.msg = msg
        self.id = id

    def to_error(self, msg: str | Callable[[str], str] | None = None) -> Exception:
        """The error itself; ``msg`` replaces the message, or makes another of it."""
        if isinstance(msg, str):
            return self.type(msg)
        text = self.msg
        if self.id:
            text += "\n\nThe failure occurred for item " + "".join(f"[{item!r}]" for item in self.id)
        return self.type(text if msg is None else msg(text))


def scalars(actual: Any, expected: Any, *, rtol: float, atol: float, identifier: Identifier = None) -> str:
    """The message for two numbers."""
    difference = abs(actual - expected)
    relative = float("inf") if expected == 0 else difference / abs(expected)
    lines = [f"Expected {expected} but got {actual}."]
    for kind, value, allowed in (("Absolute", difference, atol), ("Relative", relative, rtol)):
        lines.append(f"{kind} difference: {value}" + _allowed(allowed, rtol, atol))
    return _headed("Scalars", identifier, rtol, atol, lines)


def tensors(
    actual: Tensor, expected: Tensor, matches: Tensor, *, rtol: float, atol: float, identifier: Identifier = None
) -> str:
    """The message for two tensors of one shape and dtype that agree where ``matches`` says so."""
    count = matches.numel()
    wrong = count - int(matches.sum())
    lines = [f"Mismatched elements: {wrong} / {count} ({wrong / count:.1%})"]
    if not (actual.dtype.is_floating_point or actual.dtype.is_complex):
        actual, expected = actual.to(int64), expected.to(int64)
    equal = matches.flatten()
    difference = (actual.flatten() - expected.flatten()).abs().masked_fill(equal, 0)
    relative = (difference / expected.flatten().abs()).masked_fill(equal, 0)
    for kind, values, allowed in (("absolute", difference, atol), ("relative", relative, rtol)):
        largest, place = values.max(0)
        index = tuple(int(i) for i in np.unravel_index(int(place), tuple(matches.shape)))
        lines.append(f"Greatest {kind} difference: {largest.item()} at index {index}" + _allowed(allowed, rtol, atol))
    return _headed("Tensor-likes", identifier, rtol, atol, lines)


def _allowed(tolerance: float, rtol: float, atol: float) -> str:
    return f" (up to {tolerance} allowed)" if rtol or atol else ""


def _headed(default: str, identifier: Identifier, rtol: float, atol: float, lines: list[str]) -> str:
    name = identifier(default) if callable(identifier) else identifier or default
    return f"{name} are not {'close' if rtol or atol else 'equal'}!\n\n" + "\n".join(lines)
