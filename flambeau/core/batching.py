"""How each primitive is computed for many samples at once, given how it was recorded for one.

A value that differs from sample to sample is *batched*: its node has one more axis in front, of the extent of the batch. A view
of it has one more axis, too, whose stride is the number of elements of one sample's value. What does not differ has the node
that one sample has. There is one rule for each kind of primitive; what has no other (decompositions, recurrent layers,
alignments) is computed sample by sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ..graph import primitives as p
from ..graph.shapes import Size, View, contiguous_strides
from ..graph.trace import Node, record, record_constant, record_outputs
from .storage import whole, written


class Value(NamedTuple):
    """What stands for a sample's value: a node, and whether it is batched."""

    node: Node
    batched: bool


class Operand(NamedTuple):
    """An operand as one sample reads it: a value under a view of it, whose ``sizes`` it has; or a Python number."""

    value: Any
    batched: bool = False
    view: View | None = None
    #: Shape of one sample's value.
    shape: Size = Size()

    @property
    def is_number(self) -> bool:
        return type(self.value) is not Node

    @property
    def sizes(self) -> Size:
        return self.shape if self.view is None else self.view.sizes


class Call(NamedTuple):
    """A primitive as it was recorded for one sample, with its further outputs."""

    primitive: p.Primitive
    attributes: Any
    operands: list[Operand]
    shape: Size
    dtype: Any
    compute: Any
    #: Attributes of its further outputs: shape, dtype and number.
    outputs: list[Any]
    #: How many samples there are, and whether random numbers differ between them.
    samples: int
    differs: bool


Rule = Callable[[Call], list[Value]]
"""Records a call with a batched operand, and gives what stands for its outputs."""
Pair = tuple[Any, View | None]


# --- operands of the batch ------------------------------------------------------------------------------------------------


def plain(operand: Operand) -> Pair:
    """An operand that is not batched, as it is recorded."""
    return operand.value, operand.view


def led(operand: Operand, rank: int, count: int) -> Pair:
    """A batched operand with the batch in front of ``rank`` axes, those that it lacks of extent 1; others as they are."""
    if not operand.batched:
        return plain(operand)
    view = operand.view or whole(operand.shape)
    lacking = rank - len(view.sizes)
    if not lacking and operand.view is None:
        return operand.value, None
    sizes = (count, *[1] * lacking, *view.sizes)
    return operand.value, View(sizes, (operand.shape.numel(), *[0] * lacking, *view.strides), view.offset)


def spread(operand: Operand, count: int) -> Pair:
    """An operand with the batch in front, whether it is batched or the same for all samples."""
    if operand.batched:
        return led(operand, len(operand.sizes), count)
    view = operand.view or whole(operand.shape)
    return operand.value, View((count, *view.sizes), (0, *view.strides), view.offset)


def owned(operand: Operand, count: int) -> Node:
    """The node of an operand of the whole batch that lies in row-major order, with nothing else in it."""
    if operand.batched and operand.view is None:
        return operand.value  # type: ignore[no-any-return]
    return record(p.COPY, None, spread(operand, count))


def _recorded(call: Call, attributes: Any, operands: Sequence[Pair], outputs: Sequence[Any] | None = None) -> list[Value]:
    """The batched outputs of a primitive recorded for all samples."""
    further = [((call.samples, *shape), *rest) for shape, *rest in call.outputs] if outputs is None else outputs
    if further:
        return [Value(node, True) for node in record_outputs(call.primitive, attributes, further, *operands)]
    return [Value(record(call.primitive, attributes, *operands), True)]


# --- a rule for each kind -------------------------------------------------------------------------------------------------


def _map(call: Call) -> list[Value]:
    """Element by element: the batch is one more axis, in front of all that are broadcast.

    A value without dimensions has one now, which would count for more where dtypes are promoted: it is converted first.
    """
    rank, operands = len(call.shape), []
    decided = call.primitive in (p.CHECK, p.CAST)
    for place, operand in enumerate(call.operands):
        pair = led(operand, rank, call.samples)
        scalar = operand.batched and not operand.sizes and operand.value.dtype is not call.compute
        if scalar and not decided and not (call.primitive is p.WHERE and place == 0):
            pair = record(p.CAST, call.compute, pair), None
        operands.append(pair)
    return _recorded(call, call.attributes, operands)


