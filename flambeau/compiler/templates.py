"""Items that are not loops: each kind is lowered by a template of the backend, or runs in Python between native runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from math import prod
from typing import Any

import numpy as np

from ..graph.primitives import ATTENTION, CONVOLUTION, CTC_LOSS, FILL, RECURRENT, nbytes
from ..graph.shapes import broadcast_strides
from ..graph.structure import Layout
from ..kernels.contract import Device
from ..kernels.kernel import (
    GATES,
    KEPT,
    Alignment,
    Attention,
    Call,
    Late,
    MatrixAccess,
    Number,
    Operand,
    Recurrent,
    Scan,
    Scatter,
    Shifted,
    Strided,
)
from .fuse import Group
from .items import Access, Item
from .lower import lower_write, operand_of


class HostCall:
    """A value computed by a NumPy function between two native runs."""

    __slots__ = ("function", "parameters", "inputs", "outputs", "reads", "writes", "label")

    def __init__(self, item: Item, outputs: list[Item]) -> None:
        _, _, self.function, parameters = item.attributes
        self.parameters = dict(parameters)
        accesses = [operand for operand in item.operands if isinstance(operand, Access)]
        self.inputs = [_Array(access) for access in accesses]
        #: Which of the function's results each array takes.
        self.outputs = [(0 if o is item else o.attributes[2], _Array(o.whole())) for o in outputs]
        self.reads = tuple(array.operand for array in self.inputs)
        self.writes = tuple(array.operand for _, array in self.outputs)
        self.label = getattr(self.function, "__name__", "host")

    def run(self, memory: Callable[[Operand], tuple[Any, int]], numbers: Sequence[Any]) -> None:
        """Call the function on arrays over the operands' memory and store what it returns."""
        arrays = [array.over(memory, numbers) for array in self.inputs]
        for array in arrays:
            array.flags.writeable = False
        try:
            results = self.function(*arrays, **self.parameters)
        except MemoryError as error:
            raise RuntimeError(f"DefaultCPUAllocator: can't allocate memory: {error}") from None
        if not isinstance(results, tuple):
            results = (results,)
        for number, output in self.outputs:
            output.over(memory, numbers)[...] = results[number]


    def sizes(self) -> list[int]:
        """What of it depends on sizes: of each array where it begins, its extents and strides."""
        return [size for array in self.arrays() for size in (array.operand.offset, *array.sizes, *array.strides)]

    def with_sizes(self, sizes: Iterator[int]) -> HostCall:
        """The same for other sizes, taken in that order."""
        made: HostCall = object.__new__(HostCall)
        made.function, made.parameters, made.label = self.function, self.parameters, self.label
        made.reads, made.writes = self.reads, self.writes
        made.inputs = [array.with_sizes(sizes) for array in self.inputs]
        made.outputs = [(number, array.with_sizes(sizes)) for number, array in self.outputs]
        return made

    def arrays(self) -> list[_Array]:
        """What it reads and writes."""
        return [*self.inputs, *[array for _, array in self.outputs]]


class _Array:
    """An access as a NumPy array over an operand's memory."""

    __slots__ = ("operand", "dtype", "sizes", "strides", "number")

    def __init__(self, access: Access) -> None:
        d = access.source.dtype
        self.operand = access.source.store()
        self.dtype = d.memory
        self.sizes = access.sizes
        self.strides = tuple(s * d.itemsize for s in access.strides)
        #: Which of the numbers given at each run is the offset.
        self.number = None if access.offset is None else access.offset.index

    def with_sizes(self, sizes: Iterator[int]) -> _Array:
        made: _Array = object.__new__(_Array)
        made.dtype, made.number = self.dtype, self.number
        made.operand = Operand(0, self.operand.name)
        made.operand.slot, made.operand.offset = self.operand.slot, next(sizes)
        made.sizes = tuple(islice(sizes, len(self.sizes)))
        made.strides = tuple(islice(sizes, len(self.strides)))
        return made

    def over(self, memory: Callable[[Operand], tuple[Any, int]], numbers: Sequence[Any]) -> np.ndarray:
        buffer, offset = memory(self.operand)
        if self.number is not None:
            offset += numbers[self.number] * self.dtype.itemsize
        return buffer.peek(self.dtype, self.sizes, self.strides, offset)  # type: ignore[no-any-return]


