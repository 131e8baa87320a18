"""Matrices whose rows are worked on in parts: cut into those of each step, and put together again.

:class:`Differentiated` does so with tensors and their history, :class:`Plain` where none is wanted: there the parts are values
under views, as composites take them, and no tensors are made that nobody would see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ..core.composite import recorded
from ..core.recording import Pair, contexts, tensor_of
from ..core.storage import whole
from ..core.tensor import Tensor
from ..graph import primitives as p
from ..graph.shapes import Size, View
from ..graph.trace import Node, record
from .dispatch import tracked
from .joining import MANY, cat, join

Steps = tuple[tuple[int, int], ...]
"""The first row and the number of rows of each step."""


class Plain:
    """Parts as pairs of value and view."""

    @staticmethod
    def of(x: Tensor | None) -> Pair:
        """A tensor as a part, or None as one that is not there."""
        return (None, None) if x is None else (x._read(), x._view)

    @staticmethod
    def tensor(part: Pair) -> Tensor:
        return tensor_of(*part)  # type: ignore[no-any-return]

    @staticmethod
    def count(part: Pair) -> int:
        """The number of rows."""
        node, view = part
        return (node.shape if view is None else view.sizes)[0]

    @staticmethod
    def cut(part: Pair, steps: Steps, block: int = 0, blocks: int = 1) -> list[Pair]:
        """The rows of each step, or one of equal blocks of their columns."""
        node: Node = part[0]
        view = part[1] or whole(node.shape)
        down, across = view.strides
        width = view.sizes[1] // blocks
        return [(node, seen) for seen in _views(steps, view.offset + block * width * across, width, down, across)]

    @staticmethod
    def joined(parts: Sequence[Pair]) -> Pair:
        """Parts one below the other."""
        node, view = parts[0]
        if len(parts) == 1:
            return node, view
        sizes = node.shape if view is None else view.sizes
        shape = Size((sum(map(Plain.count, parts)), *sizes[1:]))
        if len(parts) > MANY:
            return Plain.of(join([tensor_of(*part) for part in parts], shape, node.dtype, 0, False))
        return record(p.JOIN, (shape, node.dtype, 0, False), *parts), None

    @staticmethod
    def take(step: Callable[..., Sequence[Tensor]], *operands: Pair) -> list[Pair]:
        """What ``step(None, *operands)`` gives, by one look-up."""
        return recorded((step,), [*operands], _step, step)


def _step(step: Callable[..., Sequence[Tensor]], pairs: list[Pair]) -> Sequence[Tensor]:
    return step(None, *[tensor_of(*pair) for pair in pairs])


contexts[_step] = lambda step, name, pairs: step


@lru_cache(maxsize=64)
def _views(steps: Steps, first: int, width: int, down: int, across: int) -> list[View]:
    """The views of each step's rows in a matrix that begins at ``first``."""
    views = []
    known, rectangle = -1, None
    for start, count in steps:
        if count != known or rectangle is None:
            known, rectangle = count, View((count, width), (down, across), 1).moved
        views.append(rectangle.at(first + start * down))
    return views


class Differentiated:
    """Parts as tensors with a history."""

    @staticmethod
    def of(x: Tensor | None) -> Tensor | None:
        return x

    tensor = of

    @staticmethod
    def count(part: Tensor) -> int:
        return part.shape[0]

    @staticmethod
    def cut(part: Tensor, steps: Steps, block: int = 0, blocks: int = 1) -> list[Tensor]:
        width = part.shape[1] // blocks
        columns = part if blocks == 1 else part.narrow(1, block * width, width)
        return [columns.narrow(0, start, count) for start, count in steps]

    @staticmethod
    def joined(parts: Sequence[Tensor]) -> Tensor:
        return parts[0] if len(parts) == 1 else cat(list(parts))

    @staticmethod
    def take(step: Callable[..., Sequence[Tensor]], *operands: Tensor | None) -> Sequence[Tensor]:
        return step(None, *operands)


def way_for(*operands: Tensor | None) -> Any:
    """The one or the other, whichever the operands ask for."""
    return Differentiated if tracked(*operands) else Plain
