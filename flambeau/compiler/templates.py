"""Items that are not loops: each kind is lowered by a template of the backend, or runs in Python between native runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..cpu.gemm import MatrixAccess, lower_matmul
from ..cpu.kernel import Call, Operand
from ..cpu.scatter import lower_scatter
from ..cpu.windows import lower_template
from ..graph.dtypes import dtype
from ..graph.shapes import View, broadcast_strides
from .fuse import Group
from .items import Access, Item, Number
from .lower import Late, Shifted, entered, lower_write


class HostCall:
    """A value computed by a NumPy function between two native runs."""

    __slots__ = ("item", "outputs", "reads", "writes", "label")

    def __init__(self, item: Item, outputs: list[Item]) -> None:
        self.item = item
        self.outputs = outputs
        self.reads = tuple(o.source.store() for o in item.operands if isinstance(o, Access))
        self.writes = tuple(o.store() for o in outputs)
        self.label = getattr(item.attributes[2], "__name__", "host")

    def run(self, memory: Callable[[Operand], tuple[Any, int]], numbers: Sequence[Any]) -> None:
        """Call the function on arrays over the operands' memory and store what it returns."""
        arrays = []
        for operand in self.item.operands:
            assert isinstance(operand, Access)
            buffer, offset = memory(operand.source.store())
            d = operand.source.dtype
            strides = tuple(s * d.itemsize for s in operand.strides)
            if operand.offset is not None:
                offset += numbers[operand.offset.index] * d.itemsize
            array = buffer.peek(numpy_of(d), operand.sizes, strides, offset)
            array.flags.writeable = False
            arrays.append(array)
        _, _, function, parameters = self.item.attributes
        results = function(*arrays, **dict(parameters))
        if not isinstance(results, tuple):
            results = (results,)
        for output in self.outputs:
            number = 0 if output is self.item else output.attributes[2]
            buffer, offset = memory(output.store())
            strides = tuple(s * output.dtype.itemsize for s in output.whole().strides)
            target = buffer.peek(numpy_of(output.dtype), output.shape, strides, offset)
            target[...] = results[number]


def numpy_of(d: dtype) -> np.dtype:
    """The NumPy dtype that a host function sees (bfloat16 as its bits)."""
    return np.dtype(np.uint16) if d.numpy is None else d.numpy


def lower_single(group: Group, in_place: bool) -> list[Call | HostCall]:
    """The work of a template's group: its item, and further outputs of it."""
    item = group.items[0]
    kind = item.primitive.kind
    if kind == "host":
        return [HostCall(item, group.items)]
    if kind == "matmul":
        return list(_matmul(item))
    if kind == "write":
        return list(_update(item, in_place, _write))
    if kind == "scatter":
        return list(_update(item, in_place, _scatter))
    if kind == "join":
        return list(_join(item))
    return list(_template(item, group.items))


def _matmul(item: Item) -> Iterable[Call]:
    a, b = (matrix_access(o, item.shape[:-2]) for o in item.operands if isinstance(o, Access))
    first = item.operands[0]
    assert isinstance(first, Access)
    *batch, m, n = item.shape
    k = first.sizes[-1]
    return lower_matmul(item.dtype.llvm, tuple(batch), m, n, k, a, b, result_access(item, item.store()))


def result_access(item: Item, operand: Operand) -> MatrixAccess:
    """Where a product's results go when they lie row by row."""
    strides = item.whole().strides
    return MatrixAccess(operand, 0, tuple(strides[:-2]), strides[-2], strides[-1])


def matrix_access(access: Access, batch: tuple[int, ...]) -> MatrixAccess:
    """A matrix operand; batch axes that it lacks or repeats have stride 0."""
    strides = broadcast_strides(access.sizes[:-2], access.strides[:-2], batch)
    return MatrixAccess(entered(access), 0, strides, access.strides[-2], access.strides[-1])


def _update(item: Item, in_place: bool, template: Callable[[Item], list[Call]]) -> list[Call]:
    """An update of a value: in its own memory, or in a copy made first."""
    calls: list[Call] = []
    if not in_place and item.count:
        access = item.operands[0]
        assert isinstance(access, Access)
        whole = View(item.shape, item.whole().strides, 0)
        calls.append(lower_write(whole, item.store(), item.dtype, access))
        calls[-1].label = "copy"
    calls += template(item)
    for call in calls:
        source = item.operands[0]
        assert isinstance(source, Access)
        call.reads = (*call.reads, source.source.store())
        call.writes = tuple(dict.fromkeys((*call.writes, item.store())))
    return calls


def _write(item: Item) -> list[Call]:
    view: View = item.attributes
    value = item.operands[1]
    assert isinstance(value, Access)
    if 0 in view.sizes:
        return []
    offset = item.operands[2] if len(item.operands) > 2 else None
    assert offset is None or isinstance(offset, Number)
    return [lower_write(view, item.store(), item.dtype, value, offset)]


def _join(item: Item) -> list[Call]:
    """Write each part into its place of a new value."""
    shape, d, axis, stacked = item.attributes
    strides = item.whole().strides
    calls = []
    start = 0
    for part in item.operands:
        assert isinstance(part, Access)
        place = View(part.sizes, strides[:axis] + strides[axis + 1 :] if stacked else strides, 0)
        if 0 not in part.sizes:
            calls.append(lower_write(place, item.store(), d, part, start=start))
            calls[-1].label = "join"
        start += strides[axis] * (1 if stacked else part.sizes[axis])
    return calls


def _scatter(item: Item) -> list[Call]:
    shape, strides, offset, extents, index_strides, mode, check = item.attributes
    if 0 in shape:
        return []
    operands = [o.expanded(tuple(shape)) for o in item.operands[1:] if isinstance(o, Access)]
    late = [Late(check, item.place, number, extent) for number, extent in enumerate(extents)]
    return [
        lower_scatter(
            item.dtype,
            mode,
            shape,
            strides,
            offset,
            extents,
            index_strides,
            item.store(),
            operands,
            late,
            check.wraps,
            Shifted,
            entered,
        )
    ]


def _template(item: Item, items: list[Item]) -> list[Call]:
    inputs = [entered(o) for o in item.operands if isinstance(o, Access)]
    outputs: list[Operand | None] = [item.store()]
    for other in items[1:]:
        number = other.attributes[2]
        while len(outputs) <= number:
            outputs.append(None)
        outputs[number] = other.store()
    return lower_template(item.primitive.name, item.attributes, inputs, outputs)


__all__ = ["HostCall", "lower_single", "numpy_of"]