def lower_single(device: Device, group: Group, in_place: bool) -> list[Call | HostCall]:
    """The work of a template's group: its item, and further outputs of it."""
    item = group.items[0]
    kind = item.primitive.kind
    if kind == "host":
        return [HostCall(item, group.items)]
    if kind == "matmul":
        return _matmul(device, item)
    if kind == "write":
        return list(_update(device, item, in_place, _write))
    if kind == "scatter":
        return list(_update(device, item, in_place, _scatter))
    if kind == "join":
        return list(_join(device, item))
    if kind == "scan":
        return list(_scan(device, item, group.items))
    if kind == "attention":
        return list(_attention(device, item, group.items))
    if kind == "ctc":
        return list(_ctc(device, item, group.items))
    if kind == "recurrent":
        return list(_recurrent(device, item, group.items))
    return list(_template(device, item, group.items))


def _matmul(device: Device, item: Item) -> list[Call | HostCall]:
    a, b = (matrix_access(o, item.shape[:-2]) for o in item.operands if isinstance(o, Access))
    first = item.operands[0]
    assert isinstance(first, Access)
    *batch, m, n = item.shape
    strides = item.whole().strides
    result = MatrixAccess(item.store(), 0, tuple(strides[:-2]), strides[-2], strides[-1])
    return [*device.product(item.dtype, tuple(batch), m, n, first.sizes[-1], a, b, result)]


def matrix_access(access: Access, batch: tuple[int, ...]) -> MatrixAccess:
    """A matrix operand; batch axes that it lacks or repeats have stride 0."""
    strides = broadcast_strides(access.sizes[:-2], access.strides[:-2], batch)
    return MatrixAccess(operand_of(access), 0, strides, access.strides[-2], access.strides[-1])


def _update(device: Device, item: Item, in_place: bool, template: Callable[[Device, Item], list[Call]]) -> list[Call]:
    """An update of a value: in its own memory, or in a copy made first."""
    calls: list[Call] = []
    if not in_place and item.count:
        access = item.operands[0]
        assert isinstance(access, Access)
        whole = Layout(item.shape, item.whole().strides, 0)
        calls.append(lower_write(device, whole, item.store(), item.dtype, access))
        calls[-1].label = "copy"
    calls += template(device, item)
    for call in calls:
        source = item.operands[0]
        assert isinstance(source, Access)
        call.reads = (*call.reads, source.source.store())
        call.writes = tuple(dict.fromkeys((*call.writes, item.store())))
    return calls


def _write(device: Device, item: Item) -> list[Call]:
    view: Layout = item.attributes
    value = item.operands[1]
    assert isinstance(value, Access)
    if 0 in view.sizes:
        return []
    offset = item.operands[2] if len(item.operands) > 2 else None
    assert offset is None or isinstance(offset, Number)
    return [lower_write(device, view, item.store(), item.dtype, value, offset)]


def _join(device: Device, item: Item) -> list[Call]:
    """Write each part into its place of a new value."""
    shape, d, axis, stacked = item.attributes
    strides = item.whole().strides
    calls: list[Call] = []
    start = 0
    before: Access | None = None
    for part in item.operands:
        assert isinstance(part, Access)
        if 0 not in part.sizes:
            call = _written_like(calls[-1], before, part, item.store(), start * d.itemsize) if before is not None else None
            if call is None:
                place = Layout(part.sizes, strides[:axis] + strides[axis + 1 :] if stacked else strides, 0)
                call = lower_write(device, place, item.store(), d, part, start=start)
                call.label = "join"
            calls.append(call)
            before = part
        start += strides[axis] * (1 if stacked else part.sizes[axis])
    return calls