def _source(call: Call) -> list[Value]:
    """Random bits that differ: those of each sample follow those of the one before."""
    shape, d = call.attributes
    return _recorded(call, (Size((call.samples, *shape)), d), [plain(operand) for operand in call.operands])


def _gather(call: Call) -> list[Value]:
    source, *indices = call.operands
    rank = len(source.sizes)
    return _recorded(call, call.attributes, [spread(source, call.samples), *[led(i, rank, call.samples) for i in indices]])


def _scatter(call: Call) -> list[Value]:
    destination, *others = call.operands
    shape, strides, *rest = call.attributes
    attributes = ((call.samples, *shape), (destination.sizes.numel(), *strides), *rest)
    operands = [led(other, len(shape), call.samples) for other in others]
    return _recorded(call, attributes, [(owned(destination, call.samples), None), *operands])


def _write(call: Call) -> list[Value]:
    destination, value, *begin = call.operands
    view = call.attributes
    offset = begin[0].value if begin else 0
    of_all = View((call.samples, *view.sizes), (destination.sizes.numel(), *view.strides), offset)
    node, seen = led(value, len(view.sizes), call.samples)
    return [Value(written(owned(destination, call.samples), of_all, node, seen), True)]


def _join(call: Call) -> list[Value]:
    shape, d, axis, stacked = call.attributes
    attributes = (Size((call.samples, *shape)), d, axis + 1, stacked)
    return _recorded(call, attributes, [spread(part, call.samples) for part in call.operands])


def _reduce(call: Call) -> list[Value]:
    first, last, dropped, d = call.attributes
    attributes = (first + 1, last + 1, tuple([axis + 1 for axis in dropped]), d)
    (operand,) = call.operands
    return _recorded(call, attributes, [led(operand, len(operand.sizes), call.samples)])


def _scan(call: Call) -> list[Value]:
    shape, d, axis, backwards = call.attributes
    attributes = (Size((call.samples, *shape)), d, axis + 1, backwards)
    return _recorded(call, attributes, [spread(operand, call.samples) for operand in call.operands])


def _matmul(call: Call) -> list[Value]:
    rank = max(len(operand.sizes) for operand in call.operands)
    return _recorded(call, call.attributes, [led(operand, rank, call.samples) for operand in call.operands])


def _attention(call: Call) -> list[Value]:
    """Its batch axes are the same in all operands. Dropout that is the same for all samples goes by places: one by one."""
    numbers = [operand for operand in call.operands if operand.is_number]
    if len(numbers) > 1 and not call.differs:
        return _one_by_one(call)
    attributes = call.attributes
    if call.primitive is p.ATTENTION and attributes[2] is not None:
        attributes = (*attributes[:2], (0, *[axis + 1 for axis in attributes[2]]))
    operands = [plain(x) if x.is_number else (owned(x, call.samples), None) for x in call.operands]
    return _recorded(call, attributes, operands)


def _convolution(call: Call) -> list[Value]:
    """Samples are further pictures where the weight is one, groups of channels where each has its own.

    Its operands lie in row-major order, whatever shape their nodes have: that is in the geometry.
    """
    shape, d, geometry = call.attributes
    count = call.samples
    role = _ROLES[call.primitive]
    weight = next((operand for name, operand in zip(role, call.operands) if name == "w"), None)
    of_all = Size((count, *shape))
    if weight is not None and not weight.batched:
        pictures = replace(geometry, batch=count * geometry.batch)
        operands = [plain(x) if name == "w" else (owned(x, count), None) for name, x in zip(role, call.operands)]
        return [Value(record(call.primitive, (of_all, d, pictures), *operands), True)]
    groups = replace(
        geometry, in_channels=count * geometry.in_channels, out_channels=count * geometry.out_channels,
        groups=count * geometry.groups,
    )  # fmt: skip
    channels = {"x": geometry.in_channels, "y": geometry.out_channels}
    operands = [
        (owned(x, count) if name == "w" else _side_by_side(x, count, geometry.batch, channels[name]), None)
        for name, x in zip(role, call.operands)
    ]
    node = record(call.primitive, (of_all, d, groups), *operands)
    if weight is None:  # its gradient is the result, whose samples lie one behind the other
        return [Value(node, True)]
    result = channels["y" if call.primitive is p.CONVOLUTION else "x"]
    plane = Size(shape).numel() // (geometry.batch * result)
    strides = contiguous_strides((geometry.batch, count, result, plane))
    moved = View((count, geometry.batch, result, plane), (strides[1], strides[0], *strides[2:]), 0)
    return [Value(_reshaped(record(p.COPY, None, (node, moved)), of_all), True)]


