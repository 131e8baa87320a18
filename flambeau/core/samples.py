"""Recording what a function does for one of many samples, and then doing it for all of them.

The function is called once, with tensors that have the shape of one sample. What they record goes into a :class:`SampleTrace`,
which is never evaluated: whatever would look at a value raises :class:`DataDependent`. Afterwards each of its primitives is
recorded for the whole batch (:mod:`flambeau.core.batching`) in the trace that was there before, which may be another batch's. All
that lies above recording (operations, views, writing in place, gradients of whatever order) goes on inside as for any tensor.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..graph.dtypes import DType, scalar_dtype
from ..graph.primitives import COPY, LEAF, OUTPUT, WRITE
from ..graph.segments import expanded
from ..graph.shapes import MOVED, Size, View
from ..graph.steps import Step, chain_to
from ..graph.trace import CLOSED, UNLIMITED, Node, Trace, enter, evaluate, local, record
from .batching import Call, Operand, Value, batched, sample_of, spread, stacked
from .storage import Storage, whole
from .tensor import Tensor

_T = TypeVar("_T")


class DataDependent(RuntimeError):
    """A value was looked at that differs from sample to sample."""

    def __init__(self) -> None:
        super().__init__(
            "vmap: the value of a Tensor was looked at (by .item(), bool(), printing, NumPy, or an operation whose result's "
            "shape depends on values, as nonzero). Inside vmap it has no single value: data-dependent control flow is not "
            "supported, please use other operations (torch.where for a choice)"
        )


class Escaped(RuntimeError):
    """A tensor of one sample was used after the function had ended."""

    def __init__(self) -> None:
        super().__init__("vmap: a Tensor that was made inside a vmapped function is used outside of it; return it instead")


class Samples:
    """A batch: how many samples, what random operations do, and what stands for their values in all calls that belong to it.

    A gradient belongs to the batch of the function that it is the gradient of: it reads what that has saved.
    """

    def __init__(self, count: int, randomness: str = "error") -> None:
        self.count = count
        #: "error", "different" or "same".
        self.randomness = randomness
        #: What stands for values that somebody still holds.
        self.values: weakref.WeakKeyDictionary[Node, Value] = weakref.WeakKeyDictionary()

    def differs(self, tensor: Tensor) -> bool:
        """Whether a tensor that a function gave for one sample differs between them."""
        value = self.values.get(tensor._read())
        return value is not None and value.batched


class SampleTrace(Trace):
    """What is recorded for one sample."""

    __slots__ = ("batch", "outer", "leaves", "entered", "values", "done", "used", "held")

    sampling = True

    def __init__(self, batch: Samples, outer: Trace) -> None:
        super().__init__(outer.device)
        self.batch = batch
        self.outer = outer
        self.limit = UNLIMITED
        self.ended, self.error = True, DataDependent()  # for those who would look at a value
        none = scalar_dtype("b")
        self.cursor = Step(None, LEAF, None, (), Size(), none, none, None)
        self.cursor.passing = True
        #: What its leaves stand for, by place.
        self.leaves: dict[int, Value] = {}
        #: Its leaves for values from outside, by the identity of these (which are kept).
        self.entered: dict[int, Node] = {}
        #: What stands for values in the trace outside, by place; how far that is, and how many numbers were used for it.
        self.values: dict[int, Value] = {}
        self.done = self.used = 0
        #: The nodes that may still be held when all is recorded, by place.
        self.held: dict[int, weakref.ref[Node]] = {}
        self.sites[-1] = None  # so that it is noted what is written in place

    def leaf(self, shape: Size, d: DType, value: Value) -> Node:
        """A leaf that stands for a value outside."""
        step = Step(self.cursor, LEAF, (shape, d), (), shape, d, d, None)
        node = Node(shape, d, self, step.depth - 1)
        self.leaves[node.place] = value
        self.nodes.append(node)
        self.cursor = step
        return node

    def bring(self, node: Node) -> Node:
        """The leaf for a value from outside: one of the batch's from an earlier call, or what is the same for all samples."""
        known = self.entered.get(id(node))
        if known is None:
            value = self.batch.values.get(node) or Value(node, False)
            known = self.entered[id(node)] = self.leaf(node.shape, node.dtype, value)
            self.kept.append(node)
        return known

    def memory(self, node: Node) -> Any:
        """The memory of a value that is the same for all samples. :class:`DataDependent` if it is not."""
        if type(self.error) is Escaped:
            raise self.error
        catch_up_now(self)
        value = self.values.get(node.place)
        if value is None or value.batched:
            raise DataDependent
        return outside(self, lambda: evaluate(value.node))

    def draws(self, count: int) -> int:
        """How many random numbers are drawn when one sample draws ``count``. ``RuntimeError`` if it may not."""
        if self.batch.randomness == "error":
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
                "randomness flags on vmap or perform the randomness operation out of vmap"
            )
        if self.batch.randomness == "different":
            count *= self.batch.count
        return self.outer.draws(count)