def _written_like(call: Call, before: Access, part: Access, target: Operand, start: int) -> Call | None:
    """The call that wrote ``before``, for ``part`` and another place of the target; None if they do not lie alike."""
    layouts = zip((*before.sizes, *before.strides), (*part.sizes, *part.strides), strict=True)
    if before.source.dtype is not part.source.dtype or before.offset is not None or part.offset is not None:
        return None
    if FILL in (before.source.primitive, part.source.primitive):  # constants are in no memory
        return None
    if not all([one is other for one, other in layouts]):  # symbols that are compared would be guards
        return None
    written, read = before.source.store(), part.source.store()
    if sum([argument is written for argument in call.arguments]) != 1:
        return None
    arguments = [
        read if argument is written else Shifted(target, start) if isinstance(argument, Shifted) else argument
        for argument in call.arguments
    ]
    return replace(call, arguments=arguments, reads=tuple([read if operand is written else operand for operand in call.reads]))


def _scatter(device: Device, item: Item) -> list[Call]:
    shape, strides, offset, extents, index_strides, mode, check = item.attributes
    if 0 in shape:
        return []
    value, *indices = [_strided(o.expanded(tuple(shape))) for o in item.operands[1:] if isinstance(o, Access)]
    errors = [Late(check, item.place, number, extent) for number, extent in enumerate(extents)]
    target = item.store()
    scatter = Scatter(
        item.dtype, mode, tuple(shape), target, Shifted(target, offset * item.dtype.itemsize), tuple(strides),
        value, tuple(indices), tuple(extents), tuple(index_strides), tuple(errors), check.wraps,
    )  # fmt: skip
    return [device.scatter(scatter)]


def _scan(device: Device, item: Item, items: list[Item]) -> list[Call]:
    shape, d, axis, backwards = item.attributes
    sources = tuple([_strided(access) for access in item.operands if isinstance(access, Access)])
    result, places = _outputs(items, 2)
    assert result is not None
    strides = item.whole().strides
    return device.scan(Scan(item.primitive.name, d, tuple(shape), axis, backwards, sources, strides, result, places))


def _ctc(device: Device, item: Item, items: list[Item]) -> list[Call]:
    _, d, blank, setting = item.attributes
    log_probs, targets, lengths, target_lengths, *further = [o for o in item.operands if isinstance(o, Access)]
    frames, samples, labels = log_probs.sizes
    joined = len(targets.sizes) == 1
    forward = item.primitive is CTC_LOSS
    extents = (0, frames, 0, prod(targets.sizes) if joined else targets.sizes[-1], labels)
    errors = [Late(check, item.place, 0, extent) for check, extent in zip(setting, extents)] if forward else ()
    problem = Alignment(
        frames, samples, labels, blank, 0 if joined else targets.sizes[-1], prod(targets.sizes), joined, _strided(log_probs),
        operand_of(targets), operand_of(lengths), operand_of(target_lengths), tuple(errors),
    )  # fmt: skip
    if forward:
        loss, states = _outputs(items, 2)
        assert loss is not None
        return device.ctc_loss(d, problem, loss, states or Operand(frames * (2 * problem.total + 3 * samples) * d.itemsize))
    grad, known, kept = further
    return device.ctc_gradient(d, problem, setting, _strided(grad), operand_of(known), operand_of(kept), item.store())


