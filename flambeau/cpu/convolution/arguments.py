"""The static arguments of a template's kernels, by name."""

from __future__ import annotations

from ...kernels.kernel import Operand
from ..ir import Builder


class Layout:
    """The order of a kernel's static arguments: operands first (two places each), then named integers, then whatever
    follows (an epilogue's arguments, tables of varying length)."""

    def __init__(self, operands: tuple[str, ...], integers: tuple[str, ...]) -> None:
        self.operands = operands
        self.integers = integers
        self.end = 2 * len(operands) + len(integers)

    def pack(self, values: dict[str, int | Operand]) -> list[int | Operand]:
        """The arguments of a call, in order."""
        return [values[name] for name in (*self.operands, *self.integers)]

    def load(self, b: Builder) -> dict[str, str]:
        """The kernel's side: every argument as a value (an operand as its address)."""
        loaded = {name: b.operand(2 * index) for index, name in enumerate(self.operands)}
        first = 2 * len(self.operands)
        return loaded | {name: b.argument(first + index) for index, name in enumerate(self.integers)}