def sampled(batch: Samples, function: Callable[[SampleTrace], _T]) -> tuple[SampleTrace, _T]:
    """What a function gives that records for one sample, and the trace of what it has recorded."""
    outer = local.trace
    trace = SampleTrace(batch, outer)
    try:
        local.trace = trace
        return trace, function(trace)
    finally:
        local.trace = Trace(outer.device) if outer.limit == CLOSED else outer


def outside(trace: SampleTrace, function: Callable[[], _T]) -> _T:
    """What a function gives that is called outside, while one sample is recorded."""
    inner = local.trace
    if trace.outer.limit == CLOSED:
        trace.outer = Trace(trace.outer.device)
    try:
        local.trace = trace.outer
        return function()
    finally:
        local.trace = inner


def catch_up_now(trace: SampleTrace) -> None:
    """:func:`catch_up` while the sample is still recorded."""
    outside(trace, lambda: catch_up(trace))


def one_by_one(function: Callable[..., Sequence[Tensor]], operands: Sequence[Tensor]) -> list[Tensor]:
    """What a function gives that needs values, while one sample is recorded: called for each sample, its results stacked.

    Results must have the same shape for all samples. They have no history.
    """
    trace = local.trace
    assert isinstance(trace, SampleTrace)
    nodes = [x._read() for x in operands]
    nodes = [node if node.trace is trace else enter(trace, node) for node in nodes]
    catch_up_now(trace)
    given = [Operand(*trace.values[node.place], x._view, node.shape) for node, x in zip(nodes, operands)]
    count = trace.batch.count if any(operand.batched for operand in given) else 1

    def for_all() -> list[Node]:
        rows = [[result._read() for result in function(*[_one(x, sample) for x in given])] for sample in range(count)]
        return [stacked(column, column[0].shape, column[0].dtype) for column in zip(*rows, strict=True)]

    differs = any(operand.batched for operand in given)
    results = outside(trace, for_all)
    if not count:
        raise RuntimeError("vmap: an operation that needs values was called for a batch without samples")
    shapes = [Size(node.shape[1:]) for node in results]
    if not differs:
        results = outside(trace, lambda: [_alone(node, shape) for node, shape in zip(results, shapes)])
    return [
        Tensor._from_node(trace.leaf(shape, node.dtype, Value(node, differs))) for node, shape in zip(results, shapes)
    ]


def _one(operand: Operand, sample: int) -> Tensor:
    return Tensor._from_node(sample_of(operand, sample))


def _alone(node: Node, shape: Size) -> Node:
    return record(COPY, None, (node, whole(shape)))


def catch_up(trace: SampleTrace, last: dict[int, list[int]] | None = None) -> None:
    """Record for all samples what a trace has recorded since it was last asked to, in the trace outside.

    ``last``: which places are read for the last time by each step, if nothing more will be recorded.
    """
    steps = expanded(chain_to(trace.cursor))
    values, batch = trace.values, trace.batch
    place = trace.done
    trace.done = len(steps)
    numbers = iter(trace.numbers[trace.used :])
    trace.used = len(trace.numbers)
    if last is None:
        last = {}
    while place < len(steps):
        step = steps[place]
        behind = place + 1
        if step.primitive is LEAF:
            results = [trace.leaves[place]]
        else:
            while behind < len(steps) and steps[behind].primitive is OUTPUT and steps[behind].operands[0][0] == place:
                behind += 1
            operands = [_operand(values, steps, source, view, numbers) for source, view in step.operands]
            attributes = _view(step.attributes) if step.primitive is WRITE else step.attributes
            results = batched(
                Call(
                    step.primitive, attributes, operands, Size(step.shape), step.dtype, step.compute,
                    [output.attributes for output in steps[place + 1 : behind]], batch.count, batch.randomness == "different",
                )
            )  # fmt: skip
            if step.primitive.late and place in trace.sites:
                _note_site(results[0].node, trace.sites[place])
        for number, value in enumerate(results, place):
            values[number] = value
            if number in trace.held and (node := trace.held[number]()) is not None:
                batch.values[node] = value
        for number in last.get(place, ()):
            values.pop(number, None)
        place = behind


