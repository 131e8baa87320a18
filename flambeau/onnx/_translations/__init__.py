"""How operations beneath Python are written in ONNX: one row for each, in the file of its family.

A row is a function of the builder and of what the operation is given: values of the graph, and numbers as they are. It gives
the value of the result, or several. ``builder.result`` says what dtype and sizes that has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import (
    creation,
    elementwise,
    indexing,
    layers,
    losses,
    matrices,
    pooling,
    recurrent,
    reductions,
    resizing,
    shapes,
)
from .shapes import RESTORED, VIEWS

__all__ = ["RESTORED", "TABLE", "VIEWS"]

TABLE: dict[str, Callable[..., Any]] = {
    name: row
    for family in (
        elementwise, reductions, shapes, indexing, matrices, layers, pooling, resizing, recurrent, losses, creation
    )
    for name, row in family.ROWS.items()
}  # fmt: skip
"""{name of an operation of aten's, without the form: its row}."""
