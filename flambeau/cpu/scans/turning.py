"""Blocks of sixteen elements of sixteen lines in a small array: line by line as they lie in memory, step by step for scanning."""

from __future__ import annotations

from typing import Any

from ..ir import Builder, parameters
from ..lanes import transposed
from ..values import LANES, Pointer

BLOCK = LANES * LANES


def turn(b: Builder, block: Pointer) -> None:
    """Transpose a block where it lies. All of a kernel's blocks of one type share the code."""
    element = block.to

    def write(inside: Builder, a: Any) -> None:
        rows = [(a.block + row * LANES).load(LANES) for row in range(LANES)]
        for row, values in enumerate(transposed(rows)):
            a.block[row * LANES] = values

    b.module.function(f"turn_{element.element}", parameters(element, "block", ""), write)(b, block=block)
