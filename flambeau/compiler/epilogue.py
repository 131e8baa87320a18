"""Products and convolutions with an epilogue: what follows element by element, computed on results still in registers."""

from __future__ import annotations

from math import prod
from typing import Any

from ..graph.primitives import MATMUL
from ..kernels.contract import Device
from ..kernels.kernel import Call, Epilogue
from .fuse import Group
from .items import Access, Item
from .lower import Lowering, describe, operand_of
from .templates import matrix_access


class EpilogueLowering(Lowering):
    """The program of what follows a template's results, over a grid of (outer, middle, inner) elements."""

    def __init__(self, group: Group, device: Device) -> None:
        template = group.items[0]
        shape = template.shape
        if template.primitive is MATMUL:
            self.batch, self.middle, self.inner = shape[:-2], shape[-2], shape[-1]
        else:
            self.batch, self.middle, self.inner = shape[:1], shape[1], prod(shape[2:])
        super().__init__(group, device)
        self.program.kind = "epilogue"

    def _set_axes(self) -> None:
        grid = self.middle * self.inner
        self.outer = [(self.group.count // grid, grid), (self.middle, self.inner)]

    def _header(self) -> list[Any]:
        return [self.middle, self.inner, *self.batch]

    def _item(self, item: Item) -> int:
        if item is self.group.items[0]:
            return self.add(None, "result", item.dtype, "element", 0, ())
        return super()._item(item)

    def calls(self) -> list[Call]:
        """The template's calls with this program as their epilogue."""
        for item in self.group.items:
            self.item(item)
        self.stores()
        epilogue = Epilogue(
            self.program,
            self.arguments,
            tuple(dict.fromkeys(self.reads)),
            tuple(dict.fromkeys(self.writes)),
            len(self.batch),
        )
        template = self.group.items[0]
        first, second = (o for o in template.operands if isinstance(o, Access))
        if template.primitive is MATMUL:
            *batch, m, n = template.shape
            a, b = matrix_access(first, tuple(batch)), matrix_access(second, tuple(batch))
            calls = self.device.product(template.dtype, tuple(batch), m, n, first.sizes[-1], a, b, epilogue)
        else:
            _, _, geometry = template.attributes
            calls = self.device.convolution(geometry, operand_of(first), operand_of(second), epilogue)
        calls[-1].label += " with " + describe(self.group).partition(" ")[2]
        return calls