def do_for_all(trace: SampleTrace) -> None:
    """Record what a trace has recorded for all samples, and note what stands for the values that something still holds."""
    trace.held = {node.place: weakref.ref(node) for node in trace.nodes}
    trace.nodes = []  # who holds a node now is not the trace
    trace.entered.clear()
    trace.error = Escaped()
    for place, value in trace.values.items():
        if place in trace.held and (node := trace.held[place]()) is not None:
            trace.batch.values[node] = value
    catch_up(trace, _last_uses(expanded(chain_to(trace.cursor))))
    for kept in (trace.kept, trace.leaves, trace.numbers, trace.values, trace.held):
        kept.clear()  # type: ignore[attr-defined]


def _last_uses(steps: Sequence[Any]) -> dict[int, list[int]]:
    """Which places are read for the last time by each step."""
    last: dict[int, int] = {}
    for place, step in enumerate(steps):
        for source, _ in step.operands:
            if type(source) is int:
                last[source] = place
    ends: dict[int, list[int]] = {}
    for source, place in last.items():
        ends.setdefault(place, []).append(source)
    return ends


def _operand(values: dict[int, Value], steps: Sequence[Any], source: Any, view: View | None, numbers: Any) -> Operand:
    if type(source) is str:
        return Operand(next(numbers))
    if view is not None:
        view = _view(view)
        if view.offset == MOVED:
            view = view.at(next(numbers))
    node, is_batched = values[source]
    return Operand(node, is_batched, view, Size(steps[source].shape))


def _view(spelled: Any) -> View:
    """A view, which may be spelled by its integers alone (see :mod:`flambeau.graph.structure`)."""
    return spelled if type(spelled) is View else View(spelled.sizes, spelled.strides, spelled.offset)


def _note_site(node: Node, site: tuple[str, int] | None) -> None:
    """Have an error that is found late name the line that recorded it for one sample."""
    trace = node.trace
    if trace is not None and site is not None and node.place in trace.sites:
        trace.sites[node.place] = site


# --- tensors -----------------------------------------------------------------------------------------------------------


def node_of_all(tensor: Tensor) -> Node:
    """A node that holds a tensor's elements in row-major order, and nothing else."""
    node, view = tensor._read(), tensor._view
    if view is None or view.contiguous and view.offset == 0 and view.sizes == node.shape:
        return node
    return record(COPY, None, (node, view))


def result_of(batch: Samples, tensor: Tensor) -> Tensor:
    """The tensor of all samples, the batch in front, for one that a function gave for one sample; without history."""
    node, view = tensor._read(), tensor._view
    value = batch.values.get(node) or Value(node, False)
    pair = spread(Operand(value.node, value.batched, view, node.shape), batch.count)
    return Tensor._from_node(*pair, None if pair[1] is None else Storage(pair[0]))


def settle_writes(trace: SampleTrace) -> None:
    """Have tensors from outside that were written in place hold what was written.

    ``RuntimeError`` if that differs from sample to sample, for they have room for one only: they are as they were then.
    """
    seen: set[tuple[int, str]] = set()
    wrong = False
    for _, reference, attribute, old, _ in trace.rebound:
        owner = reference()
        if owner is None or (id(owner), attribute) in seen:
            continue
        seen.add((id(owner), attribute))
        node = getattr(owner, attribute)
        if type(old) is not Node or type(node) is not Node or node.trace is not trace:
            continue
        value = trace.batch.values.get(node)
        if value is None:
            continue
        wrong = wrong or value.batched
        setattr(owner, attribute, old if value.batched else value.node)
    trace.rebound.clear()
    if wrong:
        raise RuntimeError(
            "vmap: a Tensor that is the same for all samples was written to in place with values that differ from sample to "
            "sample, for which it has no room. Please use the operation out of place, or map over that Tensor as well"
        )