def _recurrent(device: Device, item: Item, items: list[Item]) -> list[Call]:
    """A recurrent layer over packed rows, or its gradient. A device writes all outputs, be they needed or not."""
    _, d, kind, reverse, *settings = item.attributes
    read = [operand for operand in item.operands if isinstance(operand, Access)]
    forward = item.primitive is RECURRENT
    projected = read.pop(0) if forward else None
    sizes, weight, *others = read
    hidden, (rows, _) = weight.sizes[1], item.shape
    count = 2 if kind == "lstm" else 1
    states = others[:count] if forward else others[1 + count : 1 + 2 * count]
    (steps,), sequences = sizes.sizes, states[0].sizes[0]
    problem = Recurrent(
        kind, d, reverse, steps, sequences, rows, hidden, operand_of(sizes), matrix_access(weight, ())
    )  # fmt: skip
    outputs = iter(_outputs(items, 3 + 2 * count))

    def stored(rows: int, columns: int) -> Operand:
        return next(outputs) or Operand(rows * columns * d.itemsize, "unneeded output")

    def of_states(rows: int) -> list[Operand]:
        return [stored(rows, hidden) for _ in range(count)]

    if projected is not None:
        biased, keeps = settings
        bias = operand_of(others[count]) if biased else None
        output, ends = stored(rows, hidden), of_states(sequences)
        kept = (stored(rows, hidden * KEPT[kind]), of_states(rows)) if keeps else None
        return device.recurrent(problem, _strided(projected), [*map(_strided, states)], bias, output, ends, kept)
    activations, *before = map(operand_of, others[: 1 + count])
    d_output = _strided(others[-1]) if settings[0] else None
    d_projected, d_initial = stored(rows, hidden * GATES[kind]), of_states(sequences)
    d_product = stored(rows, hidden * GATES[kind]) if kind == "gru" else None
    return device.recurrent_gradient(
        problem, d_output, [*map(_strided, states)], activations, before, d_projected, d_initial, d_product
    )


def _outputs(items: list[Item], count: int) -> list[Operand | None]:
    """Where an item and its further outputs are stored; None for those that nobody needs."""
    outputs: list[Operand | None] = [items[0].store(), *[None] * (count - 1)]
    for other in items[1:]:
        outputs[other.attributes[2]] = other.store()
    return outputs


def _strided(access: Access) -> Strided:
    return Strided(access.source.store(), operand_of(access), access.source.dtype, access.strides)


def _template(device: Device, item: Item, items: list[Item]) -> list[Call]:
    _, d, geometry = item.attributes
    inputs = [operand_of(o) for o in item.operands if isinstance(o, Access)]
    if item.primitive is CONVOLUTION:
        x, w = inputs
        return device.convolution(geometry, x, w, item.store())
    count = 1 + max((other.attributes[2] for other in items[1:]), default=0)
    return device.windows(item.primitive.name, d, geometry, inputs, _outputs(items, count))


def _attention(device: Device, item: Item, items: list[Item]) -> list[Call]:
    """Attention, or its gradients. A device writes all outputs, be they needed or not."""
    causal, masked, *order = item.attributes
    read = [operand for operand in item.operands if isinstance(operand, Access)]
    gradient = None if item.primitive is ATTENTION else _strided(read.pop(0))
    (*batch, rows, width), (*_, places, value_width) = read[0].sizes, read[2].sizes
    query, key, value, *others = map(_strided, read)
    mask = others.pop(0) if masked else None
    scale, *dropout = (operand for operand in item.operands if isinstance(operand, Number))
    attention = Attention(
        item.dtype, tuple(batch), rows, places, width, value_width, query, key, value, mask, causal, scale, tuple(dropout) or None
    )  # fmt: skip

    def stored(output: Operand | None, *extents: int) -> Operand:
        return output or Operand(nbytes((*batch, *extents), item.dtype), "unneeded output")

    if gradient is None:
        strides, store = item.whole().strides, item.store()
        if order[0] is not None:
            strides = tuple(strides[order[0].index(axis)] for axis in range(len(strides)))
        _, sums = _outputs(items, 2)
        return device.attention(attention, Strided(store, store, item.dtype, strides), stored(sums, rows))
    first, second, third = _outputs(items, 3)
    results = stored(first, rows, width), stored(second, places, width), stored(third, places, value_width)
    sums_of, delta = (other.base for other in others)
    return device.attention_gradient(attention, gradient, sums_of, delta, results)


__all__ = ["HostCall", "lower_single"]
