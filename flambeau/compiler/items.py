"""A trace as the compiler sees it: items, the accesses between them, and which of them are needed."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..graph.dtypes import dtype
from ..graph.primitives import COLUMN_SUMS, COPY, LEAF, Primitive, nbytes
from ..graph.shapes import MOVED, broadcast_strides, row_major_strides
from ..kernels.kernel import Number, Operand


class Access:
    """How an item reads another one: for an index over ``sizes``, the element at offset + index · strides.

    The offset is a number given at each run, or None for zero.
    """

    __slots__ = ("source", "sizes", "strides", "offset", "_runs")

    def __init__(
        self, source: Item, sizes: Sequence[int], strides: Sequence[int], offset: Number | None = None
    ) -> None:
        self.source = source
        self.sizes = tuple(sizes)
        self.strides = tuple(strides)
        self.offset = offset
        self._runs: list[tuple[int, int]] | None = None

    def expanded(self, shape: tuple[int, ...]) -> Access:
        """The access repeated along missing and extent-1 axes of a larger shape."""
        if len(shape) == len(self.sizes) and shape == self.sizes:  # tuples are compared from the front
            return self
        return Access(self.source, shape, broadcast_strides(self.sizes, self.strides, shape), self.offset)

    @property
    def runs(self) -> list[tuple[int, int]]:
        """(extent, stride) from the outermost axis inwards, with axes merged wherever one stride serves both."""
        if self._runs is None:
            self._runs = merge_axes(self.sizes, self.strides)
        return self._runs

    @property
    def dense(self) -> bool:
        """Whether the access reads all of its source's elements in their order."""
        if self.offset is not None or prod(self.sizes) != prod(self.source.shape):
            return False
        runs = self.runs
        return not runs or (len(runs) == 1 and runs[0][1] == 1)


def merge_axes(sizes: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Axes of extent 1 dropped, neighbours merged where possible: (extent, stride), outermost first."""
    runs: list[tuple[int, int]] = []
    for n, s in zip(sizes, strides):
        if n == 1:
            continue
        if runs and runs[-1][1] == n * s:
            runs[-1] = (runs[-1][0] * n, s)
        else:
            runs.append((n, s))
    return runs


class Item:
    """One value of the trace, or one that the compiler added."""

    __slots__ = (
        "place", "primitive", "attributes", "operands", "shape", "dtype", "compute", "live", "needed", "group", "level",
        "stage", "operand", "site", "position", "users",
    )  # fmt: skip

    def __init__(
        self, place: int, primitive: Primitive, attributes: Any, operands: list[Access | Number], shape: tuple[int, ...],
        d: dtype, compute: dtype, site: tuple[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.place = place
        self.primitive = primitive
        self.attributes = attributes
        self.operands = operands
        self.shape = tuple(shape)
        self.dtype = d
        self.compute = compute
        self.live = False
        self.needed = False
        self.group: Any = None
        self.level = "element"
        self.stage = 0
        #: Where the value is stored, once it is known that it must be.
        self.operand: Operand | None = None
        self.site = site
        self.position = 0
        self.users = 0

    @property
    def count(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return nbytes(self.shape, self.dtype)

    def store(self) -> Operand:
        """The memory of this value; asking for it makes the value stored."""
        if self.operand is None:
            self.operand = Operand(max(self.bytes, 1), f"{self.primitive.name}:{self.place}")
        return self.operand

    def whole(self) -> Access:
        """An access that reads the whole value as it is."""
        return Access(self, self.shape, row_major_strides(self.shape))

    def __repr__(self) -> str:
        return f"{self.place}:{self.primitive.name}{list(self.shape)}"


def items_of(steps: Sequence[Any], live: Sequence[int], checked: int) -> list[Item]:
    """The items of a trace of these steps, in recorded order, with what is not needed left out.

    What may find an error and lies before place ``checked`` is needed.
    """
    items: list[Item] = []
    numbers = 0
    for place, step in enumerate(steps):
        operands: list[Access | Number] = []
        for source, view in step.operands:
            if type(source) is str:
                operands.append(Number(numbers, source))
                numbers += 1
            elif view is None:
                operands.append(items[source].whole())
            else:
                offset = None
                if view.offset == MOVED:
                    offset = Number(numbers, "i")
                    numbers += 1
                operands.append(Access(items[source], view.sizes, view.strides, offset))
        item = Item(place, step.primitive, step.attributes, operands, step.shape, step.dtype, step.compute, step.site)
        if step.primitive.kind == "map":
            item.operands = [o.expanded(item.shape) if isinstance(o, Access) else o for o in operands]
        elif step.primitive.kind == "gather":
            item.operands[1:] = [o.expanded(item.shape) if isinstance(o, Access) else o for o in operands[1:]]
        item.live = bool(live[place]) and step.primitive is not LEAF
        items.append(item)
    for item in reversed(items):
        if item.primitive.late and not item.needed and item.place < checked:
            item.live = True  # nobody needs the value, but an index out of range is an error all the same
        if item.live or item.needed:
            item.needed = True
            for o in item.operands:
                if isinstance(o, Access):
                    o.source.needed = True
                    o.source.users += 1
    return [item for item in items if item.needed]


def copy_of(access: Access, place: int) -> Item:
    """A new item that makes a contiguous copy of what an access reads."""
    source = access.source
    item = Item(place, COPY, None, [access], access.sizes, source.dtype, source.dtype, source.site)
    item.needed = True
    item.users = 1
    return item


def column_sums_of(access: Access, place: int, runs: int, columns: int, d: dtype) -> Item:
    """A new item of shape (runs, columns): the column sums of runs of rows, in ``d``."""
    source = access.source
    item = Item(place, COLUMN_SUMS, None, [access], (runs, columns), d, d, source.site)
    item.needed = True
    item.users = 1
    return item