_ROLES = {p.CONVOLUTION: "xw", p.CONVOLUTION_INPUT: "yw", p.CONVOLUTION_WEIGHT: "yx"}
"""What the operands of a convolution are: input, weight, result (or its gradient)."""


def _side_by_side(operand: Operand, count: int, pictures: int, channels: int) -> Node:
    """The pictures of all samples with their channels side by side."""
    node = owned(operand, count)
    plane = operand.sizes.numel() // (pictures * channels)
    strides = contiguous_strides((count, pictures, channels, plane))
    moved = View((pictures, count, channels, plane), (strides[1], strides[0], *strides[2:]), 0)
    return record(p.COPY, None, (node, moved))


def _reshaped(node: Node, shape: Sequence[int]) -> Node:
    """A node of its own with the elements of another, of another shape."""
    sizes = tuple(shape)
    return record(p.COPY, None, (node, View(sizes, contiguous_strides(sizes), 0)))


def _pool(call: Call) -> list[Value]:
    """Planes side by side: those of the samples follow each other."""
    shape, d, window = call.attributes
    operands = [(owned(operand, call.samples), None) for operand in call.operands]
    attributes = (Size((call.samples, *shape)), d, window._replace(planes=call.samples * window.planes))
    return _recorded(call, attributes, operands)


def _one_by_one(call: Call) -> list[Value]:
    """The primitive for each sample by itself, and the results stacked."""
    results: list[list[Node]] = []
    for sample in range(call.samples):
        operands = [plain(x) if x.is_number else (sample_of(x, sample), None) for x in call.operands]
        if call.outputs:
            results.append(record_outputs(call.primitive, call.attributes, call.outputs, *operands))
        else:
            results.append([record(call.primitive, call.attributes, *operands)])
    metas = [(call.shape, call.dtype), *[(shape, d) for shape, d, _ in call.outputs]]
    return [
        Value(stacked([result[number] for result in results], shape, d), True)
        for number, (shape, d) in enumerate(metas)
    ]


def sample_of(operand: Operand, sample: int) -> Node:
    """What one sample reads, by itself."""
    view = operand.view or whole(operand.shape)
    if not operand.batched:
        return record(p.COPY, None, (operand.value, view))
    place = view.offset + sample * operand.shape.numel()
    return record(p.COPY, None, (operand.value, View(view.sizes, view.strides, place)))


def stacked(parts: Sequence[Node], shape: Sequence[int], d: Any) -> Node:
    sizes = Size((len(parts), *shape))
    if not parts:
        return record_constant(sizes, 0, d)
    return record(p.JOIN, (sizes, d, 0, True), *[(part, None) for part in parts])


_BY_KIND: dict[str, Rule] = {
    "map": _map, "gather": _gather, "scatter": _scatter, "write": _write, "join": _join, "reduce": _reduce, "scan": _scan,
    "matmul": _matmul, "attention": _attention,
}  # fmt: skip
_BY_PRIMITIVE: dict[p.Primitive, Rule] = {
    p.RANDOM_BITS: _source, p.CONVOLUTION: _convolution, p.CONVOLUTION_INPUT: _convolution,
    p.CONVOLUTION_WEIGHT: _convolution, p.MAX_POOL: _pool, p.MAX_POOL_GRADIENT: _pool, p.AVERAGE_POOL: _pool,
    p.AVERAGE_POOL_GRADIENT: _pool, p.ADAPTIVE_POOL: _pool, p.ADAPTIVE_POOL_GRADIENT: _pool, p.ADAPTIVE_MAX_POOL: _pool,
}  # fmt: skip


def batched(call: Call) -> list[Value]:
    """Record a call for all samples: what stands for its outputs."""
    if call.primitive is p.RANDOM_BITS and call.differs or any(operand.batched for operand in call.operands):
        rule = _BY_PRIMITIVE.get(call.primitive) or _BY_KIND.get(call.primitive.kind, _one_by_one)
        return rule(call) if call.samples or rule in (_map, _source) else _one_by_one(call)
    operands = [plain(operand) for operand in call.operands]
    if call.outputs:
        nodes = record_outputs(call.primitive, call.attributes, call.outputs, *operands)
        return [Value(node, False) for node in nodes]
    return [Value(record(call.primitive, call.attributes, *operands), False)]
